package config

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

const full = `
container: main
volumes:
- path: /etc/podinfo
  items:
  - {path: labels, fieldRef: {fieldPath: metadata.labels}}
environment:
- {name: MY_NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
timing: {window: 250ms, resync: 2m, retry: 3s}
outputs:
- path: /run/podfacts/pod.env
  format: kubernetes
  mode: "0640"
  owner: "1000:2000"
  presets: [pod]
  onInvalid: skip
  env: &entries
  - {name: LIMIT, from: limits.memory}
  - {name: PASTED, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
  - {name: OTHER, valueFrom: {resourceFieldRef: {containerName: other, resource: requests.cpu, divisor: 1m}}}
  - {name: PORT, value: 8080}
- path: /run/podfacts/app.conf
  template: app.tmpl
  delimiters: ["[[", "]]"]
  group: app
  check: {command: [test, -s, $PODFACTS_FILE], timeout: 5s}
- path: /run/podfacts/view.json
  format: json
  group: app
- path: /run/podfacts/again.env
  inPlace: true
  makeDirs: true
  container: other
  env: *entries
`

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Loader{ReadFile: func(name string) ([]byte, error) {
		if name != filepath.FromSlash("dir/app.tmpl") {
			return nil, fs.ErrNotExist
		}
		return []byte("app [[ .pod.name ]]"), nil
	}}.Parse("dir/podfacts.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParse(t *testing.T) {
	t.Parallel()
	c := parse(t, full)
	if c.Container != "main" || len(c.Volumes) != 1 || len(c.Volumes[0].Items) != 1 || len(c.Environment) != 1 || len(c.Outputs) != 4 {
		t.Fatalf("read %+v", c)
	}
	if want := (watch.Timing{Window: 250 * time.Millisecond, Resync: 2 * time.Minute, Retry: 3 * time.Second}); c.Timing != want {
		t.Errorf("timing is %+v", c.Timing)
	}

	env := c.Outputs[0]
	if env.File.Mode != 0o640 || *env.File.UID != 1000 || *env.File.GID != 2000 || env.File.Check != nil {
		t.Errorf("file is %+v", env.File)
	}
	r := env.Renderer.(*render.Env)
	if r.Dialect != envfile.Kubernetes || !r.SkipInvalid || len(r.Presets) != 1 {
		t.Errorf("renderer is %+v", r)
	}
	var entries []string
	for _, e := range append(r.Entries, c.Outputs[3].Renderer.(*render.Env).Entries...) {
		entries = append(entries, fmt.Sprintf("%s=%s%s/%s@%s", e.Name, e.From, e.Value, e.Divisor.String(), e.Where))
	}
	want := `LIMIT=containers.main.limits.memory/0@dir/podfacts.yaml:18
PASTED=containers.main.limits.cpu/1@dir/podfacts.yaml:19
OTHER=containers.other.requests.cpu/1m@dir/podfacts.yaml:20
PORT=8080/0@dir/podfacts.yaml:21
LIMIT=containers.other.limits.memory/0@dir/podfacts.yaml:18
PASTED=containers.other.limits.cpu/1@dir/podfacts.yaml:19
OTHER=containers.other.requests.cpu/1m@dir/podfacts.yaml:20
PORT=8080/0@dir/podfacts.yaml:21`
	if got := strings.Join(entries, "\n"); got != want {
		t.Errorf("entries are\n%s\nwant\n%s", got, want)
	}

	if f := c.Outputs[1]; f.Group != "app" || f.File.Check == nil || f.File.Mode != 0o644 {
		t.Errorf("templated output is %+v", f)
	}
	if f := c.Outputs[3].File; !f.InPlace || !f.MakeDirs {
		t.Errorf("file is %+v", f)
	}
}

// TestParseEmpty: a configuration may say nothing at all.
func TestParseEmpty(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing\n", "outputs:\n", "{}"} {
		if c := parse(t, text); len(c.Outputs) != 0 {
			t.Errorf("%q gives %+v", text, c)
		}
	}
}

// TestMergeKeys: own keys win over those that << takes over, and of these the
// first.
func TestMergeKeys(t *testing.T) {
	t.Parallel()
	c := parse(t, `
outputs:
- &first {path: /a, text: a, mode: "0600", inPlace: true}
- {<<: *first, path: /b}
- &second
  <<: *first
  path: /c
  mode: "0640"
- {path: /d, <<: [{mode: "0400"}, *second, *first]}
- path: /e
  text: e
  check: {<<: {timeout: 5s}, command: ["true"]}
- {path: /f, env: [&entry {name: A, from: pod.name, default: x}, {<<: *entry, name: B}]}
`)
	var got []string
	for _, o := range c.Outputs {
		got = append(got, fmt.Sprintf("%s %o %t", o.File.Path, o.File.Mode, o.File.InPlace))
	}
	if want := "/a 600 true, /b 600 true, /c 640 true, /d 400 true, /e 644 false, /f 644 false"; strings.Join(got, ", ") != want {
		t.Errorf("outputs are %s\nwant        %s", strings.Join(got, ", "), want)
	}
	entries := c.Outputs[5].Renderer.(*render.Env).Entries
	if len(entries) != 2 || entries[1].Name != "B" || entries[1].From != watch.PodName || *entries[1].Default != "x" {
		t.Errorf("entries are %+v", entries)
	}
}

