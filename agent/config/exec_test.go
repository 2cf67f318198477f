package config

import (
	"strings"
	"testing"

	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

func TestExec(t *testing.T) {
	t.Parallel()
	c := parse(t, `
exec:
  presets: [pod]
  onInvalid: skip
  env:
  - {name: spring.profiles.active, from: node.zone}
  - {name: LIMIT, from: limits.memory}
container: main
`)
	e := c.Exec
	if e == nil || len(c.Outputs) != 0 {
		t.Fatalf("read %+v", c)
	}
	if e.Name != "exec" || e.Dialect != envfile.Environ || !e.SkipInvalid || e.Container != "main" || len(e.Presets) != 1 || len(e.Entries) != 2 {
		t.Errorf("exec is %+v", e)
	}
	if from := e.Entries[1].From; from != "containers.main.limits.memory" {
		t.Errorf("LIMIT is from %s", from)
	}
	if c := parse(t, "container: main\n"); c.Exec != nil {
		t.Errorf("exec is %+v without being there", c.Exec)
	}
}

func TestExecMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"exec: {}":                "podfacts.yaml:1: exec: nothing to set; give it env entries or presets",
		"exec: [pod]":             "podfacts.yaml:1: exec is a list, but must be a mapping of presets, env, container, onInvalid",
		"exec: {format: sh}":      `podfacts.yaml:1: exec: unknown key "format"; known are presets, env, container, onInvalid`,
		"exec: {preset: [pod]}":   `podfacts.yaml:1: exec: unknown key "preset"; did you mean presets?`,
		"exec: {presets: [pods]}": `podfacts.yaml:1: exec: unknown preset "pods"; did you mean pod?`,
		"exec: {env: [{name: A=B, from: pod.name}]}": `podfacts.yaml:1: variable "A=B" cannot be written in env dialect environ: the name holds an equals sign, ` +
			"where the value would begin; rename it, for example to A_B",
		"exec: {presets: [pod], onInvalid: drop, env: [{name: A}]}": `podfacts.yaml:1: exec: onInvalid is "drop", but must be error or skip
podfacts.yaml:1: A: has no value; give it from, with a fact, or value, with text`,
		"exec: {env: [{name: A, from: env.CLUSTER}]}": "podfacts.yaml:1: exec: variable CLUSTER is not listed, so it is not read; add {name: CLUSTER} to environment",
	} {
		_, err := Loader{}.Parse("podfacts.yaml", []byte(text))
		var lines []string
		for _, e := range watch.Errors(err) {
			lines = append(lines, e.Error())
		}
		if got := strings.Join(lines, "\n"); got != want {
			t.Errorf("%s: got %s\nwant %s", text, got, want)
		}
	}
}
