package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/podfacts/podfacts/render/template"
	"github.com/podfacts/podfacts/watch"
)

// analyze reads a template's parse trees for the facts it mentions. It is
// conservative: where a value's path can no longer be followed (passed to a
// function, computed), everything below its last known path is needed. What
// with opens is followed into, so whether a group is empty is judged by the
// facts in it that the template uses.
//
// A need is required where rendering is sure to fail without the fact: a missing
// key is an error, also in the condition of an if and before default. Optional is
// what stands in a branch, what and and or may pass over, and what a function
// looks up that has an answer for what is missing.
//
// An expression that names an unknown fact is an error here already, so that
// check finds it without data.
func analyze(set *template.Set, tree *parse.Tree, container string) (*analyzer, error) {
	a := newAnalyzer(set, tree, container, nil)
	a.root()
	if len(a.assigned) > 0 {
		// Which value an assigned variable has is not followed: once more, now
		// that it is known which they are.
		a = newAnalyzer(set, tree, container, a.assigned)
		a.root()
	}
	return a, joined(a.errs)
}

// value is what an expression stands for: a path of the view, or something
// that cannot be followed.
type value struct {
	path  watch.Path
	known bool
	soft  bool // it may be missing
}

func at(p watch.Path) value { return value{path: p, known: true} }

// scope is what dot and the variables stand for.
type scope struct {
	dot  value
	vars map[string]value
}

func (s scope) with(dot value) scope { return scope{dot: dot, vars: maps.Clone(s.vars)} }

// call is a template with a dot, so that recursion ends.
type call struct {
	name  string
	dot   value
	maybe bool
}

type analyzer struct {
	set       *template.Set
	tree      *parse.Tree // the main template
	container string
	needs     watch.Needs
	sites     map[site]watch.Path // root where an expression stands for several
	errs      []error

	entered  []watch.Need    // what has to exist for what is below it to be used
	seen     map[call]bool   // calls followed
	assigned map[string]bool // variables that = changes
	changes  bool            // a function may change maps
	maybe    bool            // what is read now may not run
}

func newAnalyzer(set *template.Set, tree *parse.Tree, container string, assigned map[string]bool) *analyzer {
	if assigned == nil {
		assigned = make(map[string]bool)
	}
	return &analyzer{set: set, tree: tree, container: container, assigned: assigned, sites: make(map[site]watch.Path), seen: make(map[call]bool)}
}

// root reads the main template.
func (a *analyzer) root() {
	a.list(a.tree.Root, scope{dot: at(""), vars: map[string]value{"$": at("")}})
	for _, e := range a.entered {
		if !slices.ContainsFunc(a.needs, func(n watch.Need) bool { return e.Path.Covers(n.Path) }) {
			a.needs = append(a.needs, e)
		}
	}
}

// need notes a path.
func (a *analyzer) need(v value, node parse.Node) {
	if v.known {
		a.needs = append(a.needs, a.by(v, node))
	}
}

// enter notes a path of which only something below may be used.
func (a *analyzer) enter(v value, node parse.Node) {
	if _, isFact := watch.KindOf(v.path); isFact || v.path == "" || strings.ContainsAny(string(v.path), ".[") {
		a.entered = append(a.entered, a.by(v, node))
	} // groups always exist
}

func (a *analyzer) by(v value, node parse.Node) watch.Need {
	where, _ := a.tree.ErrorContext(node)
	_, isFact := watch.KindOf(v.path)
	return watch.Need{Path: v.path, Optional: a.maybe || v.soft || !isFact, By: where}
}

// perhaps reads what may not run.
func (a *analyzer) perhaps(read func()) {
	defer func(before bool) { a.maybe = before }(a.maybe)
	a.maybe = true
	read()
}

func (a *analyzer) list(list *parse.ListNode, s scope) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		a.node(node, s)
	}
}

