package layout

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// fixed are the calls whose result may stand in a package-level variable: what
// they return never changes.
var fixed = map[string]bool{
	"errors.New":          true,
	"fmt.Errorf":          true,
	"regexp.MustCompile":  true,
	"strings.NewReplacer": true,
}

// checkState asks that a package keeps nothing between calls. A variable at
// package level is a constant in all but syntax: an error, a compiled pattern, an
// embedded file or an unexported table, and nothing in the package changes it.
func checkState(p *pkg, report report) {
	state := variables(p, report)
	if len(state) == 0 {
		return
	}
	info := resolve(p)
	for _, file := range p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			for _, target := range changed(n) {
				if id := root(target); id != nil {
					if obj, ok := info.Uses[id].(*types.Var); ok && obj.Parent() == obj.Pkg().Scope() {
						report("%s: changes the package-level variable %s", p.at(n), id.Name)
					}
				}
			}
			return true
		})
	}
}

// variables returns the names of the package-level variables and complains about
// those that cannot be constants, and about init.
func variables(p *pkg, report report) (names []string) {
	for _, file := range p.files {
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					report("%s: func init; let main call it by name", p.at(d))
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, spec := range d.Specs {
					v := spec.(*ast.ValueSpec)
					if v.Names[0].Name == "_" || embedded(d, v) || stamped(p, v) {
						continue
					}
					for i, id := range v.Names {
						names = append(names, id.Name)
						if i >= len(v.Values) || !constant(v.Values[i]) {
							report("%s: package-level state %s; give it to the type that needs it", p.at(id), id.Name)
						} else if _, table := v.Values[i].(*ast.CompositeLit); table && id.IsExported() {
							report("%s: anyone can change the exported variable %s; make it a function", p.at(id), id.Name)
						}
					}
				}
			}
		}
	}
	return names
}

// constant reports whether an initial value is of a kind that can stay as it is.
func constant(value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		sel, ok := v.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		x, ok := sel.X.(*ast.Ident)
		return ok && fixed[x.Name+"."+sel.Sel.Name]
	default:
		return false
	}
}

// embedded reports whether the variable holds a file that the compiler put there.
func embedded(d *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{d.Doc, v.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// stamped reports whether the linker sets the variable: -X main.version=….
func stamped(p *pkg, v *ast.ValueSpec) bool {
	return p.name == "main" && len(v.Names) == 1 && v.Names[0].Name == "version"
}

// resolve tells which object each name stands for. Imports are left unknown: the
// question is only which names are the package's own variables.
func resolve(p *pkg) *types.Info {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: nothing{}, Error: func(error) {}, FakeImportC: true}
	_, _ = config.Check(p.dir, p.fset, p.files, info) // the errors are the unknown imports
	return info
}

type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }

// changed returns the expressions that a node assigns to, takes the address of,
// or hands to a built-in that changes them.
func changed(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Lhs
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear" || f.Name == "copy") && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// root is the variable at the bottom of a.b[c].d, or nil.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}
