package injection

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// A sample is one object, what its namespace asks for, and what inject makes of it.
type sample struct {
	name     string
	mode     string // the namespace's
	before   *unstructured.Unstructured
	after    *unstructured.Unstructured // nil where it is refused
	problems string                     // joined as the policy joins them

	want    map[string]any // after, as the server has it without policies
	invalid bool           // the server has it not even before
}

func (s *sample) namespace() string { return namespaces[s.mode] }

// samples reads the files of agent/inject/testdata.
func samples(t *testing.T, i *injector) []*sample {
	t.Helper()
	files, err := filepath.Glob("../../../agent/inject/testdata/*/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	var all []*sample
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := &sample{name: filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)}
		s.before = s.read(t, string(text))
		s.inject(t, i, string(text))
		all = append(all, s)
	}
	return all
}

// inject fills in what inject makes of a text.
func (s *sample) inject(t *testing.T, i *injector, text string) {
	t.Helper()
	args := []string{"-f", "-"}
	if s.mode == "init" || s.mode == "sidecar" {
		args = append(args, "--mode", s.mode)
	}
	out, problems := i.run(t, text, args...)
	if s.problems = problems; problems == "" {
		s.after = s.read(t, out)
	}
}

// read finds the one object in a text that is not the namespace.
func (s *sample) read(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	var found *unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); err != nil {
			break
		}
		switch o.GetKind() {
		case "":
		case "Namespace":
			s.mode = o.GetLabels()[label]
		default:
			found = o
		}
	}
	if found == nil {
		t.Fatalf("no object in\n%s", text)
	}
	return found
}

// wrapped gives the template of a pod to every kind of workload.
func wrapped(pod *unstructured.Unstructured) []*unstructured.Unstructured {
	template := func(restart string) map[string]any {
		spec := pod.DeepCopy().Object["spec"].(map[string]any)
		spec["restartPolicy"] = restart
		labels := map[string]any{"app": "web"}
		for key, value := range pod.GetLabels() {
			labels[key] = value
		}
		annotations := map[string]any{}
		for key, value := range pod.GetAnnotations() {
			annotations[key] = value
		}
		return map[string]any{"metadata": map[string]any{"labels": labels, "annotations": annotations}, "spec": spec}
	}
	always := func(more map[string]any) map[string]any {
		spec := map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}}, "template": template("Always")}
		maps.Copy(spec, more)
		return spec
	}
	once := map[string]any{"template": template("Never")}
	var all []*unstructured.Unstructured
	for _, w := range []struct {
		apiVersion, kind string
		spec             map[string]any
	}{
		{"v1", "ReplicationController", map[string]any{"selector": map[string]any{"app": "web"}, "template": template("Always")}},
		{"apps/v1", "Deployment", always(nil)},
		{"apps/v1", "ReplicaSet", always(nil)},
		{"apps/v1", "DaemonSet", always(nil)},
		{"apps/v1", "StatefulSet", always(map[string]any{"serviceName": "web"})},
		{"batch/v1", "Job", once},
		{"batch/v1", "CronJob", map[string]any{"schedule": "0 * * * *", "jobTemplate": map[string]any{"spec": once}}},
	} {
		all = append(all, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": w.apiVersion, "kind": w.kind, "metadata": map[string]any{"name": "web"}, "spec": w.spec,
		}})
	}
	return all
}

func (s *sample) String() string { return fmt.Sprintf("%s in %s", s.name, s.namespace()) }