func (a *analyzer) node(node parse.Node, s scope) {
	switch n := node.(type) {
	case *parse.ListNode:
		a.list(n, s)
	case *parse.ActionNode:
		if v := a.pipe(n.Pipe, s); len(n.Pipe.Decl) == 0 {
			a.need(v, n.Pipe)
		}
	case *parse.IfNode:
		inner := s.with(s.dot)
		a.need(a.pipe(n.Pipe, inner), n.Pipe)
		a.branch(&n.BranchNode, inner, s.dot)
	case *parse.WithNode:
		inner := s.with(s.dot)
		v := a.pipe(n.Pipe, inner)
		if _, isFact := watch.KindOf(v.path); isFact {
			a.need(v, n.Pipe)
		} else if v.known {
			a.entered = append(a.entered, a.by(v, n.Pipe))
		}
		a.branch(&n.BranchNode, inner, v)
	case *parse.RangeNode:
		inner := s.with(s.dot)
		a.need(a.pipe(n.Pipe, inner), n.Pipe) // which keys there are is a use of all of it
		for _, v := range n.Pipe.Decl {
			inner.vars[v.Ident[0]] = value{}
		}
		a.branch(&n.BranchNode, inner, value{})
	case *parse.TemplateNode:
		dot := value{}
		if n.Pipe != nil {
			dot = a.pipe(n.Pipe, s)
		}
		a.template(n.Name, dot, n)
	}
}

func (a *analyzer) branch(n *parse.BranchNode, inner scope, dot value) {
	a.perhaps(func() {
		a.list(n.ElseList, inner.with(inner.dot))
		inner.dot = dot
		a.list(n.List, inner)
	})
}

// template follows a template call, once for each dot.
func (a *analyzer) template(name string, dot value, node parse.Node) {
	c := call{name, dot, a.maybe}
	if a.seen[c] {
		return
	}
	a.seen[c] = true
	called := a.set.Lookup(name)
	if called == nil {
		a.fail(node, fmt.Errorf("template %q is not defined%s", name, a.nearestTemplate(name)))
		return
	}
	a.list(called.Root, scope{dot: dot, vars: map[string]value{"$": dot}})
}

func (a *analyzer) nearestTemplate(name string) string {
	if near := watch.Nearest(name, a.set.Names()); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// pipe gives what a pipeline stands for. Declared variables stand for it too.
func (a *analyzer) pipe(pipe *parse.PipeNode, s scope) value {
	var v value
	if len(pipe.Cmds) == 1 {
		v = a.command(pipe.Cmds[0], false, s)
	} else {
		for i, cmd := range pipe.Cmds {
			a.need(a.command(cmd, i > 0, s), cmd)
		}
	}
	for _, d := range pipe.Decl {
		name := d.Ident[0]
		if pipe.IsAssign {
			a.assigned[name] = true
		}
		if a.assigned[name] {
			a.need(v, pipe)
			s.vars[name] = value{}
		} else {
			s.vars[name] = v
		}
	}
	return v
}

func (a *analyzer) operand(node parse.Node, s scope) value {
	switch n := node.(type) {
	case *parse.DotNode:
		return s.dot
	case *parse.FieldNode:
		return a.below(s.dot, n.Ident, n)
	case *parse.VariableNode:
		return a.below(s.vars[n.Ident[0]], n.Ident[1:], n)
	case *parse.ChainNode:
		return a.below(a.operand(n.Node, s), n.Field, n)
	case *parse.PipeNode:
		return a.pipe(n, s)
	}
	return value{}
}

// below follows fields. A path that the vocabulary does not know is reported.
// Objects are one fact each, however deep they are.
func (a *analyzer) below(v value, fields []string, node parse.Node) value {
	if len(fields) == 0 {
		return v
	}
	p := v.path
	for _, f := range fields {
		if kind, _ := watch.KindOf(p); v.known && kind != watch.Tree && kind != watch.Objects {
			p = p.Key(f)
		}
	}
	a.note(p, node)
	if !v.known {
		return v
	}
	canonical, err := watch.ParsePath(string(p))
	if err == nil && (canonical != p || aliasGroup(p)) {
		err = fmt.Errorf("%s is no field of the tree; write {{ fact %q }}", node, string(canonical))
	}
	if err != nil {
		a.fail(node, err)
		return value{}
	}
	v.path = p
	a.enter(v, node)
	return v
}

// note remembers which path an expression stands for.
func (a *analyzer) note(p watch.Path, node parse.Node) {
	where, context := a.tree.ErrorContext(node)
	key := site{where, context}
	if before, ok := a.sites[key]; ok && before != p {
		p = ""
	}
	a.sites[key] = p
}

func (a *analyzer) fail(node parse.Node, err error) {
	where, _ := a.tree.ErrorContext(node)
	problem := &TemplateError{Where: where, Reason: err.Error(), err: err}
	if !slices.ContainsFunc(a.errs, func(e error) bool { return e.Error() == problem.Error() }) {
		a.errs = append(a.errs, problem)
	}
}
