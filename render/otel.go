package render

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch"
)

// Annotations and labels that the semantic conventions for resources in
// Kubernetes name. https://opentelemetry.io/docs/specs/semconv/non-normative/k8s-attributes/
const (
	otelPrefix    = "resource.opentelemetry.io/"
	labelInstance = "app.kubernetes.io/instance"
	labelName     = "app.kubernetes.io/name"
	labelVersion  = "app.kubernetes.io/version"

	otelServiceName = "OTEL_SERVICE_NAME"
	otelAttributes  = "OTEL_RESOURCE_ATTRIBUTES"
)

// otel writes what the OpenTelemetry operator would inject.
func otel() Preset {
	p := Preset{
		name:  "otel",
		names: []string{otelServiceName, otelAttributes},
		doc:   otelServiceName + ", " + otelAttributes + " by the semantic conventions",
		paths: []watch.Path{watch.PodName, watch.PodNamespace, watch.PodUID, watch.PodLabels, watch.PodAnnotations,
			watch.NodeName, watch.NodeZone, watch.NodeRegion, "containers", "env." + otelServiceName, "env." + otelAttributes},
	}
	for _, group := range otelOwners() {
		p.paths = append(p.paths, group.Key("kind"), group.Key("name"), group.Key("uid"))
	}
	p.make = func(c presetContext) ([]Variable, []error) {
		attributes := c.otelAttributes()
		name := attributes["service.name"]
		delete(attributes, "service.name") // OTEL_SERVICE_NAME carries it
		if name == "" && len(attributes) == 0 {
			return nil, c.nothing(p.paths...)
		}
		var pairs []string
		for _, key := range slices.Sorted(maps.Keys(attributes)) {
			pairs = append(pairs, percentEncode(key)+"="+percentEncode(attributes[key]))
		}
		variables := []Variable{{Name: otelServiceName, Value: name}, {Name: otelAttributes, Value: strings.Join(pairs, ",")}}
		return slices.DeleteFunc(variables, func(v Variable) bool { return v.Value == "" }), nil
	}
	return p
}

// otelOwners are the groups whose objects become attributes.
func otelOwners() []watch.Path { return []watch.Path{"owner", "workload"} }

func (c presetContext) otelAttributes() map[string]string {
	label := func(key string) string { return c.text(watch.PodLabels.Key(key)) }
	container := c.container()
	pod, namespace := c.text(watch.PodName), c.text(watch.PodNamespace)

	attributes := map[string]string{
		"k8s.pod.name":            pod,
		"k8s.pod.uid":             c.text(watch.PodUID),
		"k8s.namespace.name":      namespace,
		"k8s.node.name":           c.text(watch.NodeName),
		"k8s.container.name":      container,
		"cloud.availability_zone": c.text(watch.NodeZone),
		"cloud.region":            c.text(watch.NodeRegion),
		"service.namespace":       namespace,
		"service.version":         cmp.Or(label(labelVersion), c.imageVersion(container)),
	}
	if pod != "" && namespace != "" && container != "" {
		attributes["service.instance.id"] = namespace + "." + pod + "." + container
	}
	for _, group := range otelOwners() {
		kind, name := c.text(group.Key("kind")), c.text(group.Key("name"))
		if key := otelWorkload(kind); key != "" && name != "" {
			attributes["k8s."+key+".name"] = name
			attributes["k8s."+key+".uid"] = c.text(group.Key("uid"))
		}
	}
	attributes["service.name"] = cmp.Or(label(labelInstance), label(labelName),
		attributes["k8s.deployment.name"], attributes["k8s.replicaset.name"], attributes["k8s.statefulset.name"],
		attributes["k8s.daemonset.name"], attributes["k8s.cronjob.name"], attributes["k8s.job.name"], pod, container)

	annotations, _, _ := c.fact(watch.PodAnnotations)
	values, _ := annotations.Value.(map[string]string)
	for key, value := range values {
		if name, ok := strings.CutPrefix(key, otelPrefix); ok && name != "" && value != "" {
			attributes[name] = value
		}
	}
	// What the environment says already wins.
	for kv := range strings.SplitSeq(c.text("env."+otelAttributes), ",") {
		key, value, _ := strings.Cut(kv, "=")
		if key, value = strings.TrimSpace(key), strings.TrimSpace(value); key != "" && value != "" {
			attributes[percentDecode(key)] = percentDecode(value)
		}
	}
	if name := c.text("env." + otelServiceName); name != "" {
		attributes["service.name"] = name
	}
	maps.DeleteFunc(attributes, func(_, value string) bool { return value == "" })
	return attributes
}

// container is the one that the variables are for, or empty.
func (c presetContext) container() string {
	p, err := c.s.Resolve(c.env.path("limits.memory"))
	if segments := p.Segments(); err == nil && len(segments) > 1 {
		return segments[1]
	}
	return ""
}

// imageVersion is what the image's reference has of tag@digest.
func (c presetContext) imageVersion(container string) string {
	if container == "" {
		return ""
	}
	image, digest, _ := strings.Cut(c.text(watch.Path("containers").Key(container).Key("image")), "@")
	tag := ""
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		tag = image[i+1:] // a colon before the last slash is that of a port
	}
	if tag != "" && digest != "" {
		return tag + "@" + digest
	}
	return cmp.Or(tag, digest)
}

// otelWorkload is the middle of k8s.deployment.name and the like.
func otelWorkload(kind string) string {
	switch kind {
	case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob":
		return strings.ToLower(kind)
	}
	return ""
}

// percentEncode escapes as OTEL_RESOURCE_ATTRIBUTES asks for: commas and
// equals signs must be, others may be. So all is escaped that any SDK or any
// env dialect could take for more than itself, such as the plus sign (some
// SDKs decode as forms do) and quotes.
// https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/:@", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// percentDecode leaves what is not properly escaped as it is.
func percentDecode(s string) string {
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}
