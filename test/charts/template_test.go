package charts

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	release "github.com/podfacts/podfacts/cmd/release/chart"
	"github.com/podfacts/podfacts/test/cluster"
)

const chart = "../../charts/podfacts"

// matrix finds the values that goldens are for.
func matrix(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files of values: %v", len(files), err)
	}
	return files
}

// operator has the chart believe that the Prometheus operator is there.
func operator() []string {
	return []string{"--api-versions", "monitoring.coreos.com/v1/PodMonitor", "--api-versions", "monitoring.coreos.com/v1/PrometheusRule"}
}

// TestTemplate holds what the chart becomes, by both Helms alike.
func TestTemplate(t *testing.T) {
	t.Parallel()
	for _, values := range matrix(t) {
		t.Run(filepath.Base(values), func(t *testing.T) {
			t.Parallel()
			var all []string
			for _, tool := range helms {
				out, wrong := template(t, tool, chart, append(operator(), "--values", values)...)
				if wrong != "" {
					t.Fatalf("%s: %s", tool, wrong)
				}
				all = append(all, manifests(t, out))
			}
			if all[0] != all[1] {
				t.Errorf("%s and %s differ:\n%s\n%s", helms[0], helms[1], all[0], all[1])
			}
			golden(t, filepath.Join("testdata/golden", filepath.Base(values)), all[0])
		})
	}
}

// manifests writes what was rendered in one way, by kind and name. Of the policies, which
// agent/inject holds, the names are left, and of the dashboard.
func manifests(t *testing.T, rendered string) string {
	t.Helper()
	objects, err := cluster.Objects(rendered)
	if err != nil {
		t.Fatalf("%v\n%s", err, rendered)
	}
	slices.SortFunc(objects, func(a, b *unstructured.Unstructured) int {
		return cmp.Compare(a.GetKind()+a.GetNamespace()+a.GetName(), b.GetKind()+b.GetNamespace()+b.GetName())
	})
	var b strings.Builder
	for _, u := range objects {
		if strings.Contains(u.GetKind(), "AdmissionPolicy") {
			delete(u.Object, "spec")
		}
		if dashboard, ok, _ := unstructured.NestedString(u.Object, "data", "podfacts.json"); ok {
			want, err := os.ReadFile("../../examples/monitoring/dashboard.json")
			if err != nil || strings.TrimSpace(dashboard) != strings.TrimSpace(string(want)) {
				t.Errorf("the dashboard is not that of examples/monitoring: %v", err)
			}
			delete(u.Object, "data")
		}
		text, err := yaml.Marshal(u.Object)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("---\n" + string(text))
	}
	return b.String()
}

