package watch

import (
	"slices"
	"strings"
)

// Facts that code refers to by name.
const (
	PodName               Path = "pod.name"
	PodNamespace          Path = "pod.namespace"
	PodUID                Path = "pod.uid"
	PodLabels             Path = "pod.labels"
	PodAnnotations        Path = "pod.annotations"
	PodIP                 Path = "pod.ip"
	PodIPs                Path = "pod.ips"
	PodHostIP             Path = "pod.hostIP"
	PodHostIPs            Path = "pod.hostIPs"
	PodNodeName           Path = "pod.nodeName"
	PodServiceAccountName Path = "pod.serviceAccountName"
	PodOrdinal            Path = "pod.ordinal"
	NodeName              Path = "node.name"
	NodeZone              Path = "node.zone"
	NodeRegion            Path = "node.region"
	NodeIP                Path = "node.ip"
	NodeLabels            Path = "node.labels"
	NamespaceName         Path = "namespace.name"
	OwnerKind             Path = "owner.kind"
	OwnerName             Path = "owner.name"
	WorkloadKind          Path = "workload.kind"
	WorkloadName          Path = "workload.name"
)

// Kind says what a fact's value is.
type Kind string

// The kinds, with the Go type of the value.
const (
	String     Kind = "string"     // string
	Number     Kind = "number"     // int64
	Quantity   Kind = "quantity"   // string, canonical: 2500m, 3Gi
	Time       Kind = "time"       // string, RFC 3339 in UTC
	List       Kind = "list"       // []string
	Strings    Kind = "map"        // map[string]string, of which each entry is a fact
	Quantities Kind = "quantities" // map[string]string, of which each entry is a quantity
	Objects    Kind = "objects"    // []any of map[string]any
	Tree       Kind = "tree"       // whatever the object holds
)

// Field is one row of the vocabulary.
type Field struct {
	Pattern string // the path; <name> stands for a segment that people choose
	Kind    Kind
	Sources string // where it comes from, best first
	Doc     string
}

// Vocabulary lists every fact there is, in the order of the documentation.
func Vocabulary() []Field { return slices.Clone(vocabulary) }

// Where facts come from, best first.
const (
	fromAll      = "API, volume, service account, environment"
	fromToken    = "API, service account, environment"
	fromVolume   = "API, volume"
	fromAPI      = "API"
	fromAPIEnv   = "API, environment"
	fromSized    = "API, volume, environment"
	fromTopology = "API, the pod's topology labels"
	fromNames    = "API, derived from labels and names"
)

var vocabulary = []Field{
	{"pod.name", String, fromAll, "name of the pod"},
	{"pod.namespace", String, fromAll, "namespace of the pod"},
	{"pod.uid", String, fromAll, "UID of the pod"},
	{"pod.labels", Strings, fromVolume, "labels of the pod"},
	{"pod.annotations", Strings, fromVolume, "annotations of the pod, without kubernetes.io/config.*"},
	{"pod.ip", String, fromAPIEnv, "primary address of the pod"},
	{"pod.ips", List, fromAPIEnv, "every address of the pod"},
	{"pod.hostIP", String, fromAPIEnv, "primary address of the node"},
	{"pod.hostIPs", List, fromAPIEnv, "every address of the node"},
	{"pod.nodeName", String, fromToken, "name of the node"},
	{"pod.serviceAccountName", String, fromToken, "service account of the pod"},
	{"pod.hostname", String, fromAPI, "spec.hostname, else the pod's name"},
	{"pod.subdomain", String, fromAPI, "spec.subdomain"},
	{"pod.ordinal", Number, fromNames, "index of a StatefulSet's or indexed Job's pod"},
	{"pod.createdAt", Time, fromAPI, "when the pod was created"},
	{"pod.qosClass", String, fromAPI, "Guaranteed, Burstable or BestEffort"},
	{"pod.priorityClassName", String, fromAPI, "priority class of the pod"},
	{"pod.deletionTimestamp", Time, fromAPI, "when the pod will be gone; only while it is being deleted"},
	{"containers.<name>.image", String, fromAPI, "image as the spec names it"},
	{"containers.<name>.imageID", String, fromAPI, "image as the runtime resolved it"},
	{"containers.<name>.limits", Quantities, fromSized, "resource limits; unset ones read as node allocatable"},
	{"containers.<name>.requests", Quantities, fromSized, "resource requests"},
	{"containers.<name>.allocated", Quantities, fromAPI, "resources that the node has granted"},
	{"containers.<name>.enforced", Quantities, fromAPI, "limits in force, which are not those of limits while a resize is pending"},
	{"node.name", String, fromToken, "name of the node"},
	{"node.labels", Strings, fromAPI, "labels of the node"},
	{"node.annotations", Strings, fromAPI, "annotations of the node"},
	{"node.zone", String, fromTopology, "topology.kubernetes.io/zone"},
	{"node.region", String, fromTopology, "topology.kubernetes.io/region"},
	{"node.instanceType", String, fromAPI, "node.kubernetes.io/instance-type"},
	{"node.arch", String, fromAPI, "kubernetes.io/arch"},
	{"node.os", String, fromAPI, "kubernetes.io/os"},
	{"node.ip", String, fromAPIEnv, "internal address of the node"},
	{"node.kubeletVersion", String, fromAPI, "version of the kubelet"},
	{"node.allocatable", Quantities, fromAPI, "resources that pods can have"},
	{"node.capacity", Quantities, fromAPI, "resources of the machine"},
	{"namespace.name", String, fromAll, "name of the namespace"},
	{"namespace.labels", Strings, fromAPI, "labels of the namespace"},
	{"namespace.annotations", Strings, fromAPI, "annotations of the namespace"},
	{"owner.kind", String, fromNames, "kind of the controller: ReplicaSet, StatefulSet, Job …"},
	{"owner.name", String, fromNames, "name of the controller"},
	{"owner.uid", String, fromAPI, "UID of the controller"},
	{"workload.kind", String, fromNames, "kind of the workload: Deployment, StatefulSet, DaemonSet, CronJob, else the topmost controller's"},
	{"workload.name", String, fromNames, "name of the workload"},
	{"workload.uid", String, fromAPI, "UID of the workload"},
	{"workload.labels", Strings, fromAPI, "labels of the workload"},
	{"workload.annotations", Strings, fromAPI, "annotations of the workload"},
	{"workload.replicas", Number, fromAPI, "replicas that the workload asks for"},
	{"services", Objects, fromAPI, "services whose selector matches the pod"},
	{"peers", Objects, fromAPI, "pods of the same workload: name, ip, node, zone, ready, self"},
	{"cluster.uid", String, fromAPI, "UID of the kube-system namespace"},
	{"cluster.version", String, fromAPI, "version of the API server"},
	{"objects.<id>", Tree, fromAPI, "an object, or a list of them, that the configuration asks for"},
	{"files.<path>", String, "volume", "a volume file whose meaning is not known, verbatim"},
	{"env.<name>", String, "environment", "a variable of podfacts itself that the configuration lists"},
	{"limits.<resource>", Quantity, fromSized, "limit of the default container"},
	{"requests.<resource>", Quantity, fromSized, "request of the default container"},
}

