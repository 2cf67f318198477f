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
			if !strings.HasPrefix(n.By, "app.tmpl:1:") {
				t.Errorf("%s: need %+v, want one with its place", text, n)
			}
		}
	}
}

func TestTemplateRequires(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]watch.Path{
		"{{ .pod.name }}":                         {"pod.name"},
		"{{ .pod }}{{ . }}":                       nil, // always there
		"{{ .pod.labels.app | upper }}":           {"pod.labels['app']"},
		"{{ .node.zone | default `x` }}":          {"node.zone"}, // too late: a missing key is an error before
		"{{ index .pod.labels `a/b` }}":           {"pod.labels['a/b']"},
		"{{ get .pod.labels `a` }}":               nil,
		"{{ (get .pod.labels `a`) | upper }}":     nil,
		"{{ `a` | get .pod.labels }}":             {"pod.labels"},
		"{{ dig `labels` `a` `x` .pod }}":         nil,
		"{{ hasKey .pod.labels `a` }}":            {"pod.labels"},
		"{{ .env.MODE }}":                         {"env.MODE"},
		"{{ env `A` }}{{ envOrDefault `B` `x` }}": nil,
		"{{ mustEnv `A` }}{{ file `ca.crt` }}":    {"env.A", "files['ca.crt']"},
		"{{ fact `node.zone` }}":                  {"node.zone"},
		"{{ fact `node.zone` `x` }}":              nil,
		"{{ .pod.ip | fact `node.zone` }}":        {"pod.ip"},
		"{{ fact `node.zone` .pod.ip }}":          {"pod.ip"},
		"{{ hasFact `node.zone` }}":               nil,

		// What is in a branch may not run; what decides on it does.
		"{{ if hasFact `node.zone` }}{{ .node.zone }}{{ else }}{{ .pod.ip }}{{ end }}": nil,
		"{{ if .node.zone }}{{ .pod.ip }}{{ end }}":                                    {"node.zone"},
		"{{ with .node.zone }}{{ . }}{{ end }}":                                        {"node.zone"},
		"{{ with .node }}{{ .zone }}{{ end }}":                                         nil,
		"{{ range .pod.ips }}{{ $.pod.name }}{{ else }}{{ .pod.uid }}{{ end }}":        {"pod.ips"},
		"{{ if and .pod.ip .pod.uid }}{{ end }}{{ or .pod.name .node.zone }}":          {"pod.ip", "pod.name"},
		"{{ if hasFact `pod.ip` }}{{ end }}{{ .pod.name }}":                            {"pod.name"}, // the branch is over

		// Templates are as sure to run as what calls them.
		"{{ define `x` }}{{ .pod.ip }}{{ end }}":                                                                 nil,
		"{{ define `x` }}{{ .pod.ip }}{{ end }}{{ template `x` . }}":                                             {"pod.ip"},
		"{{ define `x` }}{{ .pod.ip }}{{ end }}{{ if true }}{{ include `x` . }}{{ end }}":                        nil,
		"{{ define `x` }}{{ .ip }}{{ end }}{{ if true }}{{ template `x` .pod }}{{ end }}{{ template `x` .pod }}": {"pod.ip"},
		"{{ $x := .pod }}{{ $x.name }}{{ if true }}{{ $x.ip }}{{ end }}":                                         {"pod.name"},
	} {
		var got []watch.Path
		for _, n := range mustParse(t, strings.ReplaceAll(text, "`", `"`)).Needs() {
			if !n.Optional && !slices.Contains(got, n.Path) {
				got = append(got, n.Path)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s\nrequires %q\nwant     %q", text, got, want)
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
