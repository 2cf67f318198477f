package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// TestViewOfRealPods runs view on the volumes and the environment that a real
// kubelet gave two pods, and holds every fact against the objects that the API
// server had of them. The configuration is pasted from the pod's spec.
func TestViewOfRealPods(t *testing.T) {
	t.Parallel()
	for fixture, workload := range map[string]string{"deployment": "Deployment", "statefulset": "StatefulSet"} {
		t.Run(fixture, func(t *testing.T) {
			t.Parallel()
			stored := filepath.Join("../../watch/downward/testdata", fixture)
			objects := filepath.Join("../../watch/manifest/testdata", fixture, "objects")
			pod, node, top := readObject(t, objects, "pod"), readObject(t, objects, "node"), readObject(t, objects, fixture)
			podinfo, projected := relink(t, filepath.Join(stored, "podinfo")), relink(t, filepath.Join(stored, "proj"))

			environ, err := os.ReadFile(filepath.Join("../../watch/environ/testdata", fixture, "container.env"))
			if err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), []string{"view", "-c", pasted(t, pod, podinfo, projected), "-o", "json"},
				strings.Split(strings.TrimSpace(string(environ)), "\n"), nil, &stdout, &stderr)
			if code != exitOK || stderr.Len() > 0 {
				t.Fatalf("exit code %d\n%s", code, &stderr)
			}
			var got map[string]any
			if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
				t.Fatal(err)
			}

			owner := object.List(pod, "metadata", "ownerReferences")[0]
			want := map[string]any{
				"pod": map[string]any{
					"name": object.Text(pod, "metadata", "name"), "namespace": object.Text(pod, "metadata", "namespace"),
					"uid": object.Text(pod, "metadata", "uid"), "labels": field(pod, "metadata", "labels"),
					"annotations": annotations(pod), "nodeName": object.Text(pod, "spec", "nodeName"),
					"serviceAccountName": object.Text(pod, "spec", "serviceAccountName"),
					"ip":                 object.Text(pod, "status", "podIP"), "ips": addresses(pod, "podIPs"),
					"hostIP": object.Text(pod, "status", "hostIP"), "hostIPs": addresses(pod, "hostIPs"),
				},
				"node": map[string]any{
					"name": object.Text(node, "metadata", "name"), "ip": object.Text(pod, "status", "hostIP"),
					"zone":   field(node, "metadata", "labels", "topology.kubernetes.io/zone"),
					"region": field(node, "metadata", "labels", "topology.kubernetes.io/region"),
				},
				"namespace": map[string]any{"name": object.Text(pod, "metadata", "namespace")},
				"owner":     map[string]any{"kind": owner["kind"], "name": owner["name"]},
				"workload":  map[string]any{"kind": workload, "name": object.Text(top, "metadata", "name")},
				"containers": map[string]any{
					"main": map[string]any{
						"limits":   resources(t, pod, 0, "limits", "cpu", "memory"),
						"requests": resources(t, pod, 0, "requests", "cpu"),
					},
					"nolimits": map[string]any{"limits": map[string]any{ // where nobody set them
						"cpu": canonical(t, field(node, "status", "allocatable", "cpu")), "memory": canonical(t, field(node, "status", "allocatable", "memory")),
					}},
				},
				"files": map[string]any{"ca.crt": readText(t, projected, "ca.crt")},
			}
			if workload == "StatefulSet" {
				index, err := strconv.ParseFloat(field(pod, "metadata", "labels", "apps.kubernetes.io/pod-index").(string), 64)
				if err != nil {
					t.Fatal(err)
				}
				want["pod"].(map[string]any)["ordinal"] = index
			}
			if !reflect.DeepEqual(got, want) {
				wanted, _ := json.MarshalIndent(want, "", "  ")
				t.Errorf("got %s\nwant %s", &stdout, wanted)
			}
		})
	}
}

// pasted writes a configuration that repeats the pod's volumes and variables.
func pasted(t *testing.T, pod map[string]any, podinfo, projected string) string {
	t.Helper()
	volumes := object.List(pod, "spec", "volumes")
	main := object.List(pod, "spec", "containers")[0]
	environment := object.List(main, "env")
	for _, variable := range environment {
		// The one thing to add: podfacts does not know its container's name.
		if r, ok := field(variable, "valueFrom", "resourceFieldRef").(map[string]any); ok {
			r["containerName"] = main["name"]
		}
	}
	data, err := yaml.Marshal(map[string]any{
		"volumes": []any{
			map[string]any{"path": podinfo, "items": field(volumes[0], "downwardAPI", "items")},
			map[string]any{"path": projected, "items": field(object.List(volumes[1], "projected", "sources")[0], "downwardAPI", "items")},
		},
		"environment": environment,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "podfacts.yaml")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// relink copies a volume that was stored with small files in place of its
// links, and makes the links again.
func relink(t *testing.T, stored string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(stored)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		target := readText(t, dir, e.Name())
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func readText(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readObject(t *testing.T, dir, name string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(readText(t, dir, name+".yaml")), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// field walks down maps; what is not there is nil.
func field(o any, path ...string) any {
	for _, key := range path {
		m, _ := o.(map[string]any)
		o = m[key]
	}
	return o
}

func annotations(pod map[string]any) map[string]any {
	all, _ := field(pod, "metadata", "annotations").(map[string]any)
	if all == nil {
		all = map[string]any{} // the kubelet's own are not the pod's
	}
	return all
}

func addresses(pod map[string]any, list string) []any {
	var all []any
	for _, entry := range object.List(pod, "status", list) {
		all = append(all, entry["ip"])
	}
	return all
}

func resources(t *testing.T, pod map[string]any, container int, kind string, names ...string) map[string]any {
	t.Helper()
	all := make(map[string]any)
	for _, name := range names {
		all[name] = canonical(t, field(object.List(pod, "spec", "containers")[container], "resources", kind, name))
	}
	return all
}

func canonical(t *testing.T, quantity any) string {
	t.Helper()
	text, _ := quantity.(string)
	q, err := watch.CanonicalQuantity(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
