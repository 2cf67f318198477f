package object

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

// Quantities returns the resource list at a path of keys with every amount in
// canonical form. What is no quantity is left out.
func Quantities(o map[string]any, path ...string) map[string]string {
	list := Map(o, path...)
	quantities := make(map[string]string, len(list))
	for name, value := range list {
		if text, ok := numberText(value); ok {
			if q, err := watch.CanonicalQuantity(text); err == nil {
				quantities[name] = q
			}
		}
	}
	return quantities
}

// Quantity reads one entry of the resource list at a path of keys. Absent
// entries read as zero.
func Quantity(o map[string]any, name string, path ...string) resource.Quantity {
	if text, ok := numberText(Map(o, path...)[name]); ok {
		if q, err := resource.ParseQuantity(text); err == nil {
			return q
		}
	}
	return resource.Quantity{}
}

// Unset states the limits and requests that nobody set, with what Kubernetes
// puts in their place. node is nil where the node is not known; it is then only
// stated that they are unset.
//
//   - A limit of cpu, memory or ephemeral-storage reads as the pod's own limit
//     in spec.resources, else as what the node has allocatable. A limit of 0
//     counts as none.
//   - A limit of huge pages reads as 0: they are never overcommitted.
//   - A request reads as 0.
//
// Kubernetes: pkg/kubelet/kubelet_resources.go, defaultPodLimitsForDownwardAPI;
// pkg/api/v1/resource/helpers.go, MergeContainerResourceLimits.
func Unset(pod, node map[string]any, from string) watch.Layer {
	var l watch.Layer
	allocatable := Allocatable(node)
	names := defaulted()
	for name, amount := range allocatable {
		if strings.HasPrefix(name, hugePages) && amount != "0" {
			names = append(names, name)
		}
	}
	for _, container := range Containers(pod) {
		at := containerPath(container)
		if node != nil {
			l.Set(at.Key("limits"), map[string]string{}, from) // no others are to come
		}
		for _, name := range names {
			if limit := Quantity(container, name, "resources", "limits"); limit.IsZero() {
				s := watch.Statement{Unset: true, From: from}
				if value, by := unsetLimit(pod, name, allocatable); value != "" {
					s.Value, s.From = value, strings.TrimSpace(from+" "+by)
				}
				l.State(at.Key("limits").Key(name), s)
			}
			if _, set := Map(container, "resources", "requests")[name]; !set {
				l.State(at.Key("requests").Key(name), watch.Statement{Value: "0", Unset: true, From: from})
			}
		}
	}
	return l
}

// Allocatable returns what pods can have of a node. A node that does not say
// gives its whole capacity. It is empty for a nil node.
// Kubernetes: pkg/apis/core/v1/defaults.go, SetDefaults_NodeStatus.
func Allocatable(node map[string]any) map[string]string {
	if Map(node, "status", "allocatable") == nil {
		return Quantities(node, "status", "capacity")
	}
	return Quantities(node, "status", "allocatable")
}

// defaulted lists the resources whose limit Kubernetes makes up where it is
// unset or 0.
func defaulted() []string { return []string{"cpu", "memory", "ephemeral-storage"} }

// limits returns the limits of a container, or of its status, that mean something.
func limits(container map[string]any) map[string]string {
	set := Quantities(container, "resources", "limits")
	for _, name := range defaulted() {
		if set[name] == "0" {
			delete(set, name)
		}
	}
	return set
}

const hugePages = "hugepages-"

// unsetLimit returns what stands for a limit, and what says so.
func unsetLimit(pod map[string]any, name string, allocatable map[string]string) (value, by string) {
	if strings.HasPrefix(name, hugePages) {
		return "0", ""
	}
	if q := PodLimit(pod, name); !q.IsZero() {
		return q.String(), "spec.resources"
	}
	return allocatable[name], "node allocatable"
}

// PodLimit returns the limit that the pod as a whole has, or zero. Only cpu and
// memory have one that bounds the containers.
// Kubernetes: component-helpers/resource, IsSupportedPodLevelResource.
func PodLimit(pod map[string]any, name string) resource.Quantity {
	if name != "cpu" && name != "memory" {
		return resource.Quantity{}
	}
	return Quantity(pod, name, "spec", "resources", "limits")
}
