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
	return Preset{
		name:  "otel",
		names: []string{otelServiceName, otelAttributes},
		doc:   otelServiceName + ", " + otelAttributes + " by the semantic conventions",
		paths: []watch.Path{watch.PodName, watch.PodNamespace, watch.PodUID, watch.PodLabels, watch.PodAnnotations, watch.NodeName,
			watch.NodeZone, watch.NodeRegion, "workload", "owner", "containers", "env." + otelServiceName, "env." + otelAttributes},
		make: func(c presetContext) ([]Variable, error) {
			attributes := c.otelAttributes()
			name := attributes["service.name"]
			delete(attributes, "service.name") // OTEL_SERVICE_NAME carries it
			if name == "" && len(attributes) == 0 {
				return nil, c.nothing([]watch.Path{watch.PodName})
			}
			var pairs []string
			for _, key := range slices.Sorted(maps.Keys(attributes)) {
				pairs = append(pairs, percentEncode(key)+"="+percentEncode(attributes[key]))
			}
			variables := []Variable{{Name: otelServiceName, Value: name}, {Name: otelAttributes, Value: strings.Join(pairs, ",")}}
			return slices.DeleteFunc(variables, func(v Variable) bool { return v.Value == "" }), nil
		},
	}
}

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
	workloads := make(map[string]string)
	for _, group := range []watch.Path{"owner", "workload"} {
		kind, name := c.text(group.Key("kind")), c.text(group.Key("name"))
		if key := otelWorkload(kind); key != "" && name != "" {
			attributes["k8s."+key+".name"], workloads[key] = name, name
			if uid := c.text(group.Key("uid")); uid != "" {
				attributes["k8s."+key+".uid"] = uid
			}
		}
	}
	attributes["service.name"] = cmp.Or(label(labelInstance), label(labelName), workloads["deployment"], workloads["replicaset"],
		workloads["statefulset"], workloads["daemonset"], workloads["cronjob"], workloads["job"], pod, container)

	if f, ok, _ := c.fact(watch.PodAnnotations); ok {
		if annotations, ok := f.Value.(map[string]string); ok {
			for key, value := range annotations {
				if name, ok := strings.CutPrefix(key, otelPrefix); ok && name != "" {
					attributes[name] = value
				}
			}
		}
	}
	// What the environment says already wins.
	for _, kv := range strings.Split(c.text("env."+otelAttributes), ",") {
		if key, value, ok := strings.Cut(strings.TrimSpace(kv), "="); ok && key != "" {
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

// imageVersion is the image's tag, or the digest where it has none.
func (c presetContext) imageVersion(container string) string {
	if container == "" {
		return ""
	}
	image, digest, _ := strings.Cut(c.text(watch.Path("containers").Key(container).Key("image")), "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		return image[i+1:]
	}
	return digest
}

// otelWorkload is the middle of k8s.deployment.name and the like.
func otelWorkload(kind string) string {
	switch kind {
	case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob":
		return strings.ToLower(kind)
	}
	return ""
}

// percentEncode escapes what the W3C Baggage format, which
// OTEL_RESOURCE_ATTRIBUTES follows, does not allow in a value, and the
// characters that separate pairs. A blank is %20: + stays a plus sign.
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c <= ' ', c >= 0x7f, strings.IndexByte(`",;\%=`, c) >= 0:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		default:
			b.WriteByte(c)
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
