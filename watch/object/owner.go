package object

import (
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch"
)

// Lookup finds an object, or says that it cannot be had. An empty uid means
// any.
type Lookup func(apiVersion, kind, namespace, name, uid string) (map[string]any, bool)

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
	way, whole := climb(pod, find)
	if !whole || len(way) == 0 {
		return l
	}
	top := way[len(way)-1]
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

// Controllers lists the kinds of the controllers above a pod, its own first and its
// workload last. whole is false where it is not known what stands above the last one.
func Controllers(pod map[string]any, find Lookup) (kinds []Kind, whole bool) {
	way, whole := climb(pod, find)
	for _, s := range way {
		kinds = append(kinds, Kind{s.apiVersion, s.kind})
	}
	return kinds, whole
}

// step is one controller on the way up.
type step struct {
	apiVersion, kind, name, uid string
	named                       string         // who refers to it
	object                      map[string]any // nil where it cannot be had
}

// climb walks the controller references from a pod up to its workload. whole says
// that it got there.
func climb(pod map[string]any, find Lookup) (way []step, whole bool) {
	// Owners can be written by anybody, so that a loop of them is possible.
	const highest = 10
	namespace := Text(pod, "metadata", "namespace")
	o := pod
	for range highest {
		ref := Controller(o)
		if ref == nil {
			return way, true
		}
		s := step{apiVersion: Text(ref, "apiVersion"), kind: Text(ref, "kind"), name: Text(ref, "name"), uid: Text(ref, "uid"), named: Name(o)}
		found, ok := find(s.apiVersion, s.kind, namespace, s.name, s.uid)
		if ok {
			s.object, o = found, found
			s.uid = or(s.uid, Text(found, "metadata", "uid"))
		}
		way = append(way, s)
		switch {
		case IsWorkload(s.apiVersion, s.kind):
			return way, true
		case !ok:
			return way, !IsBetween(s.apiVersion, s.kind)
		}
	}
	return way, false
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
	way, whole := climb(pod, find)
	if len(way) == 0 {
		return ""
	}
	top := way[len(way)-1]
	if !whole && top.kind == "ReplicaSet" {
		hash := Text(pod, "metadata", "labels", "pod-template-hash")
		if name, ok := strings.CutSuffix(top.name, "-"+hash); ok && hash != "" {
			top.kind, top.name = "Deployment", name
		}
	}
	return top.kind + "/" + top.name
}
