package watch

import (
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
func Vocabulary() []Field {
	const (
		all     = "API, volume, service account, environment"
		token   = "API, service account, environment"
		volume  = "API, volume"
		api     = "API"
		apiEnv  = "API, environment"
		sized   = "API, volume, environment"
		labels  = "API, the pod's topology labels"
		derived = "API, derived from labels and names"
	)
	return []Field{
		{"pod.name", String, all, "name of the pod"},
		{"pod.namespace", String, all, "namespace of the pod"},
		{"pod.uid", String, all, "UID of the pod"},
		{"pod.labels", Strings, volume, "labels of the pod"},
		{"pod.annotations", Strings, volume, "annotations of the pod, without kubernetes.io/config.*"},
		{"pod.ip", String, apiEnv, "primary address of the pod"},
		{"pod.ips", List, apiEnv, "every address of the pod"},
		{"pod.hostIP", String, apiEnv, "primary address of the node"},
		{"pod.hostIPs", List, apiEnv, "every address of the node"},
		{"pod.nodeName", String, token, "name of the node"},
		{"pod.serviceAccountName", String, token, "service account of the pod"},
		{"pod.hostname", String, api, "spec.hostname, else the pod's name"},
		{"pod.subdomain", String, api, "spec.subdomain"},
		{"pod.ordinal", Number, derived, "index of a StatefulSet's or indexed Job's pod"},
		{"pod.createdAt", Time, api, "when the pod was created"},
		{"pod.qosClass", String, api, "Guaranteed, Burstable or BestEffort"},
		{"pod.priorityClassName", String, api, "priority class of the pod"},
		{"pod.deletionTimestamp", Time, api, "when the pod will be gone; only while it is being deleted"},
		{"containers.<name>.image", String, api, "image as the spec names it"},
		{"containers.<name>.imageID", String, api, "image as the runtime resolved it"},
		{"containers.<name>.limits", Quantities, sized, "resource limits; unset ones read as node allocatable"},
		{"containers.<name>.requests", Quantities, sized, "resource requests"},
		{"containers.<name>.allocated", Quantities, api, "resources that the node has granted"},
		{"node.name", String, token, "name of the node"},
		{"node.labels", Strings, api, "labels of the node"},
		{"node.annotations", Strings, api, "annotations of the node"},
		{"node.zone", String, labels, "topology.kubernetes.io/zone"},
		{"node.region", String, labels, "topology.kubernetes.io/region"},
		{"node.instanceType", String, api, "node.kubernetes.io/instance-type"},
		{"node.arch", String, api, "kubernetes.io/arch"},
		{"node.os", String, api, "kubernetes.io/os"},
		{"node.ip", String, apiEnv, "internal address of the node"},
		{"node.kubeletVersion", String, api, "version of the kubelet"},
		{"node.allocatable", Quantities, api, "resources that pods can have"},
		{"node.capacity", Quantities, api, "resources of the machine"},
		{"namespace.name", String, all, "name of the namespace"},
		{"namespace.labels", Strings, api, "labels of the namespace"},
		{"namespace.annotations", Strings, api, "annotations of the namespace"},
		{"owner.kind", String, derived, "kind of the controller: ReplicaSet, StatefulSet, Job …"},
		{"owner.name", String, derived, "name of the controller"},
		{"owner.uid", String, api, "UID of the controller"},
		{"workload.kind", String, derived, "kind of the topmost controller: Deployment, CronJob …"},
		{"workload.name", String, derived, "name of the topmost controller"},
		{"workload.uid", String, api, "UID of the topmost controller"},
		{"workload.labels", Strings, api, "labels of the topmost controller"},
		{"workload.annotations", Strings, api, "annotations of the topmost controller"},
		{"workload.replicas", Number, api, "replicas that the workload asks for"},
		{"services", Objects, api, "services whose selector matches the pod"},
		{"peers", Objects, api, "pods of the same workload: name, ip, node, zone, ready, self"},
		{"cluster.uid", String, api, "UID of the kube-system namespace"},
		{"cluster.version", String, api, "version of the API server"},
		{"objects.<id>", Tree, api, "an object, or a list of them, that the configuration asks for"},
		{"files.<path>", String, "volume", "a volume file whose meaning is not known, verbatim"},
		{"env.<name>", String, "environment", "a variable of podfacts itself that the configuration lists"},
		{"limits.<resource>", Quantity, sized, "limit of the default container"},
		{"requests.<resource>", Quantity, sized, "request of the default container"},
	}
}

// KindOf returns what the value of a canonical path is: Strings for
// pod.labels, String for pod.labels['app'], and false for a group such as
// pod or a path that the vocabulary does not hold.
func KindOf(p Path) (Kind, bool) {
	segments := p.Segments()
	for _, f := range Vocabulary() {
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
	parts := strings.Split(pattern, ".")
	for i, part := range parts {
		if i >= len(segments) {
			break
		}
		if part[0] != '<' && part != segments[i] {
			return 0, false
		}
	}
	return len(segments) - len(parts), true
}

// known reports whether segments name a fact, a map or a group.
func known(segments []string) bool {
	if _, ok := KindOf(join(segments)); ok {
		return true
	}
	for _, f := range Vocabulary() {
		if rest, ok := match(f.Pattern, segments); ok && rest < 0 {
			return true
		}
	}
	return false
}

// fieldPathAlias translates the field paths of a pod spec.
// Kubernetes: pkg/apis/core/validation, validVolumeDownwardAPIFieldPathExpressions
// and validEnvDownwardAPIFieldPathExpressions.
func fieldPathAlias(s string) (Path, bool) {
	switch s {
	case "metadata.name":
		return PodName, true
	case "metadata.namespace":
		return PodNamespace, true
	case "metadata.uid":
		return PodUID, true
	case "spec.nodeName":
		return PodNodeName, true
	case "spec.serviceAccountName":
		return PodServiceAccountName, true
	case "status.podIP":
		return PodIP, true
	case "status.podIPs":
		return PodIPs, true
	case "status.hostIP":
		return PodHostIP, true
	case "status.hostIPs":
		return PodHostIPs, true
	}
	for _, group := range []Path{PodLabels, PodAnnotations} {
		_, name := group.Parent()
		rest, ok := strings.CutPrefix(s, "metadata."+name)
		if !ok {
			continue
		}
		if rest == "" {
			return group, true
		}
		if rest[0] == '[' {
			if key, after, err := subscript(rest); err == nil && after == "" {
				return group.Key(key), true
			}
		}
	}
	return "", false
}

// nearest finds the known name that a mistyped path most likely meant: one
// with the same last segment, else the one with the fewest edits.
func nearest(p Path) string {
	segments := p.Segments()
	best, bestCost := "", 4
	for _, f := range Vocabulary() {
		parts := strings.Split(f.Pattern, ".")
		candidate := make([]string, 0, len(segments))
		for i, part := range parts {
			if part[0] == '<' && i < len(segments) {
				part = segments[i]
			}
			candidate = append(candidate, part)
		}
		subscripted := len(segments) > len(parts) && (f.Kind == Strings || f.Kind == Quantities)
		if subscripted {
			candidate = append(candidate, segments[len(parts):]...)
		}
		name := string(join(candidate))
		cost := editDistance(string(p), name)
		if len(segments) > 1 && len(segments) == len(candidate) && segments[1] == candidate[1] && !subscripted {
			cost = min(cost, 3)
		}
		if cost < bestCost {
			best, bestCost = name, cost
		}
	}
	return best
}

// editDistance is Levenshtein's, by bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// Nearest returns the candidate that name was most likely meant to be, or
// an empty string. Configuration, flags and functions share it.
func Nearest(name string, candidates []string) string {
	best, bestCost := "", 1+max(2, len(name)/3)
	for _, c := range candidates {
		if cost := editDistance(strings.ToLower(name), strings.ToLower(c)); cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}
