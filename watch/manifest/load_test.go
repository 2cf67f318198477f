package manifest_test

import (
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch/manifest"
)

// header starts a pod in the tests of mistakes: what follows is line 4.
const header = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"

// TestLoadRefuses: every mistake is an error with its line, and says what to do.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const spec = "spec: {containers: [{name: main}]}\n"
	for _, tt := range []struct{ name, text, want string }{
		{"number as label", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels:\n    version: 1.0\n" + spec,
			"stdin:6: metadata.labels.version is a number where a quoted string belongs; quote it"},
		{"boolean as label", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels:\n    a.b/c: true\n" + spec,
			"stdin:6: metadata.labels['a.b/c'] is a boolean where a quoted string belongs; quote it"},
		{"YAML 1.1 boolean as label", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels:\n    canary: on\n" + spec,
			"stdin:6: metadata.labels.canary is a boolean (YAML 1.1) where a quoted string belongs; quote it"},
		{"map as annotation", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    json: {a: 1}\n" + spec,
			"stdin:6: metadata.annotations.json is a map where a quoted string belongs"},
		{"list as labels", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels: [a]\n" + spec,
			"stdin:5: metadata.labels is a list where a map belongs"},
		{"number as variable", header + "spec:\n  containers:\n  - name: main\n    env:\n    - name: PORT\n      value: 8080\n",
			"stdin:9: spec.containers[0].env[0].value is a number where a string belongs; quote it"},
		{"number as name", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: 007\n" + spec,
			"stdin:4: metadata.name is a number where a string belongs; quote it"},
		{"no name", "apiVersion: v1\nkind: Pod\nmetadata:\n  namespace: shop\n" + spec, "stdin:4: metadata.name is missing"},
		{"empty name", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: ''\n" + spec, "stdin:4: metadata.name is missing"},
		{"null name", "apiVersion: v1\nkind: Pod\nmetadata:\n  name:\n" + spec, "stdin:4: metadata.name is missing"},
		{"no metadata", "apiVersion: v1\nkind: Pod\n" + spec, "stdin:1: metadata is missing"},
		{"no spec", header, "stdin:1: spec is missing"},
		{"no containers", header + "spec: {}\n", "stdin:4: spec.containers is missing"},
		{"empty containers", header + "spec: {containers: []}\n", "stdin:4: spec.containers is missing"},
		{"container without name", header + "spec:\n  containers:\n  - image: web\n", "stdin:6: spec.containers[0].name is missing"},
		{"no quantity", header + "spec:\n  containers:\n  - name: main\n    resources:\n      limits:\n        memory: 1 GB\n",
			`stdin:9: spec.containers[0].resources.limits.memory: "1 GB" is not a quantity such as 500m or 64Mi`},
		{"boolean as quantity", header + "spec:\n  containers:\n  - name: main\n    resources: {limits: {cpu: true}}\n",
			"stdin:7: spec.containers[0].resources.limits.cpu is a boolean where a quantity belongs"},
		{"string as boolean", header + "spec:\n  hostNetwork: 'true'\n  containers: [{name: main}]\n",
			"stdin:5: spec.hostNetwork is a string where a boolean belongs"},
		{"item without path", header + "spec:\n  containers: [{name: main}]\n  volumes:\n  - name: podinfo\n    downwardAPI:\n      items:\n      - fieldRef: {fieldPath: metadata.name}\n",
			"stdin:10: spec.volumes[0].downwardAPI.items[0].path is missing"},
		{"template without containers", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec: {}\n",
			"stdin:6: spec.template.spec.containers is missing"},
		{"string as replicas", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: '2'\n  template: {spec: {containers: [{name: main}]}}\n",
			"stdin:5: spec.replicas is a string where a whole number belongs"},
		{"label in a job template", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        metadata:\n          labels: {a: 1}\n        spec: {containers: [{name: main}]}\n",
			"stdin:9: spec.jobTemplate.spec.template.metadata.labels.a is a number where a quoted string belongs; quote it"},
		{"selector", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {version: 2}\n",
			"stdin:5: spec.selector.version is a number where a quoted string belongs; quote it"},
		{"template of an unknown kind", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n  template:\n    metadata:\n      labels: {a: 1}\n    spec: {containers: [{}]}\n",
			"stdin:7: spec.template.metadata.labels.a is a number where a quoted string belongs; quote it"},
		{"key twice", header + "spec:\n  containers: [{name: main}]\n  nodeName: a\n  nodeName: b\n",
			"stdin:7: spec.nodeName is given twice, first in line 6; keep one"},
		{"boolean key", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  on: push\n",
			`stdin:5: data has the key "on", which is a boolean (YAML 1.1) where a string belongs; quote it`},
		{"number key", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  1.0: a\n",
			`stdin:5: data has the key "1.0", which is a number where a string belongs; quote it`},
		{"map key", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  {a: b}: a\n",
			`which is a map where a string belongs`},
		{"not Kubernetes", "services:\n  web: {image: web}\n", "stdin:1: not a Kubernetes object: it has no apiVersion and kind; leave the file out, or fix it"},
		{"a string", "hello\n", "stdin:1: not a Kubernetes object"},
		{"second document", header + spec + "---\nname: values\n", "stdin:6: not a Kubernetes object"},
		{"entry of a list", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n- {}\n", "stdin:6: not a Kubernetes object"},
		{"items no list", "apiVersion: v1\nkind: List\nitems: {}\n", "stdin:3: items is a map where a list belongs"},
		{"no YAML", "a: b: c\n", "stdin: mapping values are not allowed in this context"},
		{"tab", header + "spec:\n\tcontainers: []\n", "found character that cannot start any token"},
		{"unknown anchor", "a: *b\n", "stdin: unknown anchor 'b' referenced"},
		{"unknown tag", header + "spec: {containers: [{name: main, image: !Ref a}]}\n", "stdin:4: spec.containers[0].image is tagged !Ref where a string belongs"},
		{"wrong tag", header + "x: !!int secret\n" + spec, "stdin:4: x is tagged !!int and is none"},
		{"no JSON number", header + "x: .inf\n" + spec, "stdin:4: x: .inf is no number that JSON has"},
		{"anchor in itself", header + spec + "x: &x\n  z: *x\n", "stdin:6: x.z.z: the anchor x holds itself"},
		{"merge of a string", header + spec + "x: {<<: a}\n", "stdin:5: x: << takes a map or a list of maps"},
		{"aliases upon aliases", header + spec + bomb(), "the aliases stand for more than 100000 values"},
		{"two states", header + spec + "---\n" + header + "spec: {containers: [{name: other}]}\n",
			"stdin:6: Pod web differs from the one in stdin:1; keep one of them"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := manifest.Load(manifest.Input{Pod: "-", Stdin: strings.NewReader(tt.text)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v\nwant one with %s", err, tt.want)
			}
		})
	}
}

// bomb is a billion laughs.
func bomb() string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 8 {
		this, last := string(rune('1'+i)), string(rune('0'+i))
		text += "a" + this + ": &a" + this + " [" + strings.TrimSuffix(strings.Repeat("*a"+last+", ", 10), ", ") + "]\n"
	}
	return text
}

