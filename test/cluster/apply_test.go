package cluster

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// dumps are what `kubectl get -o yaml` printed in a cluster with a real kubelet.
var dumps = []string{
	"../../watch/manifest/testdata/deployment/objects",
	"../../watch/manifest/testdata/statefulset/objects",
	"testdata/endpointslices.yaml",
}

// TestDumpsLoad holds what the cluster says of each object, by kubectl's word, against
// the dump that it was made of.
func TestDumpsLoad(t *testing.T) {
	t.Parallel()
	c := Start(t)
	uids, err := c.Apply(t.Context(), dumps...)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{} // old uid to new
	var objects []*unstructured.Unstructured
	for _, source := range dumps {
		read, err := readSource(source)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, read...)
	}
	for _, u := range objects {
		if seen[string(u.GetUID())] = string(uids[key(u)]); uids[key(u)] == "" {
			t.Errorf("no uid for %s; have %q", key(u), slices.Collect(maps.Keys(uids)))
		}
	}
	for _, u := range objects {
		out, err := c.Kubectl(t.Context(), "get", u.GetKind(), u.GetName(), "-n", u.GetNamespace(), "-o", "json")
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		want := plain(t, forServer(u, seen).Object)
		if !contains(got, want) {
			gotText, _ := json.MarshalIndent(got, "", " ")
			wantText, _ := json.MarshalIndent(want, "", " ")
			t.Errorf("%s:\n got %s\nwant %s", key(u), gotText, wantText)
		}
	}

	// Again is nothing new.
	again, err := c.Apply(t.Context(), dumps...)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(again, uids) {
		t.Errorf("uids changed:\nfirst %v\n then %v", uids, again)
	}
}

func TestApplyFindsOwnersByName(t *testing.T) {
	t.Parallel()
	owner := "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web-1, namespace: owned}\n" +
		"spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: main, image: example.com/web}]}}}\n"
	owned := strings.Replace(strings.ReplaceAll(pod, "NAMESPACE", "owned"), "{name: web-1, ",
		"{name: web-1-x, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, controller: true}], ", 1)
	uids, err := shared.Apply(t.Context(), owned+"---\n"+owner) // in the wrong order
	if err != nil {
		t.Fatal(err)
	}
	out, err := shared.Kubectl(t.Context(), "get", "pod", "web-1-x", "-n", "owned", "-o", "jsonpath={.metadata.ownerReferences[0].uid}")
	if err != nil || out != string(uids["ReplicaSet/owned/web-1"]) {
		t.Errorf("owner %q, %v; want %q", out, err, uids["ReplicaSet/owned/web-1"])
	}
}

func TestApplyChangesAndRemoves(t *testing.T) {
	t.Parallel()
	const first = "apiVersion: v1\nkind: Node\nmetadata: {name: changing, labels: {a: '1', b: '1'}}\n" +
		"status: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: InternalIP, address: '2001:db8::1'}]}\n"
	const second = "apiVersion: v1\nkind: Node\nmetadata: {name: changing, labels: {a: '2'}}\nstatus: {}\n"
	nodes := configMaps
	nodes.Resource = "nodes"
	clients, err := shared.client()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		manifest  string
		labels    map[string]string
		addresses int
	}{
		{first, map[string]string{"a": "1", "b": "1"}, 2},
		{second, map[string]string{"a": "2"}, 0},
	} {
		if _, err := shared.Apply(t.Context(), step.manifest); err != nil {
			t.Fatal(err)
		}
		u, err := clients.dynamic.Resource(nodes).Get(t.Context(), "changing", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(u.GetLabels(), step.labels) {
			t.Errorf("labels %v, want %v", u.GetLabels(), step.labels)
		}
		if list, _, _ := unstructured.NestedSlice(u.Object, "status", "addresses"); len(list) != step.addresses {
			t.Errorf("addresses %v, want %d", list, step.addresses)
		}
		if _, tainted, _ := unstructured.NestedSlice(u.Object, "spec", "taints"); tainted {
			t.Errorf("the node has taints: %v", u.Object["spec"])
		}
	}
}

func TestApplyRefusesWhatTheServerRefuses(t *testing.T) {
	t.Parallel()
	_, err := shared.Apply(t.Context(), configMap("shop", "Not_A_Name", "v1"))
	if err == nil || !strings.Contains(err.Error(), "ConfigMap/shop/Not_A_Name") {
		t.Errorf("error %v does not name the object", err)
	}
}

// plain gives an object the types that encoding/json would.
func plain(t *testing.T, object map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// contains tells whether all that want says stands in got, which may say more.
func contains(got, want any) bool {
	fields, ok := want.(map[string]any)
	if !ok {
		return reflect.DeepEqual(got, want)
	}
	have, ok := got.(map[string]any)
	if !ok {
		return len(fields) == 0
	}
	for name, value := range fields {
		if !contains(have[name], value) {
			return false
		}
	}
	return true
}
