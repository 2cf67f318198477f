package object

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// Pod states what a pod's object says: every pod.* fact, and containers.* of its
// containers and init containers. from names the object in origins.
//
// What follows from labels and names (the ordinal, the zone) is left to the
// merge, which does the same for every source.
func Pod(pod map[string]any, from string) watch.Layer {
	var l watch.Layer
	set := func(name string, value any) { l.Set("pod."+watch.Path(name), value, from) }

	set("name", Text(pod, "metadata", "name"))
	set("namespace", Text(pod, "metadata", "namespace"))
	set("uid", Text(pod, "metadata", "uid"))
	set("labels", Strings(pod, "metadata", "labels"))
	set("annotations", annotations(pod))
	set("createdAt", timestamp(pod, "metadata", "creationTimestamp"))
	set("deletionTimestamp", timestamp(pod, "metadata", "deletionTimestamp"))
	set("nodeName", Text(pod, "spec", "nodeName"))
	set("serviceAccountName", Text(pod, "spec", "serviceAccountName"))
	set("hostname", hostname(pod))
	set("subdomain", Text(pod, "spec", "subdomain"))
	set("priorityClassName", Text(pod, "spec", "priorityClassName"))
	set("qosClass", qosClass(pod))
	set("ip", Text(pod, "status", "podIP"))
	set("ips", addresses(pod, "podIPs"))
	set("hostIP", Text(pod, "status", "hostIP"))
	set("hostIPs", addresses(pod, "hostIPs"))

	for _, c := range Containers(pod) {
		l.Add(container(pod, c, from))
	}
	if app := List(pod, "spec", "containers"); len(app) == 1 {
		l.Container = Text(app[0], "name")
	}
	return l
}

// Containers lists a pod's containers and then its init containers, in the order
// in which Kubernetes looks a container up by name. One without name, which only
// an API other than Kubernetes' own lets pass, is left out.
// Kubernetes: pkg/api/v1/resource/helpers.go, findContainerInPod.
func Containers(pod map[string]any) []map[string]any {
	all := slices.Concat(List(pod, "spec", "containers"), List(pod, "spec", "initContainers"))
	return slices.DeleteFunc(all, func(c map[string]any) bool { return Text(c, "name") == "" })
}

func container(pod, container map[string]any, from string) watch.Layer {
	var l watch.Layer
	at := containerPath(container)
	l.Set(at.Key("image"), Text(container, "image"), from)
	// Unset limits have a value too, which Unset knows, or a volume. Until one
	// of them has said it, the map is not known as a whole.
	set := limits(container)
	for name, limit := range set {
		l.Set(at.Key("limits").Key(name), limit, from)
	}
	if !slices.ContainsFunc(defaulted(), func(name string) bool { return set[name] == "" }) {
		l.Set(at.Key("limits"), set, from)
	}
	l.Set(at.Key("requests"), Quantities(container, "resources", "requests"), from)
	if status := containerStatus(pod, Text(container, "name")); status != nil {
		l.Set(at.Key("imageID"), Text(status, "imageID"), from)
		if allocated := Quantities(status, "allocatedResources"); len(allocated) > 0 {
			l.Set(at.Key("allocated"), allocated, from)
		}
		// What has been enacted, while spec is what is wanted.
		// Kubernetes: keps/sig-node/1287-in-place-update-pod-resources.
		if enforced := limits(status); len(enforced) > 0 {
			l.Set(at.Key("enforced"), enforced, from)
		}
	}
	return l
}

func containerPath(container map[string]any) watch.Path {
	return watch.Path("containers").Key(Text(container, "name"))
}

func containerStatus(pod map[string]any, name string) map[string]any {
	for _, list := range []string{"containerStatuses", "initContainerStatuses"} {
		for _, status := range List(pod, "status", list) {
			if Text(status, "name") == name {
				return status
			}
		}
	}
	return nil
}

// annotations leaves out what only the kubelet's copy of a pod has; see
// pkg/kubelet/types, ConfigSourceAnnotationKey.
func annotations(o map[string]any) map[string]string {
	all := Strings(o, "metadata", "annotations")
	maps.DeleteFunc(all, func(key, _ string) bool { return strings.HasPrefix(key, "kubernetes.io/config.") })
	return all
}

// hostname is what the kubelet calls the pod.
// Kubernetes: pkg/kubelet/kubelet_pods.go, GeneratePodHostNameAndDomain.
func hostname(pod map[string]any) string {
	const longest = 63
	name := Text(pod, "metadata", "name")
	for _, field := range []string{"hostname", "hostnameOverride"} {
		if given := Text(pod, "spec", field); given != "" {
			name = given
		}
	}
	if len(name) > longest {
		name = strings.TrimRight(name[:longest], "-.")
	}
	return name
}

// addresses reads a list such as status.podIPs. Nil states nothing.
func addresses(pod map[string]any, field string) any {
	var ips []string
	for _, entry := range List(pod, "status", field) {
		if ip := Text(entry, "ip"); ip != "" {
			ips = append(ips, ip)
		}
	}
	if ips == nil {
		return nil
	}
	return ips
}

// timestamp gives a time in UTC, or an empty string.
func timestamp(o map[string]any, path ...string) string {
	t, err := time.Parse(time.RFC3339, Text(o, path...))
	if err != nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
