package templates

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/podfacts/podfacts/render/funcs"
	podfacts "github.com/podfacts/podfacts/render/template"
)

// engine renders one template, as one of the peers or as podfacts.
type engine func(text string, data any) (string, error)

func with(m template.FuncMap) engine {
	return func(text string, data any) (string, error) {
		t, err := template.New("").Funcs(m).Parse(text)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		err = t.Execute(&b, data)
		return b.String(), err
	}
}

// difference is one that podfacts wants: a template that holds the marker may
// yield something else than the peer's.
type difference struct{ marker, reason string }

// ours is podfacts' own executor.
func ours(t *testing.T) engine {
	return func(text string, data any) (string, error) {
		set := podfacts.Set{Funcs: funcs.Map()}
		tree, err := set.Parse("", text)
		if err != nil {
			return "", err
		}
		run := podfacts.Run{Context: t.Context()}
		err = run.Execute(&set, tree, data)
		return string(run.Out), err
	}
}

// compare renders the corpus on both sides. It fails for a difference that is
// not listed, and for one that is listed and no longer there.
func compare(t *testing.T, peer engine, corpus []string, wanted []difference) {
	t.Helper()
	own := ours(t)
	gone := make(map[string]bool)
	for _, d := range wanted {
		gone[d.marker] = true
	}
	alike, leftOut := 0, 0
	for _, text := range corpus {
		if usesLeftOut(text) {
			leftOut++
			continue
		}
		want, err := peer(text, nil)
		if err != nil {
			continue // needs data or a server, or shows an error
		}
		got, err := own(text, nil)
		i := slices.IndexFunc(wanted, func(d difference) bool { return strings.Contains(text, d.marker) })
		if _, missing := errors.AsType[*podfacts.NoDataError](err); missing && i < 0 {
			continue // an error here, and <no value> there
		}
		// A peer that goes through maps in any order agrees now and then.
		for again := 0; again < 100 && i >= 0 && err == nil && got == want; again++ {
			want, _ = peer(text, nil)
		}
		if err == nil && got == want {
			alike++
			continue
		}
		if i < 0 {
			t.Errorf("%s\n   peer %q\n   ours %q, %v", text, want, got, err)
			continue
		}
		delete(gone, wanted[i].marker)
	}
	for marker := range gone {
		t.Errorf("%s makes no difference any more: strike it from the list", marker)
	}
	if alike == 0 {
		t.Error("the peer rendered nothing")
	}
	t.Logf("%d templates alike, %d differ as wanted, %d use functions that are left out", alike, len(wanted), leftOut)
}

// usesLeftOut says that a template calls a function that podfacts leaves out
// on purpose, or that package render binds to the facts.
func usesLeftOut(text string) bool {
	_, err := template.New("").Funcs(funcs.Map()).Parse(text)
	if err == nil {
		return false
	}
	_, after, _ := strings.Cut(err.Error(), `function "`)
	name, _, undefined := strings.Cut(after, `" not defined`)
	if !undefined {
		return false
	}
	_, left := funcs.Unavailable(name)
	return left || slices.Contains([]string{"env", "mustEnv", "envOrDefault", "file"}, name)
}

// corpus collects every string with a template from the Go files of a module
// that match a pattern: the peers' own tests.
func corpus(t *testing.T, module, pattern string) []string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("finding %s: %v", module, err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s in %s: %v", pattern, module, err)
	}
	var texts []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(s, "{{") && strings.Contains(s, "}}") {
					texts = append(texts, s)
				}
			}
			return true
		})
	}
	return texts
}

// reference gives the examples of podfacts' own function reference.
func reference() []string {
	var texts []string
	for _, g := range funcs.Groups() {
		for _, f := range g.Funcs {
			texts = append(texts, f.Example)
		}
	}
	return texts
}
