package manifest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// Explain says why a dry run does not know a fact, and how to tell it.
func (p *Pod) Explain(fact watch.Path) (reason, hint string) {
	namespace := object.Text(p.object, "metadata", "namespace")
	dumped := func(kind, flags string) string {
		return fmt.Sprintf("dump it with kubectl get %s %s -o yaml into a directory, and name that with --objects DIR", kind, flags)
	}
	segments := fact.Segments()
	if len(segments) == 0 {
		return "", ""
	}
	switch segments[0] {
	case "pod":
		switch fact {
		case watch.PodIP, watch.PodIPs, watch.PodHostIP, watch.PodHostIPs, watch.PodNodeName, "pod.createdAt":
			return "a dry run does not know " + string(fact), setHint(fact)
		}
		return object.Name(p.object) + " does not have it", "set it on the pod, or give it a default"
	case "containers":
		if last := segments[len(segments)-1]; slices.Contains([]string{"imageID", "allocated", "enforced"}, last) {
			return "only a running pod has it", setHint(fact)
		}
		if len(segments) == 4 && segments[2] == "limits" && p.node == nil &&
			slices.Contains([]string{"cpu", "memory", "ephemeral-storage"}, segments[3]) {
			return unsetReason(segments[1], segments[3])
		}
		return object.Name(p.object) + " does not have it", "set it on the container, or give it a default"
	case "node":
		if p.node != nil {
			return object.Name(p.node) + " does not have it", "give it a default"
		}
		if name := object.Text(p.object, "spec", "nodeName"); name != "" {
			return "Node " + name + " was not loaded", "dump it with kubectl get node " + name + " -o yaml, and name the file with --node FILE"
		}
		return "a dry run does not know the node", "name one with --node FILE"
	case "namespace":
		return "Namespace " + namespace + " was not loaded", dumped("namespace", namespace)
	case "owner", "workload":
		return p.explainOwner(fact)
	case "services":
		return "no Service of namespace " + namespace + " was loaded", dumped("services", "-n "+namespace)
	case "cluster":
		if fact == "cluster.uid" {
			return "Namespace kube-system, whose UID it is, was not loaded", dumped("namespace", "kube-system")
		}
		return "a dry run does not know " + string(fact), setHint(fact)
	case "objects":
		return "no object of that id was loaded", "dump it with kubectl get -o yaml into a directory, and name that with --objects DIR"
	}
	return "", ""
}

func (p *Pod) explainOwner(fact watch.Path) (reason, hint string) {
	for _, ref := range object.List(p.object, "metadata", "ownerReferences") {
		if object.Flag(ref, "controller") {
			kind, namespace := object.Text(ref, "kind"), object.Text(p.object, "metadata", "namespace")
			if len(p.controllers) > 0 {
				return p.explainMade(fact, kind)
			}
			return fmt.Sprintf("%s %s, or what controls it, was not loaded", kind, object.Text(ref, "name")),
				fmt.Sprintf("dump them with kubectl get -n %s -o yaml into a directory, and name that with --objects DIR", namespace)
		}
	}
	return object.Name(p.object) + " has no controller", "name the workload's manifest with --pod FILE in place of the pod's, or give a default"
}

// explainMade is about the controllers of a pod that was made: the manifest has
// them, but does not count as what the API server says.
func (p *Pod) explainMade(fact watch.Path, kind string) (reason, hint string) {
	if stated, err := p.Read(context.Background()); err == nil && !stated.Has(fact) {
		return object.Name(p.controllers[0]) + " does not have it", "give it a default"
	}
	what, file := "what controls a pod", "its file"
	if kind == "Job" {
		what = "a Job's CronJob"
	}
	if name, _, _ := strings.Cut(p.at, ":"); name != stdin {
		file = p.at[:strings.LastIndexByte(p.at, ':')]
	}
	return what + " is known to the API server only", "name " + file + " with --objects too, to stand in for the API server"
}

// setHint shows how a fact is given by hand.
func setHint(fact watch.Path) string {
	example := "VALUE"
	switch fact {
	case watch.PodIP, watch.PodIPs, watch.PodHostIP, watch.PodHostIPs:
		example = "10.0.0.1"
	case watch.PodNodeName:
		return "name the node with --node FILE, or give it with --set pod.nodeName=n0"
	case "pod.createdAt":
		example = "2026-01-02T03:04:05Z"
	case "cluster.version":
		example = "v1.36.0"
	}
	return fmt.Sprintf("give it with --set %s=%s", fact, example)
}

func plural(kind string) string { return kind + "s" }