// TestMergeKeysEnd: merges upon merges take no longer than there are mappings.
func TestMergeKeysEnd(t *testing.T) {
	t.Parallel()
	text := "outputs:\n- &a0 {path: /0, text: a}\n- &b0 {path: /1, text: b}\n"
	for i := 1; i < 50; i++ {
		for j, name := range []string{"a", "b"} {
			text += fmt.Sprintf("- &%s%d {path: /%d, <<: [*a%d, *b%d]}\n", name, i, 2*i+j, i-1, i-1)
		}
	}
	if c := parse(t, text); len(c.Outputs) != 100 {
		t.Errorf("%d outputs", len(c.Outputs))
	}
}

func TestLoaderContainerWins(t *testing.T) {
	t.Parallel()
	text := "container: main\noutputs:\n- {path: a, env: [{name: A, from: limits.cpu}]}\n"
	c, err := Loader{Container: "side"}.Parse("a.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Outputs[0].Renderer.(*render.Env).Entries[0].From; got != "containers.side.limits.cpu" {
		t.Errorf("the fact is %s", got)
	}
}

// TestMistakes holds one mistake a row; that several are reported together is
// shown where the command line is tested.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const head = "outputs:\n- path: /o\n  "
	tests := []struct{ name, text, want string }{
		{"not a mapping", "- a\n", `c.yaml:1: configuration is a list, but must be a mapping`},
		{"second document", "container: a\n---\ncontainer: b\n", "c.yaml:2: a configuration is one document"},
		{"key twice", "container: a\ncontainer: b\n", "c.yaml:2: configuration: container is given twice, first in line 1"},
		{"unknown key", "ouputs: []\n", `c.yaml:1: configuration: unknown key "ouputs"; did you mean outputs?`},
		{"merge of text", head + "<<: a\n", `c.yaml:3: output: << is "a", but must be a mapping or a list of mappings`},
		{"merge of a list of text", head + "<<: [a]\n", `c.yaml:3: output: << is "a", but must be`},
		{"merge into itself", "outputs:\n- &o {<<: *o, path: /o}\n", "c.yaml:2: output: << takes over what it stands in"},
		{"merge twice", head + "<<: {text: a}\n  <<: {mode: 0600}\n", "c.yaml:4: output: << is given twice, first in line 3"},
		{"merge of an unknown key", head + "<<: {txt: a}\n", `c.yaml:3: output: unknown key "txt"; did you mean text?`},
		{"no merge but a key", head + "'<<': {text: a}\n", `c.yaml:3: output: unknown key "<<"`},
		{"list expected", "outputs: {}\n", "c.yaml:1: outputs is a mapping, but must be a list"},
		{"volume twice", "volumes:\n- path: /a\n- path: /a\n", "c.yaml:3: volume /a is listed twice"},
		{"item is no mapping", "volumes:\n- path: /a\n  items: [labels]\n", `c.yaml:3: item is "labels", but must be a mapping`},
		{"boolean", head + "text: a\n  inPlace: maybe\n", `c.yaml:4: inPlace is "maybe", but must be true or false`},
		{"owner", head + "text: a\n  owner: root\n", `owner is "root", but must be numeric`},
		{"mode", head + "text: a\n  mode: 999\n", `mode is "999", but must be octal`},
		{"percent", head + "env: [{name: A, from: limits.cpu, percent: half}]\n", `percent is "half", but must be a number`},
		{"percent out of range", head + "env: [{name: A, from: limits.cpu, percent: -1}]\n", "percent is -1, but must be above 0"},
		{"divisor", head + "env: [{name: A, from: limits.cpu, divisor: x}]\n", `divisor "x" is not a quantity`},
		{"no name", head + "env: [{from: pod.name}]\n", "c.yaml:3: env entry has no name"},
		{"unknown preset", head + "presets: [otl]\n", `unknown preset "otl"; did you mean otel?`},
		{"onInvalid", head + "presets: [pod]\n  onInvalid: ignore\n", `onInvalid is "ignore", but must be error or skip`},
		{"delimiters", head + "text: a\n  delimiters: ['[[']\n", "delimiters are two strings"},
		{"delimiters without template", head + "presets: [pod]\n  delimiters: ['[[', ']]']\n", "delimiters belong to a template"},
		{"template and format", head + "text: a\n  format: sh\n", "template and format exclude each other"},
		{"check without command", head + "text: a\n  check: {timeout: 1s}\n", "check has no command"},
		{"negative timeout", head + "text: a\n  check: {command: [a], timeout: -1s}\n", `check.timeout is "-1s", but must be a duration`},
		{"group in two directories", "outputs:\n- {path: /a/x, text: x, group: g}\n- {path: /b/y, text: y, group: g}\n", "group g has files in /a and in /b"},
		{"two groups in a directory", "outputs:\n- {path: /a/x, text: x, group: g}\n- {path: /a/y, text: y, group: h}\n", "share the directory /a"},
		{"inPlace in a group", "outputs:\n- {path: /a/x, text: x, group: g, inPlace: true}\n", "inPlace and group exclude each other"},
		{"two outputs, one path", "outputs:\n- {path: /a/x, text: x}\n- {path: /a/b/../x, text: y}\n", "c.yaml:3: two outputs write /a/b/../x, the other in line 2"},
		{"no list of presets", head + "presets: pod\n", `c.yaml:3: presets is "pod", but must be a list`},
		{"check is no list", head + "text: a\n  check: {command: nginx -t}\n", `c.yaml:4: check.command is "nginx -t", but must be a list`},
		{"path is no string", "outputs:\n- path: [a]\n  text: a\n", "c.yaml:2: path is a list, but must be a string"},
		{"path of a directory", "outputs:\n- {path: /run/podfacts/, text: a}\n", "c.yaml:2: path /run/podfacts/ is that of a directory; name a file in it"},
		{"path of the directory above", "outputs:\n- {path: .., text: a}\n", "path .. is that of a directory"},
		{"variable is not listed", "environment: [{name: B}]\n" + head + "env: [{name: A, from: env.A}, {name: B, from: env.B}, {name: C, from: env.C, default: c}]\n", "c.yaml:3: /o: variable A is not listed, so it is not read; add {name: A} to environment"},
		{"variable of a template is not listed", "outputs:\n- path: /o\n  text: '{{ mustEnv \"A\" }}{{ env \"B\" }}'\n", "c.yaml:2: /o: variable A is not listed, so it is not read"},
		{"from is empty", head + "env: [{name: A, from: ''}]\n", "c.yaml:3: A: from is empty; name a fact"},
		{"text with arithmetic", head + "env: [{name: A, value: b, percent: 3}]\n", "A: default, percent, divisor and allowUnset belong to from"},
		{"valueFrom is empty", head + "env: [{name: A, valueFrom: {}}]\n", "c.yaml:3: valueFrom must name one field"},
		{"valueFrom without fieldPath", head + "env: [{name: A, valueFrom: {fieldRef: {}}}]\n", "valueFrom must name one field"},
		{"valueFrom with both", head + "env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.nodeName}, resourceFieldRef: {resource: limits.cpu}}}]\n", "valueFrom must name one field"},
		{"unclosed", "outputs: [\n", "c.yaml:"},
		{"tab", "outputs:\n\t- a\n", "c.yaml:2: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Loader{}.Parse("c.yaml", []byte(test.text))
			if errs := watch.Errors(err); len(errs) != 1 || !strings.Contains(errs[0].Error(), test.want) {
				t.Errorf("errors are %v, want %q", errs, test.want)
			}
		})
	}
}

// FuzzParse: whatever stands in the file, there is an answer, and a
// configuration without mistakes can be used.
func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("outputs: [{path: a, text: '{{ .pod.name }}'}]"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("outputs: [<<, !!binary x, {path: ~, env: [~]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Loader{ReadFile: func(string) ([]byte, error) { return nil, os.ErrNotExist }}.Parse("c.yaml", data)
		for _, err := range watch.Errors(err) {
			if !strings.HasPrefix(err.Error(), "c.yaml:") {
				t.Errorf("error names no place: %v", err)
			}
		}
		if err != nil {
			return
		}
		s, err := watch.Collect(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range c.Outputs {
			o.Renderer.Needs()
			_ = o.Renderer.Render(t.Context(), &bytes.Buffer{}, s) // facts are missing; it must not panic
		}
	})
}

func ExampleLoader_Parse() {
	_, err := Loader{}.Parse("podfacts.yaml", []byte(`
outputs:
- path: /run/podfacts/pod.env
  env:
  - {name: ZONE, from: pod.zone}
`))
	fmt.Println(watch.Errors(err)[0])
	// Output: podfacts.yaml:5: ZONE: unknown fact "pod.zone"; did you mean "node.zone"?
}
