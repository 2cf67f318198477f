package render

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

// A template renders the same from everything there is as from what it says
// it needs, and fails without any of what it says it requires.
func FuzzTemplateNeeds(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		seed := make([]byte, 150)
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		text := writeTemplate(choices)
		r, err := ParseTemplate("app.tmpl", text, TemplateOptions{})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		full, errFull := tryRender(r, collect(t, webLayer()))
		some, errSome := tryRender(r, collect(t, wanted(webLayer(), r.Needs())))
		if full != some || (errFull == nil) != (errSome == nil) {
			t.Errorf("%s\nneeds %q\ngives\n%s (%v)\nand from what it needs\n%s (%v)", text, r.Needs().Paths(), full, errFull, some, errSome)
		}
		for _, n := range r.Needs() {
			if n.Optional {
				continue
			}
			s := collect(t, without(webLayer(), n.Path))
			if _, err := s.Lookup(n.Path); err == nil {
				continue // it follows from other facts
			}
			if got, err := tryRender(r, s); err == nil {
				t.Errorf("%s\nrequires %s, but gives without it\n%s", text, n.Path, got)
			}
		}
	})
}

// The grammar must reach what the analysis is about, and rarely fail to
// render: else the fuzz test says little.
func TestRandomTemplatesSayMuch(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	const n = 500
	failed, whole := 0, 0
	var all strings.Builder
	for range n {
		choices := make([]byte, 60)
		for i := range choices {
			choices[i] = byte(r.Uint32())
		}
		text := writeTemplate(choices)
		all.WriteString(text)
		parsed := mustParse(t, text)
		if _, err := tryRender(parsed, web(t)); err != nil {
			failed++
		}
		if parsed.Needs().Wants("cluster.version") {
			whole++
		}
	}
	if failed > n/10 || whole > n/2 {
		t.Errorf("of %d templates %d fail to render and %d need everything", n, failed, whole)
	}
	for _, word := range []string{"range", "with", "if", "template", "include", "index", "get", "dig", "hasKey", "fact", "hasFact", "env", "file", "tpl", "$v", "=", "else"} {
		if !strings.Contains(all.String(), word) {
			t.Errorf("no template has %s", word)
		}
	}
}

// author writes templates from a string of choices. Of the groups that it
// opens by with, webLayer knows every fact that it uses: whether a group is
// empty is judged by those.
type author struct {
	choices []byte
	defines strings.Builder
	names   int
}

func writeTemplate(choices []byte) string {
	a := &author{choices: choices}
	body := a.body(place{dot: "/"}, 0)
	return body + a.defines.String()
}

// place is where text is written: what dot is, "" where nothing is known of
// it, and the variables with what they are.
type place struct {
	dot    string // a path with slashes; "/" is the root
	nested bool   // $ is not the root
	vars   map[string]string
}

func (a *author) choose(n int) int {
	if len(a.choices) == 0 {
		return 0
	}
	c := int(a.choices[0]) % n
	a.choices = a.choices[1:]
	return c
}

func pick[T any](a *author, from ...T) T { return from[a.choose(len(from))] }

func (a *author) body(p place, depth int) string {
	var b strings.Builder
	for range 1 + a.choose(3) {
		b.WriteString(a.statement(&p, depth) + "\n")
	}
	return b.String()
}

