package inject_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent/inject"
)

func ExampleSettings_Policies() {
	settings := inject.Default()
	settings.Image = "registry.example.com/podfacts:v1.2.3"
	d := yaml.NewDecoder(bytes.NewReader(settings.Policies()))
	for {
		var o struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(o.Kind, o.Metadata.Name)
	}
	// Output:
	// MutatingAdmissionPolicy podfacts-inject
	// MutatingAdmissionPolicyBinding podfacts-inject-pods
	// MutatingAdmissionPolicyBinding podfacts-inject-namespaces
	// ValidatingAdmissionPolicy podfacts-inject
	// ValidatingAdmissionPolicyBinding podfacts-inject-pods
	// ValidatingAdmissionPolicyBinding podfacts-inject-namespaces
	// ValidatingAdmissionPolicyBinding podfacts-inject-workloads
	// ValidatingAdmissionPolicy podfacts-inject-label
	// ValidatingAdmissionPolicyBinding podfacts-inject-label
}

// TestChart holds the template of the chart. With -update it is written anew.
func TestChart(t *testing.T) {
	t.Parallel()
	golden(t, "../../charts/podfacts/templates/injection.yaml", string(inject.Chart()))
}

// TestLiterals looks for the settings among the expressions, in whatever types
// YAML may have them.
func TestLiterals(t *testing.T) {
	t.Parallel()
	s, err := inject.ParseSettings(inject.Default(), "settings.yaml", []byte(`
allowedImages: ["a<b>&\"\\", c]
securityContext:
  runAsUser: 1000
  privileged: false
  list: [a, {b: 1.5}, null]
resources: {limits: {cpu: "1", memory: 1Gi}}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := variables(t, s.Policies())
	for name, want := range map[string]string{
		"allowedImages":   `["a<b>&\"\\", "c"]`,
		"securityContext": `{"list": dyn(["a", {"b": dyn(1.5)}, null]), "privileged": dyn(false), "runAsUser": dyn(1000)}`,
		"resources":       `{"limits": dyn({"cpu": "1", "memory": "1Gi"})}`,
		"imagePullPolicy": `""`,
	} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
}

// variables are those of the first policy.
func variables(t *testing.T, policies []byte) map[string]string {
	t.Helper()
	var policy struct {
		Spec struct {
			Variables []struct{ Name, Expression string }
		}
	}
	if err := yaml.Unmarshal(policies, &policy); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, v := range policy.Spec.Variables {
		all[v.Name] = v.Expression
	}
	return all
}

func TestParseSettings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []string // errors
	}{
		{"nothing", "", nil},
		{"comments", "# nothing\n", nil},
		{"all", "image: a\nimagePullPolicy: Never\nallowedImages: [b]\npresets: [go]\nformat: json\noutputDir: /a\napi: auto\nresources: {}\nsecurityContext: {}\n", nil},
		{"wrong values", "image: 'a b'\nimagePullPolicy: never\npresets: [a, pod]\nformat: b\noutputDir: /etc\napi: c\n", []string{
			`s.yaml: image is "a b", but must name an image, as in podfacts/podfacts:latest`,
			`s.yaml: imagePullPolicy is "never", but must be Always, IfNotPresent or Never`,
			`s.yaml: presets names "a", but there are pod,`,
			`s.yaml: format is "b", but must be sh,`,
			`s.yaml: api is "c", but must be auto, never, required`,
			`s.yaml: outputDir is "/etc", but must be an absolute path such as /run/podfacts`,
		}},
		{"no presets", "presets: []\n", []string{"s.yaml: presets is empty, but a pod without a configuration needs one"}},
		{"wrong names and types", "imge: a\nformat: [b]\n", []string{`s.yaml:1: "imge" is no setting; there are image, `, "s.yaml:2: cannot unmarshal !!seq into string"}},
		{"no YAML", "a: b: c\n", []string{"s.yaml: mapping values are not allowed in this context"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := inject.ParseSettings(inject.Default(), "s.yaml", []byte(test.text))
			var got []string
			if err != nil {
				got = strings.Split(strings.TrimSuffix(lines(err), "\n"), "\n")
			}
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestParseSettingsCopies changes what was parsed, and not what it came from.
func TestParseSettingsCopies(t *testing.T) {
	t.Parallel()
	base := inject.Default()
	if _, err := inject.ParseSettings(base, "s.yaml", []byte("resources: {limits: {memory: 1Gi}}\nsecurityContext: {privileged: true}\npresets: [go]\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(base), fmt.Sprint(inject.Default()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
