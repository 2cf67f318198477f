package volume

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
)

// TestDownwardReadsWhatTheKubeletWrites makes pods at random, lets the kubelet's
// code write their volumes, one after the other into the same directory, and reads
// each back with the items of the pod's spec.
func TestDownwardReadsWhatTheKubeletWrites(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	v, err := NewVolume(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	node := Node{Allocatable: resources("3920m", "15Gi", "90Gi")}
	for range 300 {
		pod := randomPod(random)
		source := &v1.DownwardAPIVolumeSource{Items: randomItems(random, pod)}
		pod.Spec.Volumes = []v1.Volume{{Name: "podinfo", VolumeSource: v1.VolumeSource{DownwardAPI: source}}}
		Default(pod)
		contents, err := node.Contents(pod, source)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Write(contents); err != nil {
			t.Fatal(err)
		}
		snapshot, err := watch.Collect(t.Context(), &downward.Source{Dir: v.Dir, Items: items(t, source.Items)})
		if err != nil {
			t.Fatalf("%v\nfrom %v", err, source.Items)
		}
		for _, item := range source.Items {
			checkItem(t, snapshot, node, pod, item)
		}
		if t.Failed() {
			return // one pod is enough to read
		}
	}
}

// checkItem compares one item's fact with the pod itself.
func checkItem(t *testing.T, snapshot *watch.Snapshot, node Node, pod *v1.Pod, item v1.DownwardAPIVolumeFile) {
	t.Helper()
	if ref := item.ResourceFieldRef; ref != nil {
		checkResource(t, snapshot, node, pod, ref)
		return
	}
	path, err := watch.ParsePath(item.FieldRef.FieldPath)
	if err != nil {
		t.Fatal(err)
	}
	fact, err := snapshot.Lookup(path)
	var want any
	switch parent, key := path.Parent(); {
	case path == watch.PodName:
		want = pod.Name
	case path == watch.PodNamespace:
		want = pod.Namespace
	case path == watch.PodUID:
		want = string(pod.UID)
	case path == watch.PodLabels:
		want = nonNil(pod.Labels)
	case path == watch.PodAnnotations:
		want = nonNil(pod.Annotations)
	case parent == watch.PodLabels:
		want = pod.Labels[key]
	case parent == watch.PodAnnotations:
		want = pod.Annotations[key]
	}
	if want == "" && watch.IsMissing(err) {
		return // a missing key and an empty value are the same empty file
	}
	if err != nil || fmt.Sprint(fact.Value) != fmt.Sprint(want) {
		t.Errorf("%s: got %q, %v; want %q", path, fact.Value, err, want)
	}
}

// checkResource asks that a fact is not below what the spec says, and less than the
// finest divisor among the items above it.
func checkResource(t *testing.T, snapshot *watch.Snapshot, node Node, pod *v1.Pod, ref *v1.ResourceFieldSelector) {
	t.Helper()
	kind, name, _ := strings.Cut(ref.Resource, ".")
	fact, err := snapshot.Lookup(watch.Path("containers").Key(ref.ContainerName).Key(kind).Key(name))
	if err != nil {
		t.Errorf("%s of %s: %v", ref.Resource, ref.ContainerName, err)
		return
	}
	var want resource.Quantity
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name != ref.ContainerName {
			continue
		}
		list := c.Resources.Requests
		if kind == "limits" {
			list = c.Resources.Limits
		}
		q, set := list[v1.ResourceName(name)]
		if !set && kind == "limits" {
			q = node.Allocatable[v1.ResourceName(name)]
		}
		want = q
	}
	divisor := ref.Divisor
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	upper := want.DeepCopy()
	upper.Add(divisor) // the finest is at most this
	if got := resource.MustParse(fact.Value.(string)); got.Cmp(want) < 0 || got.Cmp(upper) >= 0 {
		t.Errorf("%s of %s: got %s, want %s in units of %s", ref.Resource, ref.ContainerName, got.String(), want.String(), divisor.String())
	}
}

// items takes the pod spec's items to podfacts as YAML would.
func items(t *testing.T, specs []v1.DownwardAPIVolumeFile) (all []downward.Item) {
	t.Helper()
	for _, spec := range specs {
		text, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		item, err := downward.ItemFrom(object)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

func randomPod(r *rand.Rand) *v1.Pod {
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("web-%d", r.IntN(100)), Namespace: "shop", UID: "b5dea3da-b5f2-4b1a-8c37-805714917ae4",
			Labels:      randomMap(r, []string{"", "web", "v1.4.2", "a-b_c"}),
			Annotations: randomMap(r, []string{"", `{"a": [1, 2]}`, "two\nlines\n", "cr\r\n", `it's "here" \`, "日本語\u00a0\u2028", "key=\"v\"", "\x7f\ufeff", "$HOME"}),
		},
		Spec: v1.PodSpec{InitContainers: []v1.Container{
			{Name: "setup", Resources: v1.ResourceRequirements{Limits: resources("100m", "40Mi", "")}},
		}, Containers: []v1.Container{
			{Name: "main", Resources: v1.ResourceRequirements{Limits: resources("2500m", "1536Mi", ""), Requests: resources("15m", "", "1500M")}},
			{Name: "side", Resources: v1.ResourceRequirements{Requests: resources("", "1", "")}},
		}},
	}
}

func randomMap(r *rand.Rand, values []string) map[string]string {
	m := map[string]string{}
	for _, key := range keys() {
		if r.IntN(2) == 0 {
			m[key] = values[r.IntN(len(values))]
		}
	}
	return m
}

func keys() []string {
	return []string{"app", "app.kubernetes.io/name", "a-b", "a.b", "a_b", "example.com/Long-Name_1.2", "0"}
}

func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// resources leaves out what is empty.
func resources(cpu, memory, storage string) v1.ResourceList {
	list := v1.ResourceList{}
	for name, amount := range map[v1.ResourceName]string{v1.ResourceCPU: cpu, v1.ResourceMemory: memory, v1.ResourceEphemeralStorage: storage} {
		if amount != "" {
			list[name] = resource.MustParse(amount)
		}
	}
	return list
}

// randomItems projects some of what there is, at paths of one to three elements.
func randomItems(r *rand.Rand, pod *v1.Pod) (items []v1.DownwardAPIVolumeFile) {
	path := func(name string) string {
		return []string{"", "resources/", "a/b/", "./"}[r.IntN(4)] + fmt.Sprintf("%s%d", name, len(items))
	}
	fields := []string{"metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations"}
	for _, key := range keys() {
		fields = append(fields, "metadata.labels['"+key+"']", "metadata.annotations['"+key+"']")
	}
	for _, field := range fields {
		if r.IntN(2) == 0 {
			items = append(items, v1.DownwardAPIVolumeFile{Path: path("field"), FieldRef: &v1.ObjectFieldSelector{FieldPath: field}})
		}
	}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, name := range []string{"limits.cpu", "requests.cpu", "limits.memory", "requests.memory", "limits.ephemeral-storage", "requests.ephemeral-storage"} {
			divisors := []string{"0", "1", "1k", "1Ki", "1M", "1Gi"}
			if strings.HasSuffix(name, "cpu") {
				divisors = []string{"0", "1", "1m"}
			}
			for range r.IntN(3) {
				items = append(items, v1.DownwardAPIVolumeFile{Path: path("resource"), ResourceFieldRef: &v1.ResourceFieldSelector{
					ContainerName: c.Name, Resource: name, Divisor: resource.MustParse(divisors[r.IntN(len(divisors))]),
				}})
			}
		}
	}
	return items
}
