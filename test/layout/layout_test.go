// Package layout holds the house rules that a machine can check: which way
// imports point, where the program may exit, what a package must say about
// itself. It reads the source with go/parser and builds nothing.
package layout

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module   = "github.com/podfacts/podfacts"
	maxLines = 450 // a file that holds one thing stays well below
)

// order is the way that facts go through the house. A package may import its
// own group and those before it, never one that comes after.
var order = []string{"watch", "render", "agent", "cmd"}

// onlyIn names imports that one place alone may have, because of what they cost.
var onlyIn = map[string]string{
	"k8s.io/client-go": "watch/apiserver",
}

// A rule looks at one package and reports each place that breaks it.
type rule func(p *pkg, report report)

type report func(format string, args ...any)

var rules = []rule{checkImports, checkComment, checkState, checkExit, checkLength}

// TestHouseRules reads every Go file below the root, nested modules included.
func TestHouseRules(t *testing.T) {
	t.Parallel()
	packages := load(t, "../..")
	if len(packages) < 2 {
		t.Fatalf("found %d packages: is this the root of the repository?", len(packages))
	}
	for _, p := range packages {
		for _, check := range rules {
			check(p, t.Errorf)
		}
	}
}

// TestNoBinaries reads the tree rather than git's index, so that it runs where
// there is no git; what .gitignore names is passed over.
func TestNoBinaries(t *testing.T) {
	t.Parallel()
	walk(t, "../..", func(file string) {
		if slices.Contains([]string{".png", ".gif", ".test", ".out"}, path.Ext(file)) {
			return
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		head, err := io.ReadAll(io.LimitReader(f, 8000)) // as far as git looks
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(head, 0) >= 0 {
			t.Errorf("%s: a binary; build it, do not keep it", file)
		}
	})
}

// pkg is one package: the files of a directory that share a package clause.
type pkg struct {
	dir   string // slash-separated, relative to the root
	name  string
	fset  *token.FileSet
	files []*ast.File // without tests
	tests []*ast.File
}

// at says where a node is, as an editor understands it.
func (p *pkg) at(n ast.Node) string {
	pos := p.fset.Position(n.Pos())
	return pos.Filename + ":" + strconv.Itoa(pos.Line)
}

// group is the index in order of a package or an import path, or -1.
func group(dir string) int {
	first, _, _ := strings.Cut(dir, "/")
	return slices.Index(order, first)
}

func checkImports(p *pkg, report report) {
	for _, file := range slices.Concat(p.files, p.tests) {
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				report("%s: %v", p.at(spec), err)
			}
			if dir, ours := strings.CutPrefix(imported, module+"/"); ours {
				if from := group(p.dir); from >= 0 && group(dir) > from {
					report("%s: %s imports %s, which comes after it in %s",
						p.at(spec), p.dir, dir, strings.Join(order, " <- "))
				}
			}
			for prefix, home := range onlyIn {
				if within(imported, prefix) && !within(p.dir, home) && !strings.HasPrefix(p.dir, "test/") {
					report("%s: %s imports %s, which only %s may", p.at(spec), p.dir, imported, home)
				}
			}
		}
	}
}

// within reports whether name is dir or lies below it.
func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, dir+"/")
}

func checkComment(p *pkg, report report) {
	files := p.files
	if len(files) == 0 {
		files = p.tests
	}
	var documented []string
	for _, file := range files {
		if file.Doc == nil {
			continue
		}
		documented = append(documented, p.at(file.Doc))
		if p.name != "main" && !strings.HasPrefix(file.Doc.Text(), "Package "+p.name+" ") {
			report("%s: the package comment does not start with %q", p.at(file.Doc), "Package "+p.name)
		}
	}
	if len(documented) != 1 && !strings.HasSuffix(p.name, "_test") {
		report("%s: %d package comments, want one: %s", p.dir, len(documented), strings.Join(documented, ", "))
	}
}

func checkExit(p *pkg, report report) {
	for _, file := range p.files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && p.name == "main" && f.Name.Name == "main" && f.Recv == nil {
				continue
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok {
						call := x.Name + "." + sel.Sel.Name
						if call == "os.Exit" || strings.HasPrefix(call, "log.Fatal") || strings.HasPrefix(call, "log.Panic") {
							report("%s: %s outside of main; return an error", p.at(n), call)
						}
					}
				}
				return true
			})
		}
	}
}

func checkLength(p *pkg, report report) {
	for _, file := range p.files {
		f := p.fset.File(file.FileStart)
		if f.LineCount() > maxLines {
			report("%s: %d lines, more than %d: what is the second thing in it?", f.Name(), f.LineCount(), maxLines)
		}
	}
}

// load parses every package below root, whatever its build constraints.
func load(t *testing.T, root string) []*pkg {
	t.Helper()
	fset := token.NewFileSet()
	found := map[string]*pkg{}
	walk(t, root, func(file string) {
		if path.Ext(file) != ".go" {
			return
		}
		parsed, err := parser.ParseFile(fset, filepath.FromSlash(file), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		dir, err := filepath.Rel(root, filepath.Dir(filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.ToSlash(dir)
		isTest := strings.HasSuffix(file, "_test.go")
		name := parsed.Name.Name
		if isTest { // an external test belongs to the package beside it
			name = strings.TrimSuffix(name, "_test")
		}
		key := dir + " " + name
		p := found[key]
		if p == nil {
			p = &pkg{dir: dir, name: name, fset: fset}
			found[key] = p
		}
		if isTest {
			p.tests = append(p.tests, parsed)
		} else {
			p.files = append(p.files, parsed)
		}
	})
	packages := make([]*pkg, 0, len(found))
	for _, p := range found {
		packages = append(packages, p)
	}
	slices.SortFunc(packages, func(a, b *pkg) int { return strings.Compare(a.dir+" "+a.name, b.dir+" "+b.name) })
	return packages
}

// walk visits the regular files that belong to the repository.
func walk(t *testing.T, root string, visit func(file string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin" || name == "testdata"):
			return fs.SkipDir
		case d.Type().IsRegular():
			visit(filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
