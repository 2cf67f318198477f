package manifest

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch/object"
)

// defaultRequests sets the requests that a pod leaves out: a container's to its
// limits, the pod's own to the sum of its containers' or to its limits.
// Kubernetes: pkg/apis/core/v1/defaults.go, SetDefaults_Pod and defaultPodRequests.
func defaultRequests(pod map[string]any) {
	for _, c := range object.Containers(pod) {
		limits := object.Map(c, "resources", "limits")
		if len(limits) == 0 {
			continue
		}
		requests := setDefault(object.Map(c, "resources"), "requests", map[string]any{}).(map[string]any)
		for name, limit := range limits {
			setDefault(requests, name, limit)
		}
	}
	limits := object.Map(pod, "spec", "resources", "limits")
	if len(limits) == 0 {
		return
	}
	requests := setDefault(object.Map(pod, "spec", "resources"), "requests", map[string]any{}).(map[string]any)
	for _, name := range []string{"cpu", "memory"} {
		if sum := requested(pod, name); !sum.IsZero() {
			setDefault(requests, name, sum.String())
		}
	}
	for name, limit := range limits {
		setDefault(requests, name, limit)
	}
}

// requested is what the containers of a pod need together: all that run side by
// side, or one init container with the sidecars before it, if that is more.
// Kubernetes: component-helpers/resource, AggregateContainerRequests.
func requested(pod map[string]any, name string) resource.Quantity {
	var sidecars, most resource.Quantity
	for _, c := range object.List(pod, "spec", "initContainers") {
		need := object.Quantity(c, name, "resources", "requests")
		need.Add(sidecars)
		if object.Text(c, "restartPolicy") == "Always" {
			sidecars = need
		}
		if need.Cmp(most) > 0 {
			most = need
		}
	}
	sum := sidecars.DeepCopy()
	for _, c := range object.List(pod, "spec", "containers") {
		sum.Add(object.Quantity(c, name, "resources", "requests"))
	}
	if most.Cmp(sum) > 0 {
		return most
	}
	return sum
}

const (
	serviceAccountDir    = "/var/run/secrets/kubernetes.io/serviceaccount"
	serviceAccountVolume = "kube-api-access-" + zeroSuffix
)

// mountServiceAccount mounts the token volume in every container that has nothing
// else in its place.
// Kubernetes: plugin/pkg/admission/serviceaccount, mountServiceAccountToken.
func mountServiceAccount(pod map[string]any) {
	spec := object.Map(pod, "spec")
	mounted := false
	for _, c := range object.Containers(pod) {
		if mountAt(c, serviceAccountDir) != nil {
			continue
		}
		mounts, _ := c["volumeMounts"].([]any)
		c["volumeMounts"] = append(mounts, map[string]any{
			"name": serviceAccountVolume, "mountPath": serviceAccountDir, "readOnly": true})
		mounted = true
	}
	if !mounted {
		return
	}
	volumes, _ := spec["volumes"].([]any)
	spec["volumes"] = append(volumes, map[string]any{
		"name": serviceAccountVolume,
		"projected": map[string]any{"sources": []any{
			map[string]any{"serviceAccountToken": map[string]any{"path": "token", "expirationSeconds": int64(3607)}},
			map[string]any{"configMap": map[string]any{"name": "kube-root-ca.crt",
				"items": []any{map[string]any{"key": "ca.crt", "path": "ca.crt"}}}},
			map[string]any{"downwardAPI": map[string]any{"items": []any{map[string]any{"path": "namespace",
				"fieldRef": map[string]any{"apiVersion": "v1", "fieldPath": "metadata.namespace"}}}}},
		}},
	})
}

func mountAt(container map[string]any, path string) map[string]any {
	for _, mount := range object.List(container, "volumeMounts") {
		if object.Text(mount, "mountPath") == path {
			return mount
		}
	}
	return nil
}
