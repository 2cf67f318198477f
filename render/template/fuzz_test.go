package template

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// FuzzOracle makes templates of choices and runs them in text/template and here.
func FuzzOracle(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		f.Add(randomChoices(r))
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		w := writer{choices: choices}
		text := w.template()
		compare(t, text, fuzzFuncs(), fuzzData())
	})
}

// TestRandomTemplatesSayMuch: the fuzz test is worth what its templates use, and
// how often they are not over at once.
func TestRandomTemplatesSayMuch(t *testing.T) {
	t.Parallel()
	const n = 2000
	r := rand.New(rand.NewPCG(3, 4))
	failed := 0
	var all strings.Builder
	for range n {
		w := writer{choices: randomChoices(r)}
		text := w.template()
		all.WriteString(text)
		parsed, fails := compare(t, text, fuzzFuncs(), fuzzData())
		if !parsed {
			t.Errorf("%s cannot be parsed", text)
		}
		if fails {
			failed++
		}
	}
	if failed < n/10 || failed > 2*n/3 {
		t.Errorf("%d of %d templates fail", failed, n)
	}
	for _, word := range append(Builtins(), "range", "break", "continue", "with", "else if", "else with", "template", "block", "define", "$x :=", "$x =", ":= .", ", $") {
		if !strings.Contains(all.String(), word) {
			t.Errorf("no template has %s", word)
		}
	}
}

func randomChoices(r *rand.Rand) []byte {
	choices := make([]byte, 20+r.IntN(120))
	for i := range choices {
		choices[i] = byte(r.Uint32())
	}
	return choices
}

func fuzzData() any {
	return map[string]any{
		"s": "text", "empty": "", "n": 3, "n64": int64(2), "u": uint(7), "f": 1.5, "whole": 1e6, "yes": true, "no": false, "nil": nil,
		"list": []any{1, "two", nil, []any{"x"}, map[string]any{"k": "v"}}, "strings": []string{"b", "a"}, "numbers": []int{3, 1}, "none": []any{},
		"m": map[string]any{"k": "v", "a": 1, "deep": map[string]any{"s": "deeper"}, "nil": nil}, "labels": map[string]string{"app": "web", "tier": ""},
		"any": map[any]any{2: "b", 1: "a"}, "t": time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC), "d": 90 * time.Second, "b": []byte("ab"),
		"each": func(yield func(string) bool) { _ = yield("p") && yield("q") },
		"two":  func(yield func(int, string) bool) { _ = yield(1, "p") && yield(2, "q") },
		"p":    new(int), "np": (*int)(nil), "st": struct{ A, B any }{1, nil},
		"add": func(a, b int) int { return a + b },
	}
}

func fuzzFuncs() map[string]any {
	return map[string]any{
		"upper": strings.ToUpper, "repeat": func(s string, n int) string { return strings.Repeat(s, n%5&3) },
		"join": func(sep string, list []string) string { return strings.Join(list, sep) },
		"keys": func(m map[string]any) int { return len(m) }, "echo": func(v any) any { return v }, "echoes": func(v any) (any, error) { return v, nil },
		"sum": func(a int, more ...int64) int64 { return int64(a) + int64(len(more)) }, "half": func(f float64) float64 { return f / 2 },
		"fails": func() (string, error) { return "x", fmt.Errorf("it fails") }, "list": func(v ...any) []any { return v },
		"dict": func(k string, v any) map[string]any { return map[string]any{k: v} }, "panics": func(v any) int { return v.(int) },
		"isnil": func(p *int) bool { return p == nil }, "fact": func(name string, more ...any) (any, error) { return append(more, name)[0], nil },
		"text": func(v any) (string, error) { return fmt.Sprint(v), nil }, "quote": func(v ...any) (string, error) { return fmt.Sprint(v...), nil },
		"same": func(a, b string) bool { return a == b }, "include": func(name string, v any) (string, error) { return fmt.Sprint(name, v), nil },
		"at": func(v any, more ...any) (any, error) { return append(more, v)[0], nil }, "trim": func(a, b string) string { return strings.Trim(b, a) },
		"day": func(t time.Time) int { return t.Day() }, "index": indexed, "slice": func(s string, n int) string { return s[n:] },
	}
}

// writer writes a template.
type writer struct {
	choices []byte
	defines strings.Builder
	defined int
	vars    []string
	loops   int
	depth   int
}

