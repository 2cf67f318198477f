package apiserver

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// resource is a kind as the API server serves it.
type resource struct {
	group, version string
	name           string // plural, as in URLs and rules
	kind           string
	namespaced     bool
	guessed        bool // nobody asked the API server
}

func (r resource) gvr() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: r.group, Version: r.version, Resource: r.name}
}

// apiVersion is the group and version as objects write them.
func (r resource) apiVersion() string {
	return schema.GroupVersion{Group: r.group, Version: r.version}.String()
}

// String is the resource as kubectl names it: replicasets.apps.
func (r resource) String() string {
	if r.group == "" {
		return r.name
	}
	return r.name + "." + r.group
}

// known gives the kinds that need no discovery. Their names and scopes are the
// same in every version, so that the version is taken as asked for.
func known(apiVersion, kind string) (resource, bool) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return resource{}, false
	}
	const (
		namespaced = true
		cluster    = false
	)
	for _, k := range []struct {
		group, kind, name string
		namespaced        bool
	}{
		{"", "Pod", "pods", namespaced},
		{"", "Node", "nodes", cluster},
		{"", "Namespace", "namespaces", cluster},
		{"", "ConfigMap", "configmaps", namespaced},
		{"", "Secret", "secrets", namespaced},
		{"", "Service", "services", namespaced},
		{"", "ServiceAccount", "serviceaccounts", namespaced},
		{"", "Endpoints", "endpoints", namespaced},
		{"", "PersistentVolumeClaim", "persistentvolumeclaims", namespaced},
		{"", "PersistentVolume", "persistentvolumes", cluster},
		{"", "ReplicationController", "replicationcontrollers", namespaced},
		{"", "ResourceQuota", "resourcequotas", namespaced},
		{"", "LimitRange", "limitranges", namespaced},
		{"apps", "Deployment", "deployments", namespaced},
		{"apps", "ReplicaSet", "replicasets", namespaced},
		{"apps", "StatefulSet", "statefulsets", namespaced},
		{"apps", "DaemonSet", "daemonsets", namespaced},
		{"apps", "ControllerRevision", "controllerrevisions", namespaced},
		{"batch", "Job", "jobs", namespaced},
		{"batch", "CronJob", "cronjobs", namespaced},
		{"autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", namespaced},
		{"policy", "PodDisruptionBudget", "poddisruptionbudgets", namespaced},
		{"discovery.k8s.io", "EndpointSlice", "endpointslices", namespaced},
		{"networking.k8s.io", "Ingress", "ingresses", namespaced},
		{"networking.k8s.io", "IngressClass", "ingressclasses", cluster},
		{"networking.k8s.io", "NetworkPolicy", "networkpolicies", namespaced},
		{"coordination.k8s.io", "Lease", "leases", namespaced},
		{"scheduling.k8s.io", "PriorityClass", "priorityclasses", cluster},
		{"storage.k8s.io", "StorageClass", "storageclasses", cluster},
	} {
		if k.group == gv.Group && k.kind == kind {
			return resource{group: gv.Group, version: gv.Version, name: k.name, kind: kind, namespaced: k.namespaced}, true
		}
	}
	return resource{}, false
}

// guess names the resource of a kind as most are named.
func guess(apiVersion, kind string) resource {
	if r, ok := known(apiVersion, kind); ok {
		return r
	}
	gv, _ := schema.ParseGroupVersion(apiVersion) // Validate has parsed it
	plural, _ := meta.UnsafeGuessKindToResource(gv.WithKind(kind))
	return resource{group: gv.Group, version: gv.Version, name: strings.ToLower(plural.Resource), kind: kind, namespaced: true, guessed: true}
}
