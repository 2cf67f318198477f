package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestReadSource(t *testing.T) {
	t.Parallel()
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME, namespace: ns}\n"
	a, b := strings.Replace(object, "NAME", "a", 1), strings.Replace(object, "NAME", "b", 1)
	indented := strings.ReplaceAll(strings.TrimSuffix(b, "\n"), "\n", "\n  ")
	dir := t.TempDir()
	for name, text := range map[string]string{"1.yaml": a, "2.json": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"ns"}}`, "README": "no manifest"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	both := []string{"ConfigMap/ns/a", "ConfigMap/ns/b"}
	for name, test := range map[string]struct {
		source string
		want   []string
		err    string
	}{
		"documents":      {a + "---\n" + b, both, ""},
		"empty document": {"---\n# nothing\n---\n" + a, both[:1], ""},
		"list":           {"apiVersion: v1\nkind: List\nitems:\n- " + indented + "\n", both[1:], ""},
		"directory":      {dir, both, ""},
		"file":           {filepath.Join(dir, "1.yaml"), both[:1], ""},
		"no such file":   {filepath.Join(dir, "3.yaml"), nil, "3.yaml"},
		"no kind":        {"apiVersion: v1\nmetadata: {name: a}\n", nil, "kind"},
		"no YAML":        {"a: b: c\n", nil, "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, err := readSource(test.source)
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Fatalf("error %v, want %q", err, test.err)
			}
			if got := keys(objects); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestInOrder(t *testing.T) {
	t.Parallel()
	objects, err := decode([]byte(`
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, namespace: ns, uid: u1}, endpoints: [{targetRef: {uid: u2}}]}
---
{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ns, uid: u2, ownerReferences: [{kind: ReplicaSet, name: r, uid: u3}]}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: r, namespace: ns, uid: u3, ownerReferences: [{kind: Deployment, name: d}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: ns}, spec: {circle: u1}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: ns}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Namespace/ns", "Deployment/ns/d", "ReplicaSet/ns/r", "Pod/ns/p", "EndpointSlice/ns/s"}
	if got := keys(inOrder(objects)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func keys(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, u := range objects {
		all = append(all, key(u))
	}
	return all
}
