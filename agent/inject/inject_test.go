package inject_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent/inject"
	"github.com/podfacts/podfacts/watch"
)

var update = flag.Bool("update", false, "rewrite golden files")

func ExampleInjector_Files() {
	settings := inject.Default()
	settings.Resources, settings.SecurityContext = nil, nil // shorter, here
	r, err := inject.Injector{Settings: settings}.Files([]inject.File{{Name: "job.yaml", Text: []byte(`apiVersion: batch/v1
kind: Job
metadata: {name: report, namespace: shop}
spec:
  template:
    metadata:
      labels: {podfacts.dev/inject: init}
    spec:
      restartPolicy: Never
      containers:
      - name: main   # it reads pod.env
        image: example/report:1
`)}})
	fmt.Printf("%s\n%s\n%v\n", r.Texts[0], r.Injected, err)
	// Output:
	// apiVersion: batch/v1
	// kind: Job
	// metadata: {name: report, namespace: shop}
	// spec:
	//   template:
	//     metadata:
	//       labels: {podfacts.dev/inject: init}
	//       annotations: {podfacts.dev/injected: init}
	//     spec:
	//       restartPolicy: Never
	//       containers:
	//       - name: main   # it reads pod.env
	//         image: example/report:1
	//         volumeMounts:
	//         - {name: podfacts, mountPath: /run/podfacts, readOnly: true}
	//       volumes:
	//       - {name: podfacts, emptyDir: {medium: Memory, sizeLimit: 8Mi}}
	//       - name: podfacts-info
	//         downwardAPI:
	//           items:
	//           - {path: name, fieldRef: {fieldPath: metadata.name}}
	//           - {path: namespace, fieldRef: {fieldPath: metadata.namespace}}
	//           - {path: uid, fieldRef: {fieldPath: metadata.uid}}
	//           - {path: labels, fieldRef: {fieldPath: metadata.labels}}
	//           - {path: annotations, fieldRef: {fieldPath: metadata.annotations}}
	//       initContainers:
	//       - name: podfacts
	//         image: podfacts/podfacts:latest
	//         args: [init, --env-file, /run/podfacts/pod.env, --format, sh, --preset, pod]
	//         env:
	//         - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
	//         - {name: POD_IPS, valueFrom: {fieldRef: {fieldPath: status.podIPs}}}
	//         - {name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
	//         - {name: HOST_IPS, valueFrom: {fieldRef: {fieldPath: status.hostIPs}}}
	//         - {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
	//         - {name: SERVICE_ACCOUNT, valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}
	//         - {name: PODFACTS_API, value: never}
	//         volumeMounts:
	//         - {name: podfacts, mountPath: /run/podfacts}
	//         - {name: podfacts-info, mountPath: /etc/podinfo, readOnly: true}
	//
	// [Job shop/report]
	// <nil>
}

// settings are those of the tests in test/cluster too: what testdata holds goes
// through the policies there.
func settings() inject.Settings {
	s := inject.Default()
	s.Image = "example.com/podfacts:v1"
	return s
}

// TestMatrix injects into each file of testdata. Those in injected change as the
// golden file says, and no more the second time; those in left stay as they
// are; those in refused are wrong in the words of the golden file.
func TestMatrix(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimPrefix(name, "testdata/"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := inject.Injector{Settings: settings()}.Files([]inject.File{{Name: filepath.Base(name), Text: text}})
			switch kind := filepath.Base(filepath.Dir(name)); {
			case kind == "refused":
				if err == nil {
					t.Fatal("was not refused")
				}
				golden(t, strings.TrimSuffix(name, ".yaml")+".err", lines(err))
				return
			case err != nil:
				t.Fatal(err)
			case kind == "left":
				if !bytes.Equal(r.Texts[0], text) || len(r.Injected) > 0 {
					t.Errorf("injected %v:\n%s", r.Injected, r.Texts[0])
				}
				return
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".want", string(r.Texts[0]))
			again, err := inject.Injector{Settings: settings()}.Files([]inject.File{{Name: "again", Text: r.Texts[0]}})
			if err != nil || len(again.Injected) > 0 || len(again.Already) != 1 || !bytes.Equal(again.Texts[0], r.Texts[0]) {
				t.Errorf("the second time: %v, injected %v\n%s", err, again.Injected, again.Texts)
			}
		})
	}
}

