package object

import (
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch"
)

// Lookup finds an object, or says that it cannot be had. An empty uid means
// any.
type Lookup func(apiVersion, kind, namespace, name, uid string) (map[string]any, bool)

// Kind names a kind as owner references do.
type Kind struct{ APIVersion, Kind string }

// Workloads lists the kinds at which the way up from a pod ends, whoever owns
// them: what people call the workload of a pod that an operator's database runs
// is the StatefulSet, which has the replicas, and not the operator's resource.
func Workloads() []Kind {
	return []Kind{{"apps/v1", "Deployment"}, {"apps/v1", "StatefulSet"}, {"apps/v1", "DaemonSet"}, {"batch/v1", "CronJob"}}
}

// Between lists the kinds that mostly have something above them. Where one of
// these cannot be had, the workload is not known.
func Between() []Kind { return []Kind{{"apps/v1", "ReplicaSet"}, {"batch/v1", "Job"}} }

// IsWorkload reports whether a kind is one of [Workloads], of any version, or a
// Node, which controls the mirrors of its static pods.
func IsWorkload(apiVersion, kind string) bool {
	return isOneOf(append(Workloads(), Kind{"v1", "Node"}), apiVersion, kind)
}

// IsBetween reports whether a kind is one of [Between], of any version.
func IsBetween(apiVersion, kind string) bool { return isOneOf(Between(), apiVersion, kind) }

// isOneOf compares the group and not the version.
func isOneOf(kinds []Kind, apiVersion, kind string) bool {
	return slices.ContainsFunc(kinds, func(k Kind) bool { return k.Kind == kind && Group(k.APIVersion) == Group(apiVersion) })
}

// Group is the API group of an apiVersion: apps for apps/v1, nothing for v1.
func Group(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// Owner states owner.*: the controller that the pod names. A pod without one
// states nothing.
func Owner(pod map[string]any, from string) watch.Layer {
	var l watch.Layer
	if ref := Controller(pod); ref != nil {
		l.Set(watch.OwnerKind, Text(ref, "kind"), from)
		l.Set(watch.OwnerName, Text(ref, "name"), from)
		l.Set("owner.uid", Text(ref, "uid"), from)
	}
	return l
}

// Workload states workload.*: the first of [Workloads] among the controllers
// above the pod, else the topmost one, of whatever kind.
//
// A controller that find does not know is stated by the reference to it, which
// tells kind, name and uid, and is taken for the topmost one. The exceptions are
// those of [Between]: what stands above them is then not known, and nothing is
// stated; the merge may still conclude the workload from labels and names.
func Workload(pod map[string]any, find Lookup) watch.Layer {
	var l watch.Layer
	top, whole := climb(pod, find)
	if !whole || top.kind == "" {
		return l
	}
	from := "ownerReferences of " + top.named
	if top.object != nil {
		from = Name(top.object)
	}
	l.Set(watch.WorkloadKind, top.kind, from)
	l.Set(watch.WorkloadName, top.name, from)
	l.Set("workload.uid", top.uid, from)
	if top.object == nil {
		return l
	}
	l.Set("workload.labels", Strings(top.object, "metadata", "labels"), from)
	l.Set("workload.annotations", annotations(top.object), from)
	if n, ok := Integer(top.object, "spec", "replicas"); ok {
		l.Set("workload.replicas", n, from)
	} else if replicasDefault(top.kind) {
		l.Set("workload.replicas", int64(1), from)
	}
	return l
}

// replicasDefault reports whether the API server sets spec.replicas to 1.
func replicasDefault(kind string) bool {
	return kind == "Deployment" || kind == "StatefulSet" || kind == "ReplicaSet" || kind == "ReplicationController"
}

// step is one controller on the way up.
type step struct {
	kind, name, uid string
	named           string         // who refers to it
	object          map[string]any // nil where it cannot be had
}

// climb walks the controller references from a pod to its workload. whole says
// that it got there. The zero step means that the pod has no controller.
func climb(pod map[string]any, find Lookup) (top step, whole bool) {
	// Owners can be written by anybody, so that a loop of them is possible.
	const highest = 10
	namespace := Text(pod, "metadata", "namespace")
	o := pod
	for range highest {
		ref := Controller(o)
		if ref == nil {
			return top, true
		}
		apiVersion := Text(ref, "apiVersion")
		top = step{kind: Text(ref, "kind"), name: Text(ref, "name"), uid: Text(ref, "uid"), named: Name(o)}
		found, ok := find(apiVersion, top.kind, namespace, top.name, top.uid)
		if ok {
			top.object, o = found, found
			top.uid = or(top.uid, Text(found, "metadata", "uid"))
		}
		switch {
		case IsWorkload(apiVersion, top.kind):
			return top, true
		case !ok:
			return top, !IsBetween(apiVersion, top.kind)
		}
	}
	return top, false
}

// Controller is the owner reference that controls an object, or nil.
// Kubernetes: apimachinery/pkg/apis/meta/v1, GetControllerOf.
func Controller(o map[string]any) map[string]any {
	for _, ref := range List(o, "metadata", "ownerReferences") {
		if Flag(ref, "controller") {
			return ref
		}
	}
	return nil
}

// workloadID names the workload as far as it can be found. A ReplicaSet that
// cannot be read gives away its Deployment by the hash at the end of its name.
func workloadID(pod map[string]any, find Lookup) string {
	top, whole := climb(pod, find)
	if !whole && top.kind == "ReplicaSet" {
		hash := Text(pod, "metadata", "labels", "pod-template-hash")
		if name, ok := strings.CutSuffix(top.name, "-"+hash); ok && hash != "" {
			top.kind, top.name = "Deployment", name
		}
	}
	if top.kind == "" {
		return ""
	}
	return top.kind + "/" + top.name
}