func (a *author) statement(p *place, depth int) string {
	kind := a.choose(11)
	if depth > 3 || len(a.choices) == 0 {
		kind = 0
	}
	switch kind {
	case 1:
		return fmt.Sprintf("{{ if %s }}%s{{ else }}%s{{ end }}", a.condition(*p), a.body(*p, depth+1), a.body(*p, depth+1))
	case 2, 3:
		expr, path := a.group(*p)
		inner := *p
		inner.dot = path
		return fmt.Sprintf("{{ with %s }}%s{{ else }}%s{{ end }}", expr, a.body(inner, depth+1), a.body(*p, depth+1))
	case 4:
		inner := *p
		inner.dot = ""
		return fmt.Sprintf("{{ range $k, $e := %s }}{{ $k }}{{ $e }}{{ . }}%s{{ end }}", a.list(*p), a.body(inner, depth+1))
	case 5, 6:
		expr, path := a.group(*p)
		a.names++
		name := fmt.Sprintf("t%d", a.names)
		fmt.Fprintf(&a.defines, "{{ define %q }}%s{{ end }}", name, a.body(place{dot: path, nested: true}, depth+1))
		return pick(a, fmt.Sprintf("{{ template %q %s }}", name, expr), fmt.Sprintf("{{ include %q %s | upper }}", name, expr))
	case 7:
		expr, path := a.group(*p)
		name := fmt.Sprintf("$v%d", len(p.vars))
		vars := map[string]string{name: path}
		maps.Copy(vars, p.vars)
		p.vars = vars
		return fmt.Sprintf("{{ %s := %s }}", name, expr)
	case 8:
		a.names++
		return fmt.Sprintf("{{ $m%[1]d := %[2]s }}{{ if %[3]s }}{{ $m%[1]d = %[4]s }}{{ end }}{{ $m%[1]d }}",
			a.names, a.fact(*p), a.condition(*p), a.fact(*p))
	case 9:
		if a.choose(4) == 0 {
			return "{{ tpl \"{{ .pod.name }}\" (dict \"pod\" (dict \"name\" 1)) }}"
		}
	}
	return "{{ " + a.fact(*p) + " }}"
}

func (a *author) condition(p place) string {
	return pick(a, a.fact(p), "not "+a.operand(p), fmt.Sprintf("eq %s %s", a.operand(p), a.operand(p)),
		fmt.Sprintf("and %s %s", a.operand(p), a.operand(p)), fmt.Sprintf("hasFact %q", a.literal()))
}

// operand is a fact in parentheses.
func (a *author) operand(p place) string { return "(" + a.fact(p) + " | toString)" }

func (a *author) literal() string {
	return pick(a, "pod.name", "node.zone", "pod.labels['tier']", "containers.main.limits.cpu", "limits.memory", "status.podIP", "workload.replicas", "cluster.uid")
}

// children are the fields of groups and maps.
func children(path string) []string {
	return map[string][]string{
		"/":                         {"pod", "node", "workload", "containers", "env", "owner"},
		"/pod":                      {"name", "ip", "labels", "ips", "ordinal", "annotations"},
		"/pod/labels":               {"app", "tier", "empty"},
		"/pod/annotations":          {"team", "note"},
		"/node":                     {"zone", "region", "labels", "name"},
		"/node/labels":              {"disk"},
		"/workload":                 {"kind", "name", "replicas"},
		"/owner":                    {"kind", "name"},
		"/env":                      {"MODE"},
		"/containers":               {"main", "side"},
		"/containers/main":          {"limits", "requests", "image"},
		"/containers/main/limits":   {"cpu", "memory"},
		"/containers/main/requests": {"cpu", "memory"},
		"/containers/side":          {"limits"},
		"/containers/side/limits":   {"memory"},
	}[path]
}

// base is something whose path is known, to start from.
func (a *author) base(p place) (expr, path string, ok bool) {
	var exprs, paths []string
	if p.dot != "" && children(p.dot) != nil {
		exprs, paths = append(exprs, "."), append(paths, p.dot)
	}
	if !p.nested {
		exprs, paths = append(exprs, "$"), append(paths, "/")
	}
	for i := range len(p.vars) {
		name := fmt.Sprintf("$v%d", i)
		if children(p.vars[name]) != nil {
			exprs, paths = append(exprs, name), append(paths, p.vars[name])
		}
	}
	if len(exprs) == 0 {
		return "", "", false
	}
	i := a.choose(len(exprs))
	return exprs[i], paths[i], true
}

// walk goes down from a base until stop says so, in one of the ways there are.
func (a *author) walk(p place, stop func(path string) bool) (expr, path string, ok bool) {
	expr, path, ok = a.base(p)
	for ok && !stop(path) {
		fields := children(path)
		if fields == nil {
			return "", "", false
		}
		field := fields[a.choose(len(fields))]
		if path = strings.TrimSuffix(path, "/") + "/" + field; a.choose(3) > 0 && !strings.HasSuffix(expr, ")") {
			expr = strings.TrimSuffix(expr, ".") + "." + field
			continue
		}
		expr = pick(a, fmt.Sprintf("(index %s %q)", expr, field), fmt.Sprintf("(get %s %q)", expr, field), fmt.Sprintf("(%s).%s", expr, field))
	}
	return expr, path, ok
}

