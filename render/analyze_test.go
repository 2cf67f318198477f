package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

func TestTemplateNeeds(t *testing.T) {
	t.Parallel()
	const everything = ""
	for text, want := range map[string][]watch.Path{
		"plain":                             nil,
		"{{ 1 }}{{ \"a\" }}":                nil,
		"{{ .pod.name }}":                   {"pod.name"},
		"{{ $.pod.name }}":                  {"pod.name"},
		"{{ (.pod).name }}":                 {"pod.name"},
		"{{ (($.pod)).labels.a }}":          {"pod.labels['a']"},
		"{{ .pod }}":                        {"pod"},
		"{{ . }}":                           {everything},
		"{{ $ }}":                           {everything},
		"{{ .pod.labels }}":                 {"pod.labels"},
		"{{ .env.MODE }}":                   {"env.MODE"},
		"{{ .services }}":                   {"services"},
		"{{ .objects.settings.data.mode }}": {"objects.settings"}, // objects are asked for whole
		"{{/* .pod.name */}}":               nil,

		// Variables.
		"{{ $x := .pod }}":                                                          nil, // groups are always there
		"{{ $x := .pod.name }}":                                                     {"pod.name"},
		"{{ $x := .pod }}{{ $x.name }}":                                             {"pod.name"},
		"{{ $x := .pod }}{{ $y := $x.labels }}{{ $y.a }}":                           {"pod.labels['a']"},
		"{{ $x := .pod.labels }}{{ index $x \"a\" }}":                               {"pod.labels['a']"},
		"{{ $x := .pod }}{{ if .node.os }}{{ $x = .node }}{{ end }}{{ $x.zone }}":   {"node", "node.os", "pod"},
		"{{ $x := \"\" }}{{ range .pod.ips }}{{ $x = . }}{{ end }}{{ $x }}":         {"pod.ips"},
		"{{ $x := .pod }}{{ range .peers }}{{ $x.zone }}{{ $x = $.node }}{{ end }}": {"node", "peers", "pod"},

		// Branches.
		"{{ if .node.zone }}{{ .pod.ip }}{{ else if .pod.name }}{{ .pod.uid }}{{ else }}{{ .node.os }}{{ end }}": {"node.os", "node.zone", "pod.ip", "pod.name", "pod.uid"},
		"{{ if .node }}x{{ end }}":                                     {"node"},
		"{{ if and .pod.name (not .node.zone) }}x{{ end }}":            {"node.zone", "pod.name"},
		"{{ with .node }}{{ .zone }}{{ end }}":                         {"node.zone"},
		"{{ with .node }}x{{ end }}":                                   {"node"},
		"{{ with .node.zone }}{{ . }}{{ else }}{{ .pod.ip }}{{ end }}": {"node.zone", "pod.ip"},
		"{{ with $n := .node }}{{ $n.zone }}{{ $.pod.ip }}{{ else with .owner }}{{ .kind }}{{ $n.os }}{{ end }}": {"node.os", "node.zone", "owner.kind", "pod.ip"},
		"{{ with .pod.labels }}{{ .a }}{{ end }}":                                          {"pod.labels", "pod.labels['a']"},
		"{{ with .containers.main }}{{ .limits.cpu }}{{ end }}":                            {"containers.main.limits.cpu"},
		"{{ with .containers.main }}x{{ end }}":                                            {"containers.main"},
		"{{ range .pod.ips }}{{ . }}{{ else }}{{ .pod.name }}{{ end }}":                    {"pod.ips", "pod.name"},
		"{{ range $k, $v := .pod.labels }}{{ $k }}{{ $v }}{{ .x }}{{ $.pod.ip }}{{ end }}": {"pod.ip", "pod.labels"},
		"{{ range .peers }}{{ .name }}{{ end }}":                                           {"peers"},
		"{{ range $g, $v := . }}{{ end }}":                                                 {everything},

		// Named templates.
		`{{ define "x" }}{{ .pod.ip }}{{ end }}`:                                                     nil,
		`{{ define "x" }}{{ .pod.ip }}{{ end }}{{ template "x" . }}`:                                 {"pod.ip"},
		`{{ define "x" }}{{ .ip }}{{ $.ip }}{{ end }}{{ template "x" .pod }}`:                        {"pod.ip"},
		`{{ define "x" }}{{ .name }}{{ end }}{{ template "x" .pod }}{{ template "x" .node }}`:        {"node.name", "pod.name"},
		`{{ define "x" }}{{ .pod.ip }}{{ end }}{{ include "x" . }}`:                                  {"pod.ip"},
		`{{ define "x" }}{{ .pod.ip }}{{ end }}{{ include "x" . | upper }}`:                          {"pod.ip"},
		`{{ define "x" }}{{ .a }}{{ end }}{{ template "x" (dict "a" .pod.ip) }}`:                     {"pod.ip"},
		`{{ define "x" }}{{ .pod }}{{ end }}{{ template "x" }}`:                                      nil,
		`{{ block "x" .pod }}{{ .ip }}{{ end }}`:                                                     {"pod.ip"},
		`{{ define "x" }}{{ if .pod.ip }}{{ template "x" . }}{{ end }}{{ end }}{{ template "x" . }}`: {"pod.ip"},
		`{{ define "x" }}{{ .a }}{{ include "x" .b }}{{ end }}{{ include "x" .objects.s }}`:          {"objects.s"}, // and ends
		`{{ define "x" }}{{ .pod.ip }}{{ end }}{{ include (print "x") .node.zone }}`:                 {everything, "node.zone"},

		// Functions.
		`{{ index .pod.labels "a/b" }}`:                                  {"pod.labels['a/b']"},
		`{{ index . "pod" "labels" "a" }}`:                               {"pod.labels['a']"},
		`{{ (index .containers "my-app").image }}`:                       {"containers.my-app.image"},
		`{{ index .pod.labels .node.zone }}`:                             {"node.zone", "pod.labels"},
		`{{ index .pod.ips 0 }}`:                                         {"pod.ips"},
		`{{ "a" | index .pod.labels }}`:                                  {"pod.labels"},
		`{{ get .pod.labels "a" }}`:                                      {"pod.labels['a']"},
		`{{ dig "labels" "a" .node.os .pod }}`:                           {"node.os", "pod.labels['a']"},
		`{{ dig .node.os "a" "x" .pod }}`:                                {"node.os", "pod"},
		`{{ .pod | dig "labels" "a" "x" }}`:                              {"pod"},
		`{{ hasKey .pod.labels "a" }}`:                                   {"pod.labels"},
		`{{ .pod.name | upper | quote }}`:                                {"pod.name"},
		`{{ printf "%s %s" .pod.name (upper .pod.ip) }}`:                 {"pod.ip", "pod.name"},
		`{{ toJson .pod }}`:                                              {"pod"},
		`{{ (merge (dict) .pod).anything }}`:                             {"pod"},
		`{{ fact "pod.name" }}`:                                          {"pod.name"},
		`{{ fact "status.podIP" }}`:                                      {"pod.ip"},
		`{{ fact "pod.labels" | toJson }}`:                               {"pod.labels"},
		`{{ fact "node.zone" .pod.ip }}`:                                 {"node.zone", "pod.ip"},
		`{{ .pod.ip | fact "node.zone" }}`:                               {"node.zone", "pod.ip"},
		`{{ fact "limits.cpu" }}`:                                        {"limits.cpu"},
		`{{ fact .pod.name }}`:                                           {everything, "pod.name"},
		`{{ "pod.name" | fact }}`:                                        {everything},
		`{{ hasFact "node.zone" }}`:                                      {"node.zone"},
		`{{ env "A" }}{{ mustEnv "B.C" }}{{ envOrDefault "D" .pod.ip }}`: {"env.A", "env.D", "env['B.C']", "pod.ip"},
		`{{ env .pod.name }}`:                                            {"env", "pod.name"},
		`{{ file "ca.crt" }}`:                                            {"files['ca.crt']"},
		`{{ "x" | file }}`:                                               {"files"},
		`{{ tpl "x" . }}`:                                                {everything},
		`{{ tpl .pod.annotations.x .node }}`:                             {everything, "node", "pod.annotations['x']"},
	} {
		r := mustParse(t, text)
		got := r.Needs().Paths()
		if !slices.Equal(got, want) {
			t.Errorf("%s\nneeds %q\nwant  %q", text, got, want)
		}
		for _, n := range r.Needs() {
			if !n.Optional || !strings.HasPrefix(n.By, "app.tmpl:1:") {
				t.Errorf("%s: need %+v, want an optional one with its place", text, n)
			}
		}
	}
}

// Assigned variables stand for anything, so nothing below them is wrong.
func TestAssignedVariablesAreNotFollowed(t *testing.T) {
	t.Parallel()
	text := `{{ $last := .pod }}{{ range .peers }}{{ $last = . }}{{ end }}{{ $last.zone }}`
	s := facts(t, map[watch.Path]any{"pod.name": "a", "peers": []any{map[string]any{"zone": "z"}}})
	if got := render(t, mustParse(t, text), s); got != "z" {
		t.Errorf("got %q", got)
	}
}
