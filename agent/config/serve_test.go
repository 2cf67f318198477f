package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

// exposed lists what is shown, what somebody has named with a star.
func exposed(all []Exposed) string {
	var texts []string
	for _, e := range all {
		text := string(e.Path)
		if e.Asked {
			text += "*"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

func TestServe(t *testing.T) {
	t.Parallel()
	c := parse(t, `
serve:
  listen: unix:///run/podfacts/facts.sock
  socketMode: "0666"
  expose: [pod, limits.memory, "metadata.labels['app']", objects.db.data.user, env.CLUSTER]
api: {objects: [{id: db, apiVersion: v1, kind: Secret, name: db}]}
environment: [{name: CLUSTER}]
container: main
outputs: [{path: /a, text: "{{ .node.zone }}"}]
`)
	if c.Serve.Listen != "unix:///run/podfacts/facts.sock" || c.Serve.SocketMode != 0o666 {
		t.Errorf("read %+v", c.Serve)
	}
	const want = "pod* containers.main.limits.memory* pod.labels['app']* objects.db.data.user* env.CLUSTER*"
	if got := exposed(c.Shown()); got != want {
		t.Errorf("shown is %s\nwant %s", got, want)
	}
	needs := c.Serve.Needs()
	if got := fmt.Sprint(needs[0]); len(needs) != 5 || got != "{pod true dir/podfacts.yaml:5}" {
		t.Errorf("needs are %v", needs)
	}
}

// Where nothing is named, it is what is known anyway, and nothing is asked for.
func TestServeDefault(t *testing.T) {
	t.Parallel()
	const own = "pod containers owner workload.kind workload.name namespace.name node.name node.zone node.region"
	for text, want := range map[string]string{
		"serve: {listen: 127.0.0.1:9301}": own,
		"serve: {expose: []}":             "",
		"outputs: [{path: /a, text: '{{ .node.zone }} {{ .node.labels.disk }} {{ .cluster.uid }}'}]": own + " cluster.uid node.labels['disk']",
		"outputs: [{path: /a, format: json}]":                                                        own + " ",
		"outputs: [{path: /a, format: json, mode: '0640'}]":                                          own,
	} {
		c := parse(t, text)
		if got := exposed(c.Shown()); got != want {
			t.Errorf("%s: shown is %q, want %q", text, got, want)
		}
		if needs := c.Serve.Needs(); len(needs) > 0 {
			t.Errorf("%s: needs are %v", text, needs)
		}
	}
}

func TestServeMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"serve: 127.0.0.1:9301":     `podfacts.yaml:1: serve is "127.0.0.1:9301", but must be a mapping of listen, socketMode, expose`,
		"serve: {listen: ':9301'}":  `podfacts.yaml:1: serve.listen: ":9301" is not on loopback; write 127.0.0.1:9301; facts are for the containers of the pod`,
		"serve: {socketMode: 0999}": `podfacts.yaml:1: serve.socketMode is "0999", but must be octal permissions such as "0660"`,
		"serve: {socketMode: [1]}":  `podfacts.yaml:1: serve.socketMode is a list, but must be octal permissions such as "0660"`,
		"serve: {exposes: [pod]}":   `podfacts.yaml:1: serve: unknown key "exposes"; did you mean expose?`,
		"serve:\n  expose:\n  - pod.nam\n  - env.A\n  - objects.db\n  - peers['0'].ip\n  - pod.labels[": `podfacts.yaml:3: serve.expose: unknown fact "pod.nam"; did you mean "pod.name"?
podfacts.yaml:4: serve.expose: variable A is not listed, so it is not read; add {name: A} to environment
podfacts.yaml:5: serve.expose: there is no object with the id db; add it to api.objects
podfacts.yaml:6: serve.expose: peers.0.ip lies in a list; expose all of peers, or leave it out
podfacts.yaml:7: serve.expose: fact path "pod.labels[": a subscript is written ['key']`,
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
