package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/environ"
	"github.com/podfacts/podfacts/watch/object"
)

// environment computes the variables of one container, in the order in which they
// are declared. A later one of the same name wins.
// Kubernetes: pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables.
func (k *kubelet) environment(spec map[string]any, c *Container) {
	c.Env, c.Unknown = make(map[string]string), make(map[string]string)
	if len(object.List(spec, "envFrom")) > 0 {
		c.Unknown["*"] = "envFrom reads ConfigMaps and Secrets, which a dry run does not"
	}
	for _, variable := range object.List(spec, "env") {
		name := object.Text(variable, "name")
		value, unknown, err := k.variable(spec, c, variable)
		if err != nil {
			k.fail("container %s: variable %s: %v", c.Name, name, err)
			continue
		}
		delete(c.Env, name)
		delete(c.Unknown, name)
		if unknown != "" {
			c.Unknown[name] = unknown
		} else {
			c.Env[name] = value
		}
	}
}

// variable gives the value, or says why it is not known.
func (k *kubelet) variable(spec map[string]any, c *Container, variable map[string]any) (value, unknown string, err error) {
	if value = object.Text(variable, "value"); value != "" {
		value = environ.Expand(value, func(name string) (string, bool) {
			if reason, ok := c.Unknown[name]; ok {
				unknown = fmt.Sprintf("it uses $(%s): %s", name, reason)
			} else if _, declared := c.Env[name]; !declared && ofService(name) {
				unknown = fmt.Sprintf("it uses $(%s), which the kubelet makes from the Services of the cluster", name)
			}
			value, ok := c.Env[name]
			return value, ok
		})
		return value, unknown, nil
	}
	from := object.Map(variable, "valueFrom")
	switch {
	case from["fieldRef"] != nil:
		return k.fieldVariable(object.Text(from, "fieldRef", "fieldPath"))
	case from["resourceFieldRef"] != nil:
		return k.resourceVariable(spec, object.Map(from, "resourceFieldRef"))
	}
	for _, kind := range slices.Sorted(maps.Keys(from)) {
		return "", fmt.Sprintf("%s reads what only the cluster has", kind), nil
	}
	return "", "", nil
}

// fieldVariable resolves a fieldRef.
// Kubernetes: pkg/apis/core/validation, validEnvDownwardAPIFieldPathExpressions.
func (k *kubelet) fieldVariable(fieldPath string) (value, unknown string, err error) {
	fact, err := watch.ParsePath(fieldPath)
	if err != nil || fact == watch.PodLabels || fact == watch.PodAnnotations || !ofObject(fieldPath) {
		return "", "", fmt.Errorf("fieldPath %s cannot be a variable; use metadata.name, .namespace, .uid, metadata.labels['key'], "+
			"metadata.annotations['key'], spec.nodeName, spec.serviceAccountName, status.podIP, .podIPs, .hostIP or .hostIPs", fieldPath)
	}
	value, known := k.field(fact)
	if !known {
		return "", fmt.Sprintf("a dry run does not know %s; %s", fact, setHint(fact)), nil
	}
	return value, "", nil
}

// ofObject tells metadata.name from the fact path pod.name.
func ofObject(fieldPath string) bool {
	group, _, _ := strings.Cut(fieldPath, ".")
	return group == "metadata" || group == "spec" || group == "status"
}

// resourceVariable resolves a resourceFieldRef. It differs from a volume's in two
// ways: a limit of the pod as a whole stands for one that the container lacks, and
// an init container that is named gets no allocatable, while one that is meant
// silently does.
// Kubernetes: pkg/kubelet/kubelet_resources.go, defaultPodLimitsForDownwardAPI.
func (k *kubelet) resourceVariable(spec, ref map[string]any) (value, unknown string, err error) {
	kind, name, _ := strings.Cut(object.Text(ref, "resource"), ".")
	divisor := object.Quantity(ref, "divisor")
	switch {
	case kind != "limits" && kind != "requests", !projected(name):
		return "", "", fmt.Errorf("resource %s.%s cannot be a variable; use limits or requests of cpu, memory, ephemeral-storage or hugepages-*", kind, name)
	case divisor.Sign() < 0:
		return "", "", fmt.Errorf("divisor %s is negative", divisor.String())
	}
	if err := watch.CheckDivisor(name, divisor); err != nil {
		return "", "", err
	}
	allocatable := k.withPodLimits()
	container := spec
	if named := object.Text(ref, "containerName"); named != "" {
		if container = k.container(named); container == nil {
			return "", "", fmt.Errorf("the pod has no container %s", named)
		}
		if k.isInit(named) {
			allocatable = map[string]string{}
		}
	}
	var q resource.Quantity
	q, isUnknown := k.amount(container, kind, name, allocatable)
	if isUnknown {
		return "", together(unsetReason(object.Text(container, "name"), name)), nil
	}
	return watch.DivideQuantity(name, q, divisor), "", nil
}

// withPodLimits is what is allocatable, within the limits of the pod.
func (k *kubelet) withPodLimits() map[string]string {
	allocatable := maps.Clone(k.allocatable)
	for _, name := range []string{"cpu", "memory"} {
		limit := object.PodLimit(k.pod, name)
		if _, has := allocatable[name]; has && !limit.IsZero() {
			allocatable[name] = limit.String()
		}
	}
	return allocatable
}

func (k *kubelet) isInit(name string) bool {
	for _, c := range object.List(k.pod, "spec", "initContainers") {
		if object.Text(c, "name") == name {
			return true
		}
	}
	return false
}

func projected(name string) bool {
	return name == "cpu" || name == "memory" || name == "ephemeral-storage" || strings.HasPrefix(name, "hugepages-")
}

// ofService reports whether a name is one that the kubelet declares for services.
// Kubernetes: pkg/kubelet/envvars.
func ofService(name string) bool {
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") ||
		strings.HasSuffix(name, "_PORT") || strings.Contains(name, "_PORT_")
}