// group is a group or a map, and its path.
func (a *author) group(p place) (expr, path string) {
	depth := a.choose(3)
	expr, path, ok := a.walk(p, func(path string) bool {
		depth--
		return depth < 0 || !strings.Contains("/ /pod /node /containers /containers/main", path)
	})
	if !ok || children(path) == nil || path == "/env" {
		return `(dict "a" 1)`, ""
	}
	return expr, path
}

func (a *author) list(p place) string {
	if expr, _, ok := a.walk(p, func(path string) bool { return strings.HasSuffix(path, "labels") || strings.HasSuffix(path, "limits") }); ok {
		return pick(a, expr, "(keys "+expr+")")
	}
	return pick(a, `(fact "pod.ips")`, `(fact "peers")`, `(fact "pod.labels")`, `(fact "node.labels")`)
}

// fact is an expression for a value.
func (a *author) fact(p place) string {
	switch a.choose(9) {
	case 1:
		return fmt.Sprintf("fact %q %q", a.literal(), "none")
	case 2:
		if value, _, ok := a.walk(p, func(path string) bool { return children(path) == nil }); ok {
			return fmt.Sprintf(`fact "cluster.uid" %s`, value)
		}
	case 3:
		return pick(a, `env "MODE"`, `env "NONE"`, `envOrDefault "NONE" "x"`, `file "ca.crt"`)
	case 4:
		if expr, path := a.group(p); path != "" {
			field := children(path)[0]
			return pick(a, fmt.Sprintf("dig %q %q %s", field, "none", expr), fmt.Sprintf("hasKey %s %q", expr, field),
				fmt.Sprintf("%s | dig %q %q", expr, field, "none"), fmt.Sprintf("len %s", expr), fmt.Sprintf("toJson %s", expr))
		}
	case 5:
		return pick(a, `fact "objects.settings.data.mode"`, `(fact "objects.settings").data.mode`, `index (fact "peers") 0 "name"`)
	}
	if value, _, ok := a.walk(p, func(path string) bool { return children(path) == nil }); ok {
		return value
	}
	return fmt.Sprintf("fact %q %q", a.literal(), "none")
}

// Parsing never panics, nor does rendering what parsed.
func FuzzParseTemplate(f *testing.F) {
	for _, text := range []string{
		"", "{{", "{{ .pod.name }}", `{{ define "x" }}{{ template "x" .a }}{{ end }}{{ template "x" .objects.a }}`,
		`{{ range $i, $x := .pod.ips }}{{ $x }}{{ break }}{{ end }}`, `{{ index . }}`, `{{ index }}`, `{{ dig }}{{ get }}{{ fact }}`,
		`{{ dig "a" . }}`, `{{ (.pod).name }}`, `{{ tpl "{{" . }}`, `{{ block "b" . }}{{ . }}{{ end }}`, "{{ $x := 1 }}{{ $x = 2 }}",
		`{{ with $x := . }}{{ else with .pod }}{{ end }}`, `{{ nil }}`, `{{ index . "a']b\"]" }}`, `{{ .pod.name.x }}`, `{{ 1 | 2 }}`,
		`{{ index . "" }}`, `{{ env "'].\"]" }}`, `{{ define "app.tmpl" }}{{ end }}`, "{{- /* */ -}}", `{{ (index .pod.ips 0).x }}`,
	} {
		f.Add(text)
	}
	known := web(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseTemplate("app.tmpl", text, TemplateOptions{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "app.tmpl:") {
				t.Errorf("no place in %v", err)
			}
			return
		}
		r.Needs().Wants(watch.PodName)
		patient := func() (string, error) { // a loop may take as long as it says
			var b strings.Builder
			err := r.Render(&patience{t.Context(), 10_000}, &b, known)
			return b.String(), err
		}
		first, err := patient()
		again, errAgain := patient()
		if first != again || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Errorf("rendered twice:\n%q, %v\n%q, %v", first, err, again, errAgain)
		}
	})
}