// TestLoadReportsEverythingAtOnce: one run shows every mistake of every file.
func TestLoadReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	dir := memory{
		"a.yaml":     "apiVersion: v1\nkind: Pod\nmetadata: {labels: {a: 1}}\nspec: {containers: [{}], hostname: no}\n",
		"b/c.json":   `{"apiVersion": "v1", "kind": "Node"}`,
		"b/c.yml":    "a: [\n",
		"values.txt": "not read",
	}.dir(t)
	_, err := manifest.Load(manifest.Input{Objects: []string{dir, filepath.Join(dir, "missing")}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"6 errors occurred", "a.yaml:3: metadata.labels.a is", "a.yaml:3: metadata.name is missing",
		"a.yaml:4: spec.containers[0].name is missing", "a.yaml:4: spec.hostname is a boolean (YAML 1.1)",
		"c.json:1: metadata is missing", "c.yml:"} {
		if !strings.Contains(strings.ReplaceAll(err.Error(), "7 errors", "6 errors"), want) {
			t.Errorf("%v\nlacks %s", err, want)
		}
	}
}

func TestLoadRefusesFiles(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for _, tt := range []struct {
		name string
		in   manifest.Input
		want string
	}{
		{"missing", manifest.Input{Pod: "/nope.yaml"}, "--pod /nope.yaml: no such file or directory"},
		{"missing node", manifest.Input{Node: "/nope.yaml"}, "--node /nope.yaml: no such file or directory"},
		{"missing objects", manifest.Input{Objects: []string{"/nope"}}, "--objects /nope: no such file or directory"},
		{"empty directory", manifest.Input{Objects: []string{empty}}, "no file below it ends in .yaml, .yml or .json"},
		{"no standard input", manifest.Input{Pod: "-"}, "there is no standard input"},
		{"standard input twice", manifest.Input{Pod: "-", Node: "-", Stdin: strings.NewReader("")}, "there is no standard input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := manifest.Load(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}

// TestLoadForms: one pod in every form that people keep it in.
func TestLoadForms(t *testing.T) {
	t.Parallel()
	const yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {a: b}}\nspec: {containers: [{name: main}]}\n"
	const json = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"a": "b"}}, "spec": {"containers": [{"name": "main"}]}}`
	want := load(t, yaml).Object()
	for name, text := range map[string]string{
		"document end":     "--- # comment\n" + yaml + "...\n",
		"empty documents":  "---\n---\n# nothing\n---\n" + yaml + "---\n",
		"byte order mark":  "\uFEFF" + yaml,
		"CRLF":             strings.ReplaceAll(yaml, "\n", "\r\n"),
		"twice the same":   yaml + "---\n" + yaml,
		"JSON":             json,
		"JSON lines":       json + "\n" + `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}` + "\n",
		"indented JSON":    strings.ReplaceAll(json, ", ", ",\n\t"),
		"YAML flow":        strings.ReplaceAll(json, `"Pod"`, "Pod"),
		"List":             "apiVersion: v1\nkind: List\nitems:\n- " + json,
		"JSON List":        `{"apiVersion": "v1", "kind": "List", "items": [` + json + "]}",
		"PodList":          "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: web, labels: {a: b}}\n  spec: {containers: [{name: main}]}\n",
		"list in a list":   `{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "PodList", "items": [` + json + "]}]}",
		"empty list":       "apiVersion: v1\nkind: ServiceList\nitems:\n---\n" + yaml,
		"anchors":          "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: &l {a: b}}\nspec: {containers: [{name: main}]}\n",
		"merge key":        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {<<: {a: b}}}\nspec: {<<: [{containers: [{name: main}]}, {containers: []}]}\n",
		"quoted":           "apiVersion: 'v1'\nkind: \"Pod\"\nmetadata: {name: web, labels: {a: !!str b}}\nspec: {containers: [{name: main}]}\n",
		"status of no pod": yaml + "status:\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := load(t, text).Object(); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// load takes the pod from standard input.
func load(t *testing.T, text string) *manifest.Pod {
	t.Helper()
	return choose(t, manifest.Input{Pod: "-", Stdin: strings.NewReader(text)}, "")
}

// TestLoadReadsScalarsAsKubectl pins the readings that differ between YAML 1.1,
// 1.2 and JSON.
func TestLoadReadsScalarsAsKubectl(t *testing.T) {
	t.Parallel()
	pod := load(t, header+`
spec: {containers: [{name: main}]}
x:
  booleans: [yes, On, n, "yes", !!str yes]
  octal: 0644
  time: 2026-11-22T01:37:08Z
  date: 2026-11-22
  binary: !!binary YQ==
  numbers: [1, 1.0, 1e3, 0x10, 1_000]
  none: [~, null]
  sexagesimal: 1:30
`)
	want := map[string]any{
		"booleans": []any{true, true, false, "yes", "yes"}, "octal": int64(420), "time": "2026-11-22T01:37:08Z", "date": "2026-11-22",
		"binary": "a", "numbers": []any{int64(1), int64(1), int64(1000), int64(16), int64(1000)}, "none": []any{nil, nil}, "sexagesimal": "1:30",
	}
	if got := pod.Object()["x"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}

// TestLoadReadsJSONStrings: escapes and characters that mean something else in YAML.
func TestLoadReadsJSONStrings(t *testing.T) {
	t.Parallel()
	pod := load(t, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"n":null},"annotations":`+
		`{"a":"\ud83d\ude00 \/ `+"\u2028 \u007f \u0085"+`"}},"spec":{"containers":[{"name":"main"}]}}`)
	meta := pod.Object()["metadata"].(map[string]any)
	if got, want := meta["annotations"].(map[string]any)["a"], "😀 / \u2028 \u007f \u0085"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := meta["labels"].(map[string]any)["n"]; got != "" {
		t.Errorf("null as label = %q; encoding/json reads an empty string", got)
	}
}

// TestLoadMountedConfigMap: what the kubelet links is read once.
func TestLoadMountedConfigMap(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: main}]}\n"
	dir := memory{"..2026/pod.yaml": pod, "pod.txt": "no"}.dir(t)
	for link, target := range map[string]string{"..data": "..2026", "pod.yaml": "..data/pod.yaml"} {
		if err := os.Symlink(target, path.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	choose(t, manifest.Input{Pod: dir}, "web")
}

// TestLoadKeepsTheNewer: of two dumps of one object.
func TestLoadKeepsTheNewer(t *testing.T) {
	t.Parallel()
	state := func(version, node string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: web, resourceVersion: '" + version + "'}\nspec: {nodeName: " + node + ", containers: [{name: main}]}\n---\n"
	}
	for name, text := range map[string]string{"newer last": state("9", "old") + state("10", "new"), "newer first": state("10", "new") + state("9", "old")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := load(t, text).Object()["spec"].(map[string]any)["nodeName"]; got != "new" {
				t.Errorf("node %v", got)
			}
		})
	}
}
