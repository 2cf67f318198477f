// Package ref holds what volumes and variables of the Downward API share: the
// fieldRef and resourceFieldRef of a pod spec, what Kubernetes allows in them
// and where, and the grammars of the names they speak of.
package ref

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

// Place is where a reference stands, which decides what it may name.
type Place string

// The places.
const (
	Volume   Place = "volume"
	Variable Place = "variable"
)

// fields lists what fieldRef may name in a place, for messages.
func (p Place) fields() string {
	if p == Volume {
		return "metadata.name, .namespace, .uid, .labels, .annotations, metadata.labels['key'] or metadata.annotations['key']"
	}
	return "metadata.name, .namespace, .uid, metadata.labels['key'], metadata.annotations['key'], " +
		"spec.nodeName, spec.serviceAccountName, status.hostIP, .hostIPs, .podIP or .podIPs"
}

const resources = "limits or requests of cpu, memory, ephemeral-storage or hugepages-*, such as limits.cpu"

// FieldPath translates a fact into the field path of a place, and anything
// that fieldRef cannot name there into the empty string.
// Kubernetes: pkg/apis/core/validation, validVolumeDownwardAPIFieldPathExpressions
// and validEnvDownwardAPIFieldPathExpressions.
func (p Place) FieldPath(fact watch.Path) string {
	in, name := "metadata", strings.TrimPrefix(string(fact), "pod")
	switch fact {
	case watch.PodName, watch.PodNamespace, watch.PodUID:
		return in + name
	case watch.PodLabels, watch.PodAnnotations:
		if p == Volume {
			return in + name
		}
		return ""
	case watch.PodNodeName, watch.PodServiceAccountName:
		in = "spec"
	case watch.PodHostIP, watch.PodHostIPs:
		in = "status"
	case watch.PodIP:
		in, name = "status", ".podIP"
	case watch.PodIPs:
		in, name = "status", ".podIPs"
	default:
		parent, key := fact.Parent()
		if parent == watch.PodLabels && QualifiedName(key) || parent == watch.PodAnnotations && QualifiedName(strings.ToLower(key)) {
			return in + name
		}
		return ""
	}
	if p == Volume {
		return ""
	}
	return in + name
}

// Check says what Kubernetes has against a reference in a place, or nothing.
func (p Place) Check(fact watch.Path, divisor resource.Quantity) string {
	container, kind, name, ok := Resource(fact)
	switch {
	case !ok && p.FieldPath(fact) == "":
		return fmt.Sprintf("%s is not in the reach of a %s; it can hold %s, and %s", fact, p, p.fields(), resources)
	case !ok:
		return ""
	case !DNSLabel(container):
		return fmt.Sprintf("containerName %q cannot be the name of a container", container)
	case !KnownResource(name):
		return fmt.Sprintf("resource %q is none that a %s can hold; use %s", kind+"."+name, p, resources)
	}
	if err := watch.CheckDivisor(name, divisor); err != nil {
		return err.Error()
	}
	return ""
}

// YAML writes a reference in flow style, as a key and its value.
func (p Place) YAML(fact watch.Path, divisor resource.Quantity) string {
	container, kind, name, ok := Resource(fact)
	if !ok {
		path := p.FieldPath(fact)
		if strings.ContainsRune(path, '[') {
			path = `"` + path + `"` // brackets are a list in flow style
		}
		return fmt.Sprintf("fieldRef: {fieldPath: %s}", path)
	}
	unit := ""
	if !divisor.IsZero() {
		unit = ", divisor: " + divisor.String()
	}
	return fmt.Sprintf("resourceFieldRef: {containerName: %s, resource: %s.%s%s}", container, kind, name, unit)
}

// Resource splits containers.main.limits.cpu into main, limits and cpu. ok is
// false for facts that are no limit or request.
func Resource(fact watch.Path) (container, kind, name string, ok bool) {
	s := fact.Segments()
	if len(s) != 4 || s[0] != "containers" || s[2] != "limits" && s[2] != "requests" {
		return "", "", "", false
	}
	return s[1], s[2], s[3], true
}

// ResourcePath undoes [Resource].
func ResourcePath(container, kind, name string) watch.Path {
	return watch.Path("containers").Key(container).Key(kind).Key(name)
}

// KnownResource reports whether Kubernetes projects a resource.
// Kubernetes: pkg/apis/core/validation, validContainerResourceFieldPathExpressions.
func KnownResource(name string) bool {
	return name == "cpu" || name == "memory" || name == "ephemeral-storage" || strings.HasPrefix(name, "hugepages-")
}
