package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch/apiserver"
	"github.com/podfacts/podfacts/watch/object"
)

// reference names a running pod, or what has pods.
type reference struct {
	namespace  string // empty: that of the access
	apiVersion string
	kind       string
	name       string
}

// selecting are the kinds that can stand for a pod of theirs, under the names that kubectl
// knows them by.
func selecting() []struct {
	apiVersion, kind string
	names            []string
} {
	return []struct {
		apiVersion, kind string
		names            []string
	}{
		{"v1", "Pod", []string{"pod", "pods", "po"}},
		{"apps/v1", "Deployment", []string{"deployment", "deployments", "deploy"}},
		{"apps/v1", "StatefulSet", []string{"statefulset", "statefulsets", "sts"}},
		{"apps/v1", "DaemonSet", []string{"daemonset", "daemonsets", "ds"}},
		{"apps/v1", "ReplicaSet", []string{"replicaset", "replicasets", "rs"}},
		{"batch/v1", "Job", []string{"job", "jobs"}},
		{"v1", "ReplicationController", []string{"replicationcontroller", "replicationcontrollers", "rc"}},
		{"v1", "Service", []string{"service", "services", "svc"}},
	}
}

// kindNamed finds a kind as kubectl does: deploy, deployments, deployments.apps,
// deployments.v1.apps.
func kindNamed(name string) (apiVersion, kind string, ok bool) {
	name, group, _ := strings.Cut(strings.ToLower(name), ".")
	for _, k := range selecting() {
		own, version, grouped := strings.Cut(k.apiVersion, "/")
		if !grouped {
			own, version = "", own
		}
		if slices.Contains(k.names, name) && (group == "" || group == own || group == version+"."+own) {
			return k.apiVersion, k.kind, true
		}
	}
	return "", "", false
}

// parseLive reads the value of --live: namespace/name, or a name or kind/name in the
// namespace of another flag, or all three.
func parseLive(text, namespace string) (reference, error) {
	parts := strings.Split(text, "/")
	if slices.Contains(parts, "") || len(parts) > 3 {
		return reference{}, fmt.Errorf("--live is %q, but must be namespace/name, or namespace/kind/name as in shop/deploy/web", text)
	}
	if len(parts) == 2 {
		if _, _, kind := kindNamed(parts[0]); namespace == "" || !kind {
			return reference{parts[0], "v1", "Pod", parts[1]}, nil
		}
	}
	if len(parts) == 3 {
		namespace, parts = parts[0], parts[1:]
	}
	return parseRunning(strings.Join(parts, "/"), namespace)
}

// parseRunning reads what kubectl's users say of a pod: web-0, pod/web-0, deploy/web.
func parseRunning(text, namespace string) (reference, error) {
	kind, name, ok := strings.Cut(text, "/")
	if !ok {
		kind, name = "pod", text
	}
	apiVersion, known, ok := kindNamed(kind)
	switch {
	case name == "" || strings.Contains(name, "/"):
		return reference{}, fmt.Errorf("%q is no pod; write its name, or kind/name as in deploy/web", text)
	case !ok:
		var kinds []string
		for _, k := range selecting() {
			kinds = append(kinds, k.names[0])
		}
		return reference{}, fmt.Errorf("%q: pods are not found by %s; name the pod, or one of %s; -n says the namespace", text, kind, strings.Join(kinds, ", "))
	}
	return reference{namespace, apiVersion, known, name}, nil
}

// running finds the pod that a reference names.
func (p *program) running(ctx context.Context, c *apiserver.Client, r reference) (map[string]any, error) {
	if r.namespace == "" {
		r.namespace = c.Namespace
	}
	if r.kind == "Pod" {
		return c.Get(ctx, r.apiVersion, r.kind, r.namespace, r.name)
	}
	pods, selector, err := c.Selected(ctx, r.apiVersion, r.kind, r.namespace, r.name)
	if err != nil {
		return nil, err
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("%s %s/%s has no pods; kubectl get pods -n %s -l '%s' shows them once there are", r.kind, r.namespace, r.name, r.namespace, selector)
	}
	best := slices.MaxFunc(pods, func(a, b map[string]any) int { return usefulness(a) - usefulness(b) })
	if len(pods) > 1 {
		p.log().Info("looking at one pod of several", "pods", len(pods), "pod", object.Text(best, "metadata", "name"))
	}
	return best, nil
}

// usefulness says which of several pods to look at: rather one that works, and the first of
// those that are alike.
func usefulness(pod map[string]any) (points int) {
	if object.Text(pod, "status", "phase") == "Running" {
		points++
	}
	if object.Text(pod, "metadata", "deletionTimestamp") == "" {
		points++
	}
	for _, c := range object.List(pod, "status", "conditions") {
		if object.Text(c, "type") == "Ready" && object.Text(c, "status") == "True" {
			points += 4
		}
	}
	return points
}
