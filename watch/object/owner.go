package object

import (
	"strings"

	"github.com/podfacts/podfacts/watch"
)

// Lookup finds an object, or says that it cannot be had. An empty uid means
// any.
type Lookup func(apiVersion, kind, namespace, name, uid string) (map[string]any, bool)

// Owner states owner.*: the controller that the pod names. A pod without one
// states nothing.
func Owner(pod map[string]any, from string) watch.Layer {
	var l watch.Layer
	if ref := controller(pod); ref != nil {
		l.Set(watch.OwnerKind, Text(ref, "kind"), from)
		l.Set(watch.OwnerName, Text(ref, "name"), from)
		l.Set("owner.uid", Text(ref, "uid"), from)
	}
	return l
}

// Workload states workload.*: the topmost controller, which has none above it.
// Where find does not know a controller on the way up, what stands above it is
// not known either, and nothing is stated; the merge may still conclude the
// workload from labels and names.
func Workload(pod map[string]any, find Lookup) watch.Layer {
	var l watch.Layer
	top, whole := climb(pod, find)
	if !whole || top.object == nil {
		return l
	}
	from := Name(top.object)
	l.Set(watch.WorkloadKind, top.kind, from)
	l.Set(watch.WorkloadName, top.name, from)
	l.Set("workload.uid", Text(top.object, "metadata", "uid"), from)
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
	kind, name string
	object     map[string]any // nil where it is not known
}

// climb walks the controller references from a pod to the top. whole says that
// it got there. The zero step means that the pod has no controller.
func climb(pod map[string]any, find Lookup) (top step, whole bool) {
	// Owners can be written by anybody, so that a loop of them is possible.
	const highest = 10
	namespace := Text(pod, "metadata", "namespace")
	for o, level := pod, 1; ; o, level = top.object, level+1 {
		ref := controller(o)
		if ref == nil {
			return top, true
		}
		next := step{kind: Text(ref, "kind"), name: Text(ref, "name")}
		owner, ok := find(Text(ref, "apiVersion"), next.kind, namespace, next.name, Text(ref, "uid"))
		if !ok || level > highest {
			return next, false
		}
		next.object = owner
		top = next
	}
}

// controller is the owner reference that controls an object, or nil.
// Kubernetes: apimachinery/pkg/apis/meta/v1, GetControllerOf.
func controller(o map[string]any) map[string]any {
	for _, ref := range List(o, "metadata", "ownerReferences") {
		if Flag(ref, "controller") {
			return ref
		}
	}
	return nil
}

// workloadID names the topmost controller that can be found. A ReplicaSet that
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