// KindOf returns what the value of a canonical path is: Strings for
// pod.labels, String for pod.labels['app'], and false for a group such as
// pod or a path that the vocabulary does not hold.
func KindOf(p Path) (Kind, bool) { return kindOf(p.Segments()) }

// FieldOf returns the row of the vocabulary that a canonical path belongs to.
func FieldOf(p Path) (Field, bool) {
	segments := p.Segments()
	for _, f := range vocabulary {
		if rest, ok := match(f.Pattern, segments); ok && rest >= 0 {
			return f, true
		}
	}
	return Field{}, false
}

func kindOf(segments []string) (Kind, bool) {
	for _, f := range vocabulary {
		rest, ok := match(f.Pattern, segments)
		switch {
		case !ok || rest < 0:
		case rest == 0:
			return f.Kind, true
		case rest == 1 && f.Kind == Strings:
			return String, true
		case rest == 1 && f.Kind == Quantities:
			return Quantity, true
		case f.Kind == Tree || f.Kind == Objects:
			return Tree, true
		}
	}
	return "", false
}

// match holds segments against a pattern. rest counts the segments beyond
// the pattern; it is negative where the segments name a group above it.
func match(pattern string, segments []string) (rest int, ok bool) {
	n := 0
	for part := range strings.SplitSeq(pattern, ".") {
		if n < len(segments) && part[0] != '<' && part != segments[n] {
			return 0, false
		}
		n++
	}
	return len(segments) - n, true
}

// known reports whether segments name a fact, a map or a group.
func known(segments []string) bool {
	if _, ok := kindOf(segments); ok {
		return true
	}
	return slices.ContainsFunc(vocabulary, func(f Field) bool {
		rest, ok := match(f.Pattern, segments)
		return ok && rest < 0
	})
}

// fieldPaths are the field paths of a pod spec, beside those of labels and
// annotations. Kubernetes: pkg/apis/core/validation,
// validVolumeDownwardAPIFieldPathExpressions and
// validEnvDownwardAPIFieldPathExpressions.
var fieldPaths = []struct {
	fieldPath string
	fact      Path
}{
	{"metadata.name", PodName},
	{"metadata.namespace", PodNamespace},
	{"metadata.uid", PodUID},
	{"spec.nodeName", PodNodeName},
	{"spec.serviceAccountName", PodServiceAccountName},
	{"status.podIP", PodIP},
	{"status.podIPs", PodIPs},
	{"status.hostIP", PodHostIP},
	{"status.hostIPs", PodHostIPs},
}

// unalias translates the field paths of a pod spec and leaves all else as it
// is.
func unalias(s string) string {
	for _, f := range fieldPaths {
		if s == f.fieldPath {
			return string(f.fact)
		}
	}
	for _, name := range []string{"labels", "annotations"} {
		rest, ok := strings.CutPrefix(s, "metadata."+name)
		if ok && (rest == "" || rest[0] == '[') {
			return "pod." + name + rest
		}
	}
	return s
}