func lines(err error) string {
	var b strings.Builder
	for _, e := range watch.Errors(err) {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// TestKinds gives one template to every kind, in YAML and as JSON, and looks
// whether what comes out is the same.
func TestKinds(t *testing.T) {
	t.Parallel()
	const template = `{"metadata": {"labels": {"podfacts.dev/inject": "sidecar"}}, "spec": {"containers": [{"name": "main", "image": "web"}]}}`
	want := patched(t, template)
	for kind, manifest := range map[string]string{
		"Pod":                   `{"apiVersion": "v1", "kind": "Pod", TEMPLATE}`,
		"ReplicationController": `{"apiVersion": "v1", "kind": "ReplicationController", "spec": {"template": {TEMPLATE}}}`,
		"Deployment":            `{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {TEMPLATE}}}`,
		"ReplicaSet":            `{"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": {"template": {TEMPLATE}}}`,
		"StatefulSet":           `{"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"template": {TEMPLATE}}}`,
		"DaemonSet":             `{"apiVersion": "apps/v1", "kind": "DaemonSet", "spec": {"template": {TEMPLATE}}}`,
		"Job":                   `{"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {TEMPLATE}}}`,
		"CronJob":               `{"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {TEMPLATE}}}}}`,
		"Rollout":               `{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template": {TEMPLATE}}}`,
		"List":                  `{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", TEMPLATE}]}`,
		"DeploymentList":        `{"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [{"spec": {"template": {TEMPLATE}}}]}`,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(manifest, "TEMPLATE", strings.Trim(template, "{}")+"}", 1)
			text = strings.Replace(text, `"web"}]}`, `"web"}]}`, 1)
			var o any
			if err := yaml.Unmarshal([]byte(text), &o); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			block, err := yaml.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range [][]byte{[]byte(text), block} {
				r, err := inject.Injector{Settings: settings()}.Files([]inject.File{{Name: kind, Text: text}})
				if err != nil || len(r.Injected) != 1 {
					t.Fatalf("injected %v, %v", r.Injected, err)
				}
				var o any
				if err := yaml.Unmarshal(r.Texts[0], &o); err != nil {
					t.Fatal(err)
				}
				if got := templateIn(o); !reflect.DeepEqual(got, want) {
					t.Errorf("got %v\nwant %v", got, want)
				}
			}
		})
	}
}

// patched makes the additions without text.
func patched(t *testing.T, template string) map[string]any {
	t.Helper()
	var pod map[string]any
	if err := yaml.Unmarshal([]byte(template), &pod); err != nil {
		t.Fatal(err)
	}
	ops, problems := settings().Patch(inject.Target{Pod: pod})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, op := range ops {
		set(pod, op.Path, op.Value)
	}
	return pod
}

// set is for paths that end in a key.
func set(in any, path []string, value any) {
	switch v := in.(type) {
	case map[string]any:
		if len(path) == 1 {
			v[path[0]] = value
			return
		}
		set(v[path[0]], path[1:], value)
	case []any:
		set(v[path[0][0]-'0'], path[1:], value)
	}
}

// templateIn finds the metadata and spec of the pods.
func templateIn(o any) map[string]any {
	m, _ := o.(map[string]any)
	for _, path := range [][]string{{"spec", "template"}, {"spec", "jobTemplate", "spec", "template"}} {
		inner := m
		for _, key := range path {
			inner, _ = inner[key].(map[string]any)
		}
		if inner != nil {
			return inner
		}
	}
	if list, ok := m["items"].([]any); ok {
		return templateIn(list[0])
	}
	return map[string]any{"metadata": m["metadata"], "spec": m["spec"]}
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}
