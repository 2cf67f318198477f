package charts

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/podfacts/podfacts/test/cluster"
)

// TestPolicies holds the chart's policies against those that podfacts inject prints for
// the same settings. Maps are given in full: Helm puts them on top of the chart's, where
// a file of settings replaces the defaults.
func TestPolicies(t *testing.T) {
	t.Parallel()
	settings := write(t, "settings.yaml", `image: example.com/podfacts:v1
imagePullPolicy: Always
allowedImages: ["example.com/", 'a"b\c']
presets: [pod, otel]
format: kubernetes
outputDir: /var/facts
api: auto
resources: {limits: {memory: 1Gi, cpu: 2}, requests: {cpu: 20m, memory: 16Mi}}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000660000
  runAsGroup: 65532
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  privileged: false
  capabilities: {drop: [ALL, NET_RAW]}
  seccompProfile: {type: RuntimeDefault}
`)
	values := write(t, "values.yaml", "image: {repository: example.com/podfacts, tag: v1, pullPolicy: Always}\ninjection:\n  enabled: true\n  name: podfacts-inject\n"+
		indent(without(readFile(t, settings), "image", "imagePullPolicy")))
	want := policies(t, podfacts(t, "", "inject", "--policy", "--settings", settings))
	for _, tool := range helms {
		out, wrong := template(t, tool, chart, "--values", values)
		if wrong != "" {
			t.Fatal(wrong)
		}
		got := policies(t, out)
		if len(got) != len(want) {
			t.Errorf("%s: %d policies and bindings, want %d", tool, len(got), len(want))
		}
		for name, text := range want {
			have, lines := strings.Split(got[name], "\n"), strings.Split(text, "\n")
			for i := range min(len(have), len(lines)) {
				if have[i] != lines[i] {
					t.Errorf("%s: %s has\n%s\nbut podfacts inject\n%s", tool, name, have[i], lines[i])
				}
			}
			if len(have) != len(lines) {
				t.Errorf("%s: %s has %d lines, want %d", tool, name, len(have), len(lines))
			}
		}
	}
}

// policies are the specs of policies and bindings by kind and name. What hides types in
// literals is left out, which the chart does more often than it must.
func policies(t *testing.T, manifests string) map[string]string {
	t.Helper()
	objects, err := cluster.Objects(manifests)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, u := range objects {
		if !strings.Contains(u.GetKind(), "AdmissionPolicy") {
			continue
		}
		variables, _, _ := unstructured.NestedSlice(u.Object, "spec", "variables")
		for _, item := range variables {
			variable := item.(map[string]any)
			expression := variable["expression"].(string)
			if !strings.Contains(expression, "\n") {
				variable["expression"] = strings.NewReplacer("dyn(", "", ")", "", " ", "").Replace(expression)
			}
		}
		if variables != nil {
			if err := unstructured.SetNestedSlice(u.Object, variables, "spec", "variables"); err != nil {
				t.Fatal(err)
			}
		}
		text, err := json.MarshalIndent(u.Object["spec"], "", " ")
		if err != nil {
			t.Fatal(err)
		}
		all[u.GetKind()+" "+u.GetName()] = string(text)
	}
	return all
}

func without(text string, names ...string) string {
	var kept strings.Builder
next:
	for line := range strings.Lines(text) {
		for _, name := range names {
			if strings.HasPrefix(line, name+":") {
				continue next
			}
		}
		kept.WriteString(line)
	}
	return kept.String()
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// TestPoliciesRefuse installs them, and creates pods with annotations that are wrong.
func TestPoliciesRefuse(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t)
	out, wrong := template(t, cluster.Helm, chart, "--set", "injection.enabled=true,rbac.create=false,serviceAccount.create=false,tests.enabled=false")
	if wrong != "" {
		t.Fatal(wrong)
	}
	apply(t, c, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: shop}\n")
	apply(t, c, out)
	create := func(label, annotation string) (string, error) {
		return kubectl(t, c, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: shop\n  labels: {podfacts.dev/inject: "+label+"}\n  annotations: {"+annotation+
			"}\nspec:\n  containers: [{name: main, image: web}]\n", "create", "--dry-run=server", "-o", "jsonpath={.spec.initContainers[*].image}", "-f", "-")
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) { // both take a moment
		image, err := create("init", "")
		_, refused := create("init", "podfacts.dev/format: bash")
		if err == nil && image == "podfacts/podfacts:latest" && refused != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the policies are not in force: %q, %v, %v", image, err, refused)
		}
	}
	for _, test := range []struct{ label, annotation, want string }{
		{"always", ``, `label podfacts.dev/inject is "always", but must be init, sidecar or none`},
		{"init", `podfacts.dev/format: bash`, `annotation podfacts.dev/format is "bash", but must be sh, export,`},
		{"init", `podfacts.dev/presets: pods`, `annotation podfacts.dev/presets names "pods", but there are pod, labels,`},
		{"init", `podfacts.dev/confg: web`, `annotation podfacts.dev/confg is unknown; there are podfacts.dev/config,`},
		{"init", `podfacts.dev/image: mine`, `annotation podfacts.dev/image is "mine", but the image cannot be chosen here; remove it`},
		{"init", `podfacts.dev/listen: ":9300"`, `annotation podfacts.dev/listen is for sidecars; set the label podfacts.dev/inject to sidecar, or remove it`},
	} {
		if _, err := create(test.label, test.annotation); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s: %v, want %q", test.label, test.annotation, err, test.want)
		}
	}
}