func (w *writer) choose(n int) int {
	if len(w.choices) == 0 {
		return 0
	}
	c := int(w.choices[0]) % n
	w.choices = w.choices[1:]
	return c
}

func choice[T any](w *writer, from ...T) T { return from[w.choose(len(from))] }

func (w *writer) template() string {
	body := w.body()
	return body + w.defines.String()
}

func (w *writer) body() string {
	before := len(w.vars)
	defer func() { w.vars = w.vars[:before] }()
	w.depth++
	defer func() { w.depth-- }()
	var b strings.Builder
	for range 1 + w.choose(3) {
		b.WriteString(choice(w, "", "text ", "\n", "{{- /* c */ -}}", "<") + w.statement())
	}
	return b.String()
}

func (w *writer) statement() string {
	kind := w.choose(14)
	before := len(w.vars)
	if kind != 5 {
		defer func() { w.vars = w.vars[:before] }()
	}
	if w.depth > 4 || len(w.choices) == 0 {
		kind = 0
	}
	switch kind {
	case 1:
		return fmt.Sprintf("{{ if %s }}%s{{ else if %s }}%s{{ else }}%s{{ end }}", w.declared(), w.body(), w.pipe(), w.body(), w.body())
	case 2:
		return fmt.Sprintf("{{ with %s }}%s{{ else with %s }}%s{{ end }}", w.declared(), w.body(), w.pipe(), w.body())
	case 3, 4:
		return w.loop()
	case 5:
		name := choice(w, "$x", "$y")
		text := fmt.Sprintf("{{ %s := %s }}", name, w.pipe())
		w.vars = append(w.vars, name)
		return text
	case 6:
		if len(w.vars) > 0 {
			return fmt.Sprintf("{{ %s = %s }}", choice(w, w.vars...), w.pipe())
		}
	case 7:
		return w.called()
	case 8:
		if w.loops > 0 {
			return fmt.Sprintf("{{ if %s }}{{ %s }}{{ end }}", w.pipe(), choice(w, "break", "continue"))
		}
	}
	return "{{ " + w.pipe() + " }}"
}

// declared is a pipeline that may declare a variable for the rest of the block.
func (w *writer) declared() string {
	pipe := w.pipe()
	if w.choose(3) > 0 {
		return pipe
	}
	w.vars = append(w.vars, "$v")
	return "$v := " + pipe
}

func (w *writer) loop() string {
	before := len(w.vars)
	over := choice(w, "$.list", "$.strings", "$.m", "$.labels", "$.numbers", "$.any", "$.none", "$.nil", "$.list", "$.m", "3", "$.n64", "$.each", "$.two", "$.u", "list 1 `a` nil", "dict `k` .")
	if w.rarely() { // not over numbers: nobody can stop text/template
		over = choice(w, "$", "$.s", "$.f", "$.yes", "$.t", "$.st", "$.p", "$.np", "nil", "$.add", w.string())
	}
	switch w.choose(4) {
	case 1:
		over = "$i := " + over
		w.vars = append(w.vars, "$i")
	case 2:
		over = "$i, $e := " + over
		w.vars = append(w.vars, "$i", "$e")
	case 3:
		if len(w.vars) > 0 {
			over = choice(w, w.vars...) + choice(w, "", ", "+choice(w, w.vars...)) + " = " + over
		}
	}
	w.loops++
	body := w.body()
	w.loops--
	w.vars = w.vars[:before]
	return fmt.Sprintf("{{ range %s }}%s{{ else }}%s{{ end }}", over, body, w.body())
}

// called is a template that is called, with one depth of its own.
func (w *writer) called() string {
	w.defined++
	name := fmt.Sprintf("t%d", w.defined)
	vars, loops := w.vars, w.loops
	w.vars, w.loops = nil, 0
	body := w.body()
	w.vars, w.loops = vars, loops
	if w.choose(3) == 0 {
		return fmt.Sprintf("{{ block %q $ }}%s{{ end }}", name, body)
	}
	fmt.Fprintf(&w.defines, "{{ define %q }}%s{{ end }}", name, body)
	return fmt.Sprintf("{{ template %q %s }}", name, choice(w, "$", "$", "$", "$", "$", "(dict `k` .)", "", w.operand()))
}

// rarely is for what fails, which ends a template.
func (w *writer) rarely() bool { return w.choose(16) == 15 }

