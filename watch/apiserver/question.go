package apiserver

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// question is one thing to ask the API server. Equal questions have one answer.
type question struct {
	part             part
	id               string // of the object asked for
	apiVersion, kind string
	namespace        string // empty for kinds without, and for all of them
	name             string // empty asks for a list
	labels, fields   string
	metadata         bool // only the metadata
	optional         bool // may be absent
	followed         bool // is watched, unless there is no permission to do so
}

// named reports whether a Role can name the object: its name is not drawn by lot.
func (q question) named() bool {
	return q.part == partObjects || q.part == partClusterUID || q.part == partNamespace
}

// keep takes over what is used of an object, in a form of its own.
func (q question) keep(r resource, m mask, o runtime.Object) map[string]any {
	var fields map[string]any
	switch o := o.(type) {
	case *unstructured.Unstructured:
		fields = o.Object
	case *metav1.PartialObjectMetadata:
		fields, _ = runtime.DefaultUnstructuredConverter.ToUnstructured(o) // metadata always convert
	}
	if fields == nil {
		return nil
	}
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
	}
	kept, _ := m.of(fields).(map[string]any)
	if kept != nil {
		kept["apiVersion"], kept["kind"] = r.apiVersion(), r.kind
	}
	return kept
}

// mask says which fields are kept. Nil keeps everything, as objects asked for
// by the configuration do.
func (q question) mask() mask {
	if q.part == partObjects {
		return nil
	}
	return masks()[q.part]
}

// mask is a tree of the fields that are kept. A nil mask keeps all. Lists keep
// the fields of each entry.
type mask map[string]mask

func (m mask) of(value any) any {
	if m == nil {
		return value
	}
	switch v := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(m))
		for key, below := range m {
			if field, ok := v[key]; ok {
				kept[key] = below.of(field)
			}
		}
		return kept
	case []any:
		for i := range v {
			v[i] = m.of(v[i])
		}
	}
	return value
}

// leaves keeps fields as they are.
func leaves(names ...string) mask {
	m := make(mask, len(names))
	for _, name := range names {
		m[name] = nil
	}
	return m
}

func (m mask) with(name string, below mask) mask {
	m[name] = below
	return m
}

// masks lists what the facts are made of. See package object.
func masks() map[part]mask {
	metadata := leaves("name", "namespace", "uid", "resourceVersion", "labels", "annotations", "ownerReferences", "creationTimestamp", "deletionTimestamp")
	container := leaves("name", "image", "command", "resources", "volumeMounts")
	volume := leaves("name", "downwardAPI").with("projected", mask{"sources": leaves("downwardAPI")})
	status := leaves("name", "imageID", "allocatedResources").with("resources", leaves("limits"))
	condition := leaves("type", "status")
	only := mask{"metadata": metadata}
	workload := mask{"metadata": metadata, "spec": leaves("replicas", "selector")}
	return map[part]mask{
		partPod: {
			"metadata": metadata,
			"spec": leaves("nodeName", "serviceAccountName", "hostname", "hostnameOverride", "subdomain", "priorityClassName", "resources").
				with("containers", container).with("initContainers", container).with("volumes", volume),
			"status": leaves("phase", "podIP", "podIPs", "hostIP", "hostIPs", "qosClass").
				with("conditions", condition).with("containerStatuses", status).with("initContainerStatuses", status),
		},
		partNode:         only,
		partNodeStatus:   {"metadata": metadata, "status": leaves("addresses", "allocatable", "capacity", "nodeInfo")},
		partNamespace:    only,
		partOwners:       only,
		partWorkload:     workload,
		partWorkloadSpec: workload,
		partServices: {
			"metadata": leaves("name", "namespace", "resourceVersion", "uid"),
			"spec":     leaves("selector", "type", "ports", "clusterIP", "clusterIPs"),
		},
		partPeers: {
			"metadata": leaves("name", "namespace", "uid", "resourceVersion", "ownerReferences").
				with("labels", leaves("pod-template-hash", "topology.kubernetes.io/zone")),
			"spec":   leaves("nodeName"),
			"status": leaves("phase", "podIP").with("conditions", condition),
		},
		partClusterUID: {"metadata": leaves("name", "uid")},
	}
}
