package volume

import (
	"encoding/json"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"

	"github.com/podfacts/podfacts/watch/downward"
)

// TestItemsAreRefusedAsByTheAPIServer gives items, right and wrong, to the API
// server's validation and to podfacts, which reads the same schema in its own
// configuration. They agree on each.
func TestItemsAreRefusedAsByTheAPIServer(t *testing.T) {
	t.Parallel()
	accepted := 0
	objects := candidates()
	for _, object := range objects {
		_, ours := downward.ItemFrom(object)
		theirs := validate(t, object)
		if (ours == nil) != (theirs == nil) {
			t.Errorf("%v: podfacts says %v, Kubernetes says %v", object, ours, theirs)
		}
		if theirs == nil {
			accepted++
		}
	}
	if accepted < 20 || accepted > len(objects)-20 {
		t.Errorf("%d of %d accepted: the test lost its teeth", accepted, len(objects))
	}
}

// candidates are items of every kind of mistake, one at a time. Two are left out
// because podfacts is stricter there: a path that names the volume itself, and a
// container whose name none could have.
func candidates() (objects []map[string]any) {
	name := map[string]any{"fieldPath": "metadata.name"}
	for _, path := range []string{
		"", "a", "a/b/c", "/a", "..", "../a", "a/..", "a/../b", "..a", "a/..b", "...", "a..b", ".a", "./a", "a/", "a//b", "日本", "a b", strings.Repeat("a", 300),
	} {
		objects = append(objects, map[string]any{"path": path, "fieldRef": name})
	}
	for _, path := range []string{
		"", "metadata", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations", "metadata.Name", "metadata.generateName",
		"spec.nodeName", "status.podIP", "pod.name", "name", "metadata.name['a']", "metadata.uid['']", "metadata.labels['']", "metadata.labels['a']",
		"metadata.labels['a.b/c-d_e']", "metadata.labels['A']", "metadata.labels['-a']", "metadata.labels['a/b/c']", "metadata.labels['A/b']", "metadata.annotations['A/b']",
		"metadata.annotations['a b']", "metadata.annotations[a]", `metadata.annotations["a"]`, "metadata.annotations['a'", "metadata.annotations['a']['b']", "metadata.labels.a",
		"metadata.labels['" + strings.Repeat("a", 64) + "']", "metadata.labels[''a']", "limits.cpu", " metadata.name",
	} {
		objects = append(objects, map[string]any{"path": "a", "fieldRef": map[string]any{"fieldPath": path}})
	}
	for _, version := range []any{"v1", "v2", ""} {
		objects = append(objects, map[string]any{"path": "a", "fieldRef": map[string]any{"fieldPath": "metadata.name", "apiVersion": version}})
	}
	for _, resource := range []string{
		"", "cpu", "limits", "limits.", "limits.cpu", "requests.cpu", "limits.memory", "requests.memory", "limits.ephemeral-storage", "requests.ephemeral-storage",
		"limits.hugepages-2Mi", "requests.hugepages-1Gi", "limits.hugepages-", "limits.hugepages", "limits.nvidia.com/gpu", "limits.storage", "Limits.cpu", "limit.cpu",
	} {
		for _, divisor := range []any{
			nil, "0", "1", "1m", "1k", "1K", "1M", "1Ki", "1Mi", "1Gi", "1Ei", "1E", "1e3", "1000", "1000m", "1024", "10", "2Mi", "0.001", "-1", "", "x", 1, 0,
		} {
			ref := map[string]any{"containerName": "main", "resource": resource}
			if divisor != nil {
				ref["divisor"] = divisor
			}
			objects = append(objects, map[string]any{"path": "a", "resourceFieldRef": ref})
		}
	}
	cpu := map[string]any{"containerName": "main", "resource": "limits.cpu"}
	return append(objects,
		map[string]any{"path": "a"},
		map[string]any{"path": "a", "fieldRef": name, "resourceFieldRef": cpu},
		map[string]any{"path": "a", "resourceFieldRef": map[string]any{"resource": "limits.cpu"}},
	)
}

// validate is what the API server does with an item in a pod: decode, default,
// convert, validate.
func validate(t *testing.T, object map[string]any) error {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var item v1.DownwardAPIVolumeFile
	if err := json.Unmarshal(text, &item); err != nil {
		return err
	}
	pod := &v1.Pod{Spec: v1.PodSpec{Volumes: []v1.Volume{{Name: "podinfo", VolumeSource: v1.VolumeSource{
		DownwardAPI: &v1.DownwardAPIVolumeSource{Items: []v1.DownwardAPIVolumeFile{item}},
	}}}}}
	Default(pod)
	var volume core.Volume
	if err := corev1.Convert_v1_Volume_To_core_Volume(&pod.Spec.Volumes[0], &volume, nil); err != nil {
		t.Fatal(err)
	}
	_, errs := validation.ValidateVolumes([]core.Volume{volume}, nil, field.NewPath("volumes"), validation.PodValidationOptions{})
	return errs.ToAggregate()
}
