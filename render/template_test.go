package render

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

func mustParse(tb testing.TB, text string) *Template {
	tb.Helper()
	r, err := ParseTemplate("app.tmpl", text, TemplateOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	s := web(t)
	for text, want := range map[string]string{
		"":                      "",
		"plain":                 "plain",
		"{{ .pod.name }}":       "web-5d4f8c7b9-x2x4z",
		"{{ .pod.ips }}":        "[10.1.2.3 fd00::3]",
		"{{ .pod.ordinal }}":    "7",
		"{{ .pod.labels.app }}": "web",
		`{{ index .pod.labels "app.kubernetes.io/version" }}`:                 "1.4.2",
		`{{ index . "pod" "labels" "tier" }}`:                                 "front",
		`{{ index .peers 1 "name" }}{{ index .pod.ips 0 }}`:                   "b10.1.2.3",
		`{{ (index .peers 0).zone }}`:                                         "eu-1a",
		`{{ fact "pod.labels['tier']" }}`:                                     "front",
		`{{ fact "metadata.name" }}`:                                          "web-5d4f8c7b9-x2x4z",
		`{{ fact "limits.memory" }}`:                                          "1Gi",
		`{{ fact "node.zone" "none" }}`:                                       "eu-1a",
		`{{ fact "node.instanceType" "none" }}`:                               "none",
		`{{ fact "node.instanceType" "" }}`:                                   "",
		`{{ fact "node.instanceType" .pod.name }}`:                            "web-5d4f8c7b9-x2x4z",
		`{{ (fact "objects.settings").data.mode }}`:                           "fast",
		`{{ hasFact "node.zone" }} {{ hasFact "node.instanceType" }}`:         "true false",
		`{{ env "MODE" }}[{{ env "NONE" }}]`:                                  "debug[]",
		`{{ mustEnv "MODE" }}`:                                                "debug",
		`{{ envOrDefault "NONE" "x" }}{{ envOrDefault "MODE" "x" }}`:          "xdebug",
		`{{ file "ca.crt" }}`:                                                 "CERT",
		`{{ get .pod.labels "none" }}`:                                        "",
		`{{ dig "labels" "none" "x" .pod }}`:                                  "x",
		`{{ .pod.labels.app | upper | quote }}`:                               `"WEB"`,
		`{{ range $k, $v := .pod.labels }}{{ $k }}={{ $v }};{{ end }}`:        "app=web;app.kubernetes.io/version=1.4.2;empty=;tier=front;",
		`{{ range .peers }}{{ .name }}{{ end }}`:                              "ab",
		`{{ with .node }}{{ .zone }}{{ $.pod.ip }}{{ end }}`:                  "eu-1a10.1.2.3",
		`{{ define "x" }}<{{ . }}>{{ end }}{{ include "x" .pod.ip | upper }}`: "<10.1.2.3>",
		`{{ define "x" }}<{{ .ip }}>{{ end }}{{ template "x" .pod }}`:         "<10.1.2.3>",
		`{{ define "n" }}{{ if . }}{{ . }}{{ include "n" (sub . 1) }}{{ end }}{{ end }}{{ include "n" 3 }}`: "321",
		`{{ tpl "{{ .pod.name }}" . }}`:                                                                                    "web-5d4f8c7b9-x2x4z",
		`{{ define "x" }}<{{ . }}>{{ end }}{{ tpl "{{ include \"x\" 1 }}" . }}`:                                            "<1>",
		`{{ tpl "{{ define \"y\" }}({{ . }}){{ end }}{{ include \"y\" 1 }}{{ tpl \"{{ include \\\"y\\\" 2 }}\" . }}" . }}`: "(1)(2)",
		`{{ with $x := set . "extra" 1 }}{{ $x.extra }}{{ end }}`:                                                          "1",
		`{{ range $k, $v := .cluster }}{{ $k }}{{ end }}`:                                                                  "version",
	} {
		if got := render(t, mustParse(t, text), s); got != want {
			t.Errorf("%s gives %q, want %q", text, got, want)
		}
	}
}

func TestTemplateOfNothing(t *testing.T) {
	t.Parallel()
	// Groups are there, and empty; facts are not.
	const text = `{{ range $name, $group := . }}{{ $name }}{{ if $group }}!{{ end }} {{ end }}{{ with .node }}{{ .zone }}{{ else }}none{{ end }}`
	want := "cluster containers env files namespace node objects owner pod workload none"
	if got := render(t, mustParse(t, text), &watch.Snapshot{}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := render(t, &Template{}, web(t)); got != "" {
		t.Errorf("the zero Template writes %q", got)
	}
}

func TestDelimiters(t *testing.T) {
	t.Parallel()
	r, err := ParseTemplate("a", `{{ left }} [[ .pod.ip ]] [[ tpl "[[ .pod.ip ]]" . ]]`, TemplateOptions{LeftDelim: "[[", RightDelim: "]]"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := render(t, r, web(t)), "{{ left }} 10.1.2.3 10.1.2.3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTemplateContainer(t *testing.T) {
	t.Parallel()
	r, err := ParseTemplate("a", `{{ fact "limits.memory" }}`, TemplateOptions{Container: "side"})
	if err != nil {
		t.Fatal(err)
	}
	if got := render(t, r, web(t)); got != "64Mi" {
		t.Errorf("got %q", got)
	}
	if got := r.Needs().Paths(); got[0] != "containers.side.limits.memory" {
		t.Errorf("needs %v", got)
	}
}

func TestTemplateErrors(t *testing.T) {
	t.Parallel()
	s := web(t)
	for _, test := range []struct {
		text, want string
		missing    bool
	}{
		{"a\n{{ .node.instanceType }}", `app.tmpl:2:8: node.instanceType is missing: no source gives it; it comes from: API; or give it a default, {{ fact "node.instanceType" "default" }}`, true},
		{"{{ .pod.labels.gone }}", `app.tmpl:1:7: pod.labels['gone'] is missing: pod.labels has no such key; give it a default, {{ fact "pod.labels['gone']" "default" }}, or set it on the pod`, true},
		{`{{ index .pod.labels "a/b" }}`, `app.tmpl:1:3: pod.labels['a/b'] is missing: pod.labels has no such key`, true},
		{"{{ with .node }}{{ .os }}{{ end }}", "app.tmpl:1:19: node.os is missing: no source gives it", true},
		{"{{ $n := .node }}{{ $n.os }}", "app.tmpl:1:22: node.os is missing", true},
		{`{{ define "x" }}{{ .os }}{{ end }}{{ template "x" .node }}`, "app.tmpl:1:19: node.os is missing", true},
		{`{{ define "x" }}{{ .os }}{{ end }}{{ include "x" .node }}`, "app.tmpl:1:19: node.os is missing", true},
		{"{{ range .peers }}{{ .zone }}{{ end }}", `app.tmpl:1:21: .zone: map has no entry for key "zone"; get and dig take a default`, true},
		{`{{ index .peers 1 "zone" }}`, `app.tmpl:1:3: index .peers 1 "zone": map has no entry for key "zone"`, true},
		{`{{ fact "node.os" }}`, "app.tmpl:1:3: node.os is missing: no source gives it; it comes from: API", true},
		{`{{ fact (print "node." "os") }}`, "app.tmpl:1:3: node.os is missing", true},
		{`{{ mustEnv "NONE" }}`, "app.tmpl:1:3: env.NONE is missing", true},
		{`{{ file "none.pem" }}`, "app.tmpl:1:3: files['none.pem'] is missing", true},
		{`{{ fact (print "node." "zoen") }}`, `app.tmpl:1:3: fact: unknown fact "node.zoen"; did you mean "node.zone"?`, false},
		{`{{ fact "node.os" 1 2 }}`, "app.tmpl:1:3: fact: takes a path and one default, not 2", false},
		{`{{ index .peers 7 }}`, "app.tmpl:1:3: index: 7 is out of range, the list has 2", false},
		{`{{ index .peers "a" }}`, "app.tmpl:1:3: index: a list is indexed by a whole number, not a string", false},
		{`{{ index .pod.labels 1 }}`, "app.tmpl:1:3: index: a key of this map is a string, not a int", false},
		{`{{ index .pod.ordinal 1 }}`, "app.tmpl:1:3: index: a int64 has no entries", false},
		{`{{ fail "no way" }}`, "app.tmpl:1:3: fail: no way", false},
		{`{{ .objects.settings.data.mode.deep }}`, "can't evaluate field deep in type", false},
		{`{{ define "x" }}{{ .ip }}{{ end }}{{ template "x" }}`, `app.tmpl:1:19: .ip: there is no dot here; pass one, as in {{ template "name" . }}`, false},
		{`{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`, "include: templates include each other more than 100 deep", false},
		{`{{ include (print "no" "ne") . }}`, `app.tmpl:1:3: include: template "none" is not defined`, false},
		{"\n\n{{ tpl \"a\\n{{ .node.os }}\" . }}", `app.tmpl:3:3: in the text of tpl, at 2:8: .node.os: map has no entry for key "os"`, true},
		{`{{ tpl "{{ fact \"node.os\" }}" . }}`, `app.tmpl:1:3: in the text of tpl, at 1:3: node.os is missing`, true},
		{`{{ tpl "{{ now }}" . }}`, "app.tmpl:1:3: in the text of tpl, at 1: function \"now\" not defined; the clock would", false},
		{`{{ tpl "{{ tpl .x . }}" (dict "x" "{{ nil }}") }}`, "app.tmpl:1:3: in the text of tpl, at 1:3: in the text of tpl, at 1:3: nil is not a command", false},
		{`{{ define "x" }}{{ .node.os }}{{ end }}{{ tpl "{{ include \"x\" . }}" . }}`, `app.tmpl:1:24: .node.os: map has no entry for key "os"`, true},
	} {
		_, err := tryRender(mustParse(t, test.text), s)
		wantError(t, err, test.want)
		if watch.IsMissing(err) != test.missing {
			t.Errorf("%s: IsMissing is %v for %v", test.text, !test.missing, err)
		}
		if _, ok := errors.AsType[*TemplateError](err); !ok {
			t.Errorf("%s: %v is no TemplateError", test.text, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for text, parts := range map[string][]string{
		"\n{{ .pod.name":                      {"app.tmpl:2: unclosed action"},
		"{{ if }}":                            {"app.tmpl:1: missing value for if"},
		"{{ end }}":                           {"app.tmpl:1: unexpected {{end}}"},
		"\n\n{{ now }}":                       {`app.tmpl:3: function "now" not defined; the clock would make every render differ`},
		"{{ sprig_now }}":                     {"the clock would make every render differ"},
		"{{ uper .pod.name }}":                {`function "uper" not defined; did you mean upper?`},
		"{{ printff 1 }}":                     {"did you mean printf?"},
		"{{ fakt 1 }}":                        {"did you mean fact?"},
		"{{ zzzzzzzzzzzzzz 1 }}":              {`function "zzzzzzzzzzzzzz" not defined`},
		"{{ $x }}":                            {`app.tmpl:1: undefined variable "$x"`},
		"\n {{ .pod.nmae }}":                  {`app.tmpl:2:8: unknown fact "pod.nmae"; did you mean "pod.name"?`},
		"{{ .zone }}":                         {`app.tmpl:1:3: unknown fact "zone"; did you mean "node.zone"?`},
		`{{ fact "node.zoen" }}`:              {`app.tmpl:1:3: unknown fact "node.zoen"; did you mean "node.zone"?`},
		`{{ hasFact "x y" }}`:                 {`fact path "x y"`},
		`{{ env "" }}`:                        {"a key cannot be empty"},
		`{{ index .pod "labls" }}`:            {`unknown fact "pod.labls"`},
		"{{ with .node }}{{ .nme }}{{ end }}": {`app.tmpl:1:19: unknown fact "node.nme"; did you mean "node.name"?`},
		"{{ $p := .pod }}{{ $p.nme }}":        {`unknown fact "pod.nme"`},
		"{{ .pod.name.first }}":               {`unknown fact "pod.name.first"`},
		"{{ .metadata.name }}":                {`.metadata.name is no field of the tree; write {{ fact "pod.name" }}`},
		"{{ .limits.memory }}":                {`.limits.memory is no field of the tree; write {{ fact "limits.memory" }}`},
		"{{ .files.ca.crt }}":                 {`.files.ca.crt is no field of the tree; write {{ fact "files['ca.crt']" }}`},
		`{{ template "none" . }}`:             {`template "none" is not defined`},
		`{{ define "head" }}{{ end }}{{ include "haed" . }}`: {`template "haed" is not defined; did you mean "head"?`},
		"{{ .pod.x }}\n{{ .node.y }}":                        {`app.tmpl:1:7: unknown fact "pod.x"`, "\napp.tmpl:2:8: unknown fact \"node.y\""},
	} {
		_, err := ParseTemplate("app.tmpl", text, TemplateOptions{})
		wantError(t, err, parts...)
		if watch.IsMissing(err) {
			t.Errorf("%s: time does not mend %v", text, err)
		}
	}
}

func TestTemplateNameWithColons(t *testing.T) {
	t.Parallel()
	r, err := ParseTemplate("a:1: b>: x", "{{ .node.os }}", TemplateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = tryRender(r, web(t))
	wantError(t, err, "a:1: b>: x:1:8: ")
}

func TestTemplateFailsHalfWay(t *testing.T) {
	t.Parallel()
	r := mustParse(t, "before{{ .node.os }}after")
	out, err := tryRender(r, web(t))
	if out != "" || !watch.IsMissing(err) {
		t.Errorf("wrote %q, %v", out, err)
	}
	// The next render starts afresh.
	known := facts(t, map[watch.Path]any{"node.os": "linux"})
	if got := render(t, r, known); got != "beforelinuxafter" {
		t.Errorf("got %q", got)
	}
}

func TestTemplateFailsToWrite(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	err := mustParse(t, "text").Render(t.Context(), failingWriter{full}, secrets(t))
	if !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	wantError(t, err, "app.tmpl: no space left on device")
}

// Same snapshot, same bytes: also while others render, and although the
// template changes its maps.
func TestTemplateIsDeterministic(t *testing.T) {
	t.Parallel()
	r := mustParse(t, `{{ range $k, $v := . }}{{ $k }} {{ toJson $v }}
{{ end }}{{ $_ := set .pod "name" "changed" }}{{ $_ := unset . "node" }}{{ $_ := set (fact "objects.settings") "data" 1 }}
{{- $_ := set (index .peers 0) "name" "changed" }}{{ $_ := mergeOverwrite .owner (dict "name" "changed") }}{{ .pod.name }}{{ tpl "{{ .pod.name }}" . }}`)
	other := mustParse(t, `{{ . | toJson }}`)
	s := web(t)
	first, tree := render(t, r, s), render(t, other, s)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				if got := render(t, r, s); got != first {
					t.Errorf("got\n%s\nat first\n%s", got, first)
				}
				if got := render(t, other, s); got != tree {
					t.Errorf("the snapshot has changed:\n%s\nwas\n%s", got, tree)
				}
			}
		})
	}
	wg.Wait()
}

const secret = "hunter2secret"

// secrets holds a Secret, as text and as a number.
func secrets(tb testing.TB) *watch.Snapshot {
	tb.Helper()
	l := webLayer()
	l.State("objects.secret", watch.Statement{Value: map[string]any{"data": map[string]any{"token": secret, "b64": "aHVudGVyMnNlY3JldA=="}}, Sensitive: true})
	l.State("env.TOKEN", watch.Statement{Value: secret, Sensitive: true})
	l.State("env.ESCAPED", watch.Statement{Value: secret + "\n\"" + secret, Sensitive: true})
	return collect(tb, l)
}

func TestTemplatesMayUseSensitiveFacts(t *testing.T) {
	t.Parallel()
	if got := render(t, mustParse(t, `{{ .objects.secret.data.token }} {{ env "TOKEN" }}`), secrets(t)); got != secret+" "+secret {
		t.Errorf("got %q", got)
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	s := secrets(t)
	for _, text := range []string{
		`{{ range .objects.secret.data.token }}{{ end }}`,
		`{{ range $a, $b := env "TOKEN" }}{{ end }}`,
		`{{ int (env "TOKEN") }}`,
		`{{ env "ESCAPED" | int }}`,
		`{{ .objects.secret.data.b64 | b64dec | int }}`,
		`{{ .objects.secret.data.token | upper | int }}`,
		`{{ .objects.secret.data.token | fromJson }}`,
		`{{ env "TOKEN" | b64dec }}`,
		`{{ toDate "2006" (env "TOKEN") }}`,
		`{{ regexMatch (print "(" (env "TOKEN")) "x" }}`,
		`{{ index .pod.labels (env "TOKEN") }}`,
		`{{ index .peers (env "TOKEN") }}`,
		`{{ fact (env "TOKEN") }}`,
		`{{ fact (print "env." (env "TOKEN")) }}`,
		`{{ mustEnv (env "TOKEN") }}`,
		`{{ file (env "TOKEN") }}`,
		`{{ include (env "TOKEN") . }}`,
		`{{ template "x" (env "TOKEN") }}{{ define "x" }}{{ range . }}{{ end }}{{ end }}`,
		`{{ include "x" (env "TOKEN") }}{{ define "x" }}{{ range . }}{{ end }}{{ end }}`,
		`{{ tpl (print "{{ " (env "TOKEN") " }}") . }}`,
		`{{ tpl (print "{{ ." (env "TOKEN") " }}") . }}`,
		`{{ tpl (print "{{ .pod.labels." (env "TOKEN") " }}") . }}`,
		`{{ tpl "{{ int (env \"TOKEN\") }}" . }}`,
		`{{ eq .objects.secret.data .objects.secret.data }}`,
		`{{ fail (env "TOKEN") }}`,
		`{{ slice (env "TOKEN") 1 99 | int }}`,
		`{{ slice (env "TOKEN") 0 5 | int }}`,
		`{{ required "x" .objects.secret.data.nothing }}{{ env "TOKEN" }}`,
		`{{ list (env "TOKEN") | first | atoi }}`,
	} {
		_, err := tryRender(mustParse(t, text), s)
		if err == nil {
			t.Errorf("%s does not fail", text)
			continue
		}
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			for _, part := range []string{secret, strings.ToUpper(secret), secret[:5]} {
				if strings.Contains(cause.Error(), part) {
					t.Errorf("%s: %T tells the secret: %v", text, cause, cause)
				}
			}
		}
		if !strings.HasPrefix(err.Error(), "app.tmpl:1:") {
			t.Errorf("%s: no place in %v", text, err)
		}
	}
}

// What is withheld says so, and what need not be is not.
func TestWithheldErrors(t *testing.T) {
	t.Parallel()
	s := secrets(t)
	for text, want := range map[string]string{
		`{{ int (env "TOKEN") }}`:                                                          `app.tmpl:1:3: int (env "TOKEN") failed; why is not shown, for it may quote the sensitive env.TOKEN`,
		`{{ int .pod.name }}`:                                                              `app.tmpl:1:3: int: "web-5d4f8c7b9-x2x4z" is not a whole number`,
		`{{ env "TOKEN" }}{{ .node.os }}`:                                                  "app.tmpl:1:25: node.os is missing",
		`{{ env "TOKEN" }}{{ .pod.labels.none }}`:                                          "pod.labels['none'] is missing",
		`{{ env "TOKEN" }}{{ index .pod.labels "none" }}`:                                  "pod.labels['none'] is missing",
		`{{ env "TOKEN" }}{{ .objects.settings.data.mode.x }}`:                             "can't evaluate field x",
		`{{ env "TOKEN" }}{{ upper }}`:                                                     "wrong number of args for upper",
		`{{ define "x" }}{{ include "x" . }}{{ end }}{{ env "TOKEN" }}{{ include "x" . }}`: "more than 100 deep",
	} {
		_, err := tryRender(mustParse(t, text), s)
		wantError(t, err, want)
	}
}

// TestTemplateSharesNothingItChanges: one render sees nothing of what another
// did to the maps, however the function that works in place is reached.
func TestTemplateSharesNothingItChanges(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{{ $_ := set .pod "extra" "x" }}{{ len .pod }}`,
		`{{ $_ := set (fact "pod") "extra" "x" }}{{ len (fact "pod") }} {{ len .pod }}`,
		`{{ define "a" }}{{ $_ := set . "extra" "x" }}{{ end }}{{ $n := "a" }}{{ include $n .pod }}{{ len .pod }}`,
		`{{ define "a" }}{{ $_ := set . "extra" "x" }}{{ end }}{{ .pod | include "a" }}{{ len .pod }}`,
		`{{ tpl "{{ $_ := set . \"extra\" 1 }}" .pod }}{{ len .pod }}`,
	} {
		s := web(t)
		before := len(s.Tree()["pod"].(map[string]any))
		r := mustParse(t, text)
		first := render(t, r, s)
		if again := render(t, r, s); again != first {
			t.Errorf("%s writes %q and then %q", text, first, again)
		}
		if after := len(s.Tree()["pod"].(map[string]any)); after != before {
			t.Errorf("%s changed the snapshot's tree", text)
		}
	}
}