func (w *writer) pipe() string {
	text := w.command()
	for range w.choose(3) / 2 {
		text += " | " + choice(w, "print", "printf `%v`", "printf `%T %v` 1", "not", "and 1", "or 0", "echo", "text", "at", "html", "js", "urlquery", "list", "quote", "dict `k`", "println", "fact `x`")
	}
	if w.rarely() {
		text += " | " + choice(w, "upper", "len", "eq 1", "join `,`", "index .list", "keys", "trim `t`", "lt 2", "isnil", "half", "day", "call", "(1)", ".s", "repeat `a`", "sum 1")
	}
	return text
}

func (w *writer) command() string {
	a, b := w.operand, w.operand
	if w.rarely() {
		return choice(w, "lt ", "ge ", "join ", "sum ", "index .list ", "slice ", "upper ", "eq ", "index .list ") + a() + " " + b()
	}
	if w.rarely() {
		return choice(w, "half ", "panics ", "isnil ", "day ", "keys ", "upper ", "call ", "len ") + a()
	}
	if w.rarely() {
		return choice(w, "fails", "list", "eq", "and", "upper", "1 2", "nil", ".s 1", "$ 1", "(.s) 1", ".t.Date", ".t.Format", ".t.Nope", ".st.B.x", ".st.C", "call .each", "call echo", "$.t.Year 1")
	}
	switch w.choose(14) {
	case 1:
		return choice(w, "eq ", "ne ", "lt ", "le ", "gt ", "ge ") + choice(w, w.number()+" "+w.number(), w.string()+" "+w.string(), ".u 7", ".n64 .u", "1.5 .f")
	case 2:
		return choice(w, "and ", "or ") + a() + " " + b() + choice(w, "", " "+w.operand())
	case 3:
		return choice(w, "print ", "println ", "html ", "js ", "urlquery ", "list ", "quote ") + a() + choice(w, "", " "+b())
	case 4:
		return "printf " + choice(w, "`%v|%v`", "`%d %s`", "`%q %5.2f`", "$.s", "`%%`") + " " + a() + " " + b()
	case 5:
		return choice(w, "not ", "echo ", "echoes ", "text ") + a()
	case 6:
		return choice(w, "same ", "trim ", "include ", "dict ", "fact ", "upper (print 1) | trim ") + w.string() + " " + w.string()
	case 7:
		return choice(w, "repeat `a` ", "repeat $.s ", "sum 1 ", "sum .n ") + w.number()
	case 8:
		return choice(w, "join `-` $.strings", "keys $.m", "len $.list", "len .s", "day $.t", "half 3.5", "half 3", "isnil $.np", "isnil nil", "call $.add 1 .n",
			"$.t.Format `2006`", "$.t.Year", "$.d.Seconds", "($.t.Add 5).Unix", "$.t.Add $.d", "$.t.Month.String", "$.st.A", "$.st.B", "index $.list 1", "eq $.nil nil", "eq $.n 1 2 3", "index (list 1 2) 0")
	}
	return w.operand()
}

func (w *writer) number() string {
	return choice(w, "1", "0", "2", "$.n", "(len $.list)", "'a'", "0x1F", "(sum 1 2)")
}

func (w *writer) string() string {
	return choice(w, "`text`", `"a<b>&'\"\\\u00e9\u2028"`, "``", "$.s", "$.empty", "$.m.k", "$.labels.app", "(print 1)")
}

func (w *writer) operand() string {
	if w.rarely() {
		return choice(w, ".nope", ".s.x", ".nil.x", ".np.x", ".k", ".s", ".m.k", "9223372036854775808", "(.m).k", "nil")
	}
	switch w.choose(10) {
	case 0, 1:
		return choice(w, w.number(), w.string(), "-3", "2.5", "1e3", "true", "false", "1i")
	case 2:
		return "(" + w.pipe() + ")"
	case 3:
		return choice(w, "(dict `k` 1).k", "($.m).deep.s", "($).s", "($.m.deep).s", "(echo $.m).k", "(echo $.t).Year")
	case 4:
		if len(w.vars) > 0 {
			return choice(w, w.vars...)
		}
	case 5:
		return choice(w, ".", "$.p", "$.np", "$.st", "$.b")
	}
	return "$" + choice(w, ".s", ".n", ".n64", ".u", ".f", ".whole", ".yes", ".no", ".nil", ".list", ".strings", ".m", ".m.k", ".m.deep", ".m.deep.s", ".m.nil", ".labels", ".labels.app", ".empty", ".t", ".d", ".none", ".numbers")
}