// TestLint: nothing is to be said of any of it, however strict.
func TestLint(t *testing.T) {
	t.Parallel()
	for _, tool := range helms {
		for _, values := range append(matrix(t), "") {
			t.Run(tool.String()+"/"+filepath.Base(values), func(t *testing.T) {
				t.Parallel()
				args := []string{"lint", "--strict", "--kube-version", "1.36.0", chart}
				if values != "" {
					args = append(args, "--values", values)
				}
				if strings.Contains(values, "everything") || strings.Contains(values, "monitoring") {
					// lint cannot be told what a cluster has
					args = append(args, "--set", "podMonitor.enabled=false,prometheusRule.enabled=false")
				}
				if _, wrong := helm(t, tool, args...); wrong != "" {
					t.Error(wrong)
				}
			})
		}
		t.Run(tool.String()+"/library", func(t *testing.T) {
			t.Parallel()
			if _, wrong := helm(t, tool, "lint", "--strict", "../../charts/podfacts-lib"); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// TestRelease reads the charts as a release packs them: they name its image.
func TestRelease(t *testing.T) {
	t.Parallel()
	for _, tool := range helms {
		for _, name := range []string{"podfacts", "podfacts-lib"} {
			var packed strings.Builder
			c := release.Chart{Name: name, Files: os.DirFS("../../charts/" + name), Version: "1.2.3", Repository: "registry.example.com/podfacts", Created: time.Unix(0, 0)}
			if err := c.Write(&packed); err != nil {
				t.Fatal(err)
			}
			file := write(t, name+"-1.2.3.tgz", packed.String())
			if out, wrong := helm(t, tool, "show", "chart", file); wrong != "" || !strings.Contains(out, "\nversion: 1.2.3\n") {
				t.Errorf("%s: %s%s", tool, out, wrong)
			}
			if name == "podfacts-lib" {
				continue
			}
			out, wrong := template(t, tool, file, "--set", "demo.enabled=true")
			if wrong != "" {
				t.Fatal(wrong)
			}
			for _, want := range []string{"image: registry.example.com/podfacts:1.2.3", "helm.sh/chart: podfacts-1.2.3", "app.kubernetes.io/version: 1.2.3"} {
				if !strings.Contains(out, want) {
					t.Errorf("%s: no %s in\n%s", tool, want, out)
				}
			}
		}
	}
}

// TestDependency has the chart in another one, under the condition that charts commonly
// have for that.
func TestDependency(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 0.1.0\ndependencies: [{name: podfacts, version: 0.1.0, condition: podfacts.enabled}]\n")
	write(t, filepath.Join(dir, "values.yaml"), "global: {team: a}\npodfacts: {enabled: true}\n")
	copyDir(t, chart, filepath.Join(dir, "charts/podfacts"))
	for _, tool := range helms {
		for enabled, want := range map[string]int{"true": 1, "false": 0} {
			out, wrong := template(t, tool, dir, "--set", "podfacts.enabled="+enabled)
			if got := strings.Count(out, "kind: ConfigMap"); wrong != "" || got != want {
				t.Errorf("%s: podfacts.enabled=%s gives %d ConfigMaps, want %d: %s", tool, enabled, got, want, wrong)
			}
		}
	}
}

// TestEmpty leaves out what stands behind the colons of values that need not have anything.
func TestEmpty(t *testing.T) {
	t.Parallel()
	const values = `commonLabels:
files:
imagePullSecrets:
serviceAccount: {annotations: }
podMonitor: {enabled: true, labels: }
prometheusRule: {enabled: true, labels: }
dashboard: {enabled: true, labels: , annotations: }
demo: {enabled: true}
podAnnotations:
podLabels:
podSecurityContext:
extraEnv:
extraVolumes:
extraVolumeMounts:
nodeSelector:
tolerations:
affinity:
`
	for _, tool := range helms {
		out, wrong := template(t, tool, chart, append(operator(), "--values", write(t, "values.yaml", values))...)
		if wrong != "" {
			t.Errorf("%s: %s", tool, wrong)
		} else if out := manifests(t, out); strings.Contains(out, "null") {
			t.Errorf("%s: null in\n%s", tool, out)
		}
	}
}

// TestNotes says what to do next, in words that fit the values.
func TestNotes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ set, want, unwanted string }{
		{"tests.enabled=true", "helm test web -n shop", "view -c"},
		{"tests.enabled=true", "podfacts.dev/config: web-podfacts", ""},
		{"tests.enabled=true", "serviceAccountName: web-podfacts", ""},
		{"tests.enabled=false", "injection.enabled=true", "helm test"},
		{"injection.enabled=true", "in every namespace", "podfacts inject"},
		{"demo.enabled=true", "deploy/web-podfacts-demo -- /podfacts view", ""},
		{"config.api.mode=auto", "helm test", "asks the API server nothing"},
		{"serviceAccount.create=false", "every pod without another one", ""},
	} {
		out, wrong := helm(t, cluster.Helm, "install", "web", chart, "--namespace", "shop", "--dry-run=client", "--set", test.set)
		if wrong != "" {
			t.Fatal(wrong)
		}
		_, notes, _ := strings.Cut(out, "\nNOTES:\n")
		if !strings.Contains(notes, test.want) || test.unwanted != "" && strings.Contains(notes, test.unwanted) {
			t.Errorf("%s: want %q and not %q:\n%s", test.set, test.want, test.unwanted, notes)
		}
	}
}
