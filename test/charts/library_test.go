package charts

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/podfacts/podfacts/test/cluster"
)

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestLibraryInjects holds the pod that the library makes against the one that podfacts
// inject makes of the same pod without it.
func TestLibraryInjects(t *testing.T) {
	t.Parallel()
	const containers = `[{name: main, image: web, resources: {limits: {memory: 1Gi}, requests: {cpu: 100m}}}, {name: other, image: web}]`
	for _, test := range []struct {
		name, mode, container string // parameters of the container
		annotations           string
	}{
		{"init", "init", ``, ``},
		{"sidecar", "sidecar", ``, ``},
		{"configuration", "init", `"configMap" "web"`, `podfacts.dev/config: web`},
		{"sidecar with configuration", "sidecar", `"configMap" "web"`, `podfacts.dev/config: web`},
		{"both", "sidecar", `"configMap" "web" "presets" (list "pod" "otel")`, `podfacts.dev/config: web, podfacts.dev/presets: "pod,otel"`},
		{"format", "init", `"presets" (list "go") "format" "kubernetes"`, `podfacts.dev/presets: go, podfacts.dev/format: kubernetes`},
		{"api", "init", `"api" "auto"`, `podfacts.dev/api: auto`},
		{"api of a configuration", "init", `"configMap" "web" "api" "required"`, `podfacts.dev/config: web, podfacts.dev/api: required`},
		{"directory", "sidecar", `"outputDir" "/var/facts"`, `podfacts.dev/output-dir: /var/facts`},
		{"listen", "sidecar", `"listen" ":9300"`, `podfacts.dev/listen: ":9300"`},
		{"pull policy", "sidecar", `"imagePullPolicy" "Never"`, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			function := map[string]string{"init": "initContainer", "sidecar": "sidecar"}[test.mode]
			volumes, mounts := "", ""
			if strings.Contains(test.container, `"configMap"`) {
				volumes = `"configMap" "web"`
			}
			if strings.Contains(test.container, `"outputDir"`) {
				mounts = `"outputDir" "/var/facts"`
			}
			manifest := fmt.Sprintf(`{{- $containers := %q | fromYamlArray -}}
spec:
  initContainers:
  {{- include "podfacts.%s" (dict "image" "example.com/podfacts:v1" %s) | nindent 2 }}
  containers:
  {{- range $containers }}
  - {{ toYaml . | nindent 4 | trim }}
    volumeMounts:
    {{- include "podfacts.volumeMounts" (dict %s) | nindent 4 }}
  {{- end }}
  volumes:
  {{- include "podfacts.volumes" (dict "containers" $containers %s) | nindent 2 }}
`, containers, function, test.container, mounts, volumes)
			pod := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {podfacts.dev/inject: %s}\n  annotations: {%s}\nspec:\n  containers: %s\n",
				test.mode, test.annotations, containers)
			settings := "image: example.com/podfacts:v1\n"
			if strings.Contains(test.container, "imagePullPolicy") {
				settings += "imagePullPolicy: Never\n"
			}
			want := spec(t, podfacts(t, pod, "inject", "-f", "-", "--settings", write(t, "settings.yaml", settings)))
			dir := user(t, manifest)
			for _, tool := range helms {
				out, wrong := template(t, tool, dir)
				if wrong != "" {
					t.Fatal(wrong)
				}
				if got := spec(t, out); !reflect.DeepEqual(got, want) {
					t.Errorf("%s:\n%s\nbut podfacts inject gives\n%s", tool, text(t, got), text(t, want))
				}
			}
		})
	}
}

func spec(t *testing.T, manifest string) any {
	t.Helper()
	var pod struct{ Spec map[string]any }
	if err := yaml.Unmarshal([]byte(manifest), &pod); err != nil || pod.Spec == nil {
		t.Fatalf("%v\n%s", err, manifest)
	}
	return pod.Spec
}

// TestLibraryAdds: what is given on top is there.
func TestLibraryAdds(t *testing.T) {
	t.Parallel()
	dir := user(t, `spec:
  initContainers:
  {{- include "podfacts.sidecar" (dict "image" "a" "env" (list (dict "name" "A" "value" "b")) "volumeMounts" (list (dict "name" "c" "mountPath" "/c")) "resources" dict "securityContext" (dict "runAsUser" 1)) | nindent 2 }}
`)
	for _, tool := range helms {
		out, wrong := template(t, tool, dir)
		if wrong != "" {
			t.Fatal(wrong)
		}
		for _, want := range []string{"- name: A\n      value: b", "- mountPath: /c\n      name: c", "resources: {}", "securityContext:\n      runAsUser: 1\n"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", tool, want, out)
			}
		}
	}
}

// TestLibraryRBAC holds the library's permissions against those of podfacts rbac.
func TestLibraryRBAC(t *testing.T) {
	t.Parallel()
	config := entry("workload.replicas")
	dir := user(t, `{{ include "podfacts.rbac" (dict "root" . "serviceAccount" "web" "workload" "Deployment" "labels" (dict "a" "b") "config" (.Values.config | fromYaml)) }}`)
	out, wrong := template(t, cluster.Helm, dir, "--set-file", "config="+write(t, "config.yaml", config))
	if wrong != "" {
		t.Fatal(wrong)
	}
	want := podfacts(t, "", "rbac", "-c", write(t, "podfacts.yaml", config), "--namespace", "shop", "--service-account", "web", "--workload", "Deployment")
	if got, want := strings.Join(rules(t, out), "\n"), strings.Join(rules(t, want), "\n"); got != want || got == "" {
		t.Errorf("the library gives\n%s\nbut podfacts rbac\n%s", got, want)
	}
	if strings.Count(out, "\n  labels:\n    a: b\n") != 2 {
		t.Errorf("labels are missing in\n%s", out)
	}
}

// renderedBy stands above what an example becomes, which podfacts render reads in turn.
const renderedBy = "# What it becomes, written by go test ./... -update in test/charts.\n"

// TestExample renders the chart that uses the library, with the dependency as its
// comment says.
func TestExample(t *testing.T) {
	t.Parallel()
	for _, tool := range helms {
		dir := t.TempDir()
		copyDir(t, "../../examples/helm", filepath.Join(dir, "examples/helm"))
		copyDir(t, "../../charts", filepath.Join(dir, "charts"))
		example := filepath.Join(dir, "examples/helm")
		if _, wrong := helm(t, tool, "dependency", "update", example); wrong != "" {
			t.Fatal(wrong)
		}
		if _, wrong := helm(t, tool, "lint", "--strict", example); wrong != "" {
			t.Error(wrong)
		}
		out, wrong := template(t, tool, example)
		if wrong != "" {
			t.Fatal(wrong)
		}
		golden(t, "../../examples/helm/rendered.yaml", renderedBy+manifests(t, out))
	}
}

// TestKustomize builds the overlay.
func TestKustomize(t *testing.T) {
	t.Parallel()
	golden(t, "../../examples/kustomize/rendered.yaml", renderedBy+manifests(t, kustomize(t)))
}

func kustomize(t *testing.T) string {
	t.Helper()
	cmd, err := cluster.Command(t.Context(), os.Stderr, cluster.Kubectl, "kustomize", "../../examples/kustomize/overlay")
	if err != nil {
		t.Fatal(err)
	}
	out, errs, err := command(t, cmd, "")
	if err != nil || errs != "" {
		t.Fatalf("kubectl kustomize: %v\n%s", err, errs)
	}
	return out
}
