package render

import (
	"fmt"
	"strings"
	"text/template/parse"

	"github.com/hashicorp/go-multierror"

	"github.com/podfacts/podfacts/watch"
)

// analyze reads a template's parse trees for the facts it mentions. It is
// conservative: where a value's path can no longer be followed (passed to a
// function, computed), everything below its last known path is needed.
//
// An expression that names an unknown fact is an error here already, so that
// check finds it without data.
func analyze(t *Template) (watch.Needs, error) {
	a := &analyzer{t: t, seen: make(map[call]bool)}
	root := at("")
	if t.parsed.Tree != nil {
		a.list(t.parsed.Tree.Root, scope{dot: root, vars: map[string]value{"$": root}})
	}
	if len(a.all) == 0 && a.errs.ErrorOrNil() == nil {
		return nil, nil
	}
	return a.all, a.errs.ErrorOrNil()
}

// value is what an expression stands for: a path of the view, or something
// that cannot be followed.
type value struct {
	path  watch.Path
	known bool
}

func at(p watch.Path) value { return value{path: p, known: true} }

// scope is what dot and the variables stand for.
type scope struct {
	dot  value
	vars map[string]value
}

func (s scope) with(dot value) scope {
	vars := make(map[string]value, len(s.vars))
	for name, v := range s.vars {
		vars[name] = v
	}
	return scope{dot: dot, vars: vars}
}

// call is a template with a dot, so that recursion ends.
type call struct {
	name string
	dot  value
}

type analyzer struct {
	t    *Template
	tree *parse.Tree
	seen map[call]bool
	all  watch.Needs
	errs *multierror.Error
}

// need notes a path.
func (a *analyzer) need(v value, node parse.Node) {
	if v.known {
		where, _ := a.t.parsed.Tree.ErrorContext(node)
		a.all = append(a.all, watch.Need{Path: v.path, Optional: true, By: where})
	}
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
		a.used(n.Pipe, s)
	case *parse.IfNode:
		inner := s.with(s.dot)
		a.touched(a.pipe(n.Pipe, inner), n)
		a.branch(&n.BranchNode, inner, s.dot)
	case *parse.WithNode:
		inner := s.with(s.dot)
		a.branch(&n.BranchNode, inner, a.entered(n.Pipe, inner))
	case *parse.RangeNode:
		inner := s.with(s.dot)
		over := a.pipe(n.Pipe, inner)
		a.need(over, n) // which keys there are is already a use of all of it
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

// entered is the new dot of a with.
func (a *analyzer) entered(pipe *parse.PipeNode, s scope) value {
	v := a.pipe(pipe, s)
	if v.known && v.path != "" {
		a.touched(v, pipe)
	}
	return v
}

// touched notes that a path is looked at, not that all below it is used. A
// group alone, such as .pod, is no request for all of the pod.
func (a *analyzer) touched(v value, node parse.Node) {
	if _, isFact := watch.KindOf(v.path); isFact {
		a.need(v, node)
	}
}

func (a *analyzer) branch(n *parse.BranchNode, inner scope, dot value) {
	outer := inner.with(inner.dot)
	inner.dot = dot
	a.list(n.List, inner)
	a.list(n.ElseList, outer)
}

// template follows a template call, once for each dot.
func (a *analyzer) template(name string, dot value, node parse.Node) {
	c := call{name, dot}
	if a.seen[c] {
		return
	}
	a.seen[c] = true
	called := a.t.parsed.Lookup(name)
	if called == nil || called.Tree == nil {
		a.fail(node, fmt.Errorf("template %q is not defined", name))
		return
	}
	a.list(called.Tree.Root, scope{dot: dot, vars: map[string]value{"$": dot}})
}

// used is a pipeline whose value is written or decided on.
func (a *analyzer) used(pipe *parse.PipeNode, s scope) {
	v := a.pipe(pipe, s)
	if len(pipe.Decl) == 0 {
		a.need(v, pipe)
	}
}

// pipe gives what a pipeline stands for. Declared variables stand for it too.
func (a *analyzer) pipe(pipe *parse.PipeNode, s scope) value {
	var v value
	if len(pipe.Cmds) == 1 {
		v = a.command(pipe.Cmds[0], s)
	} else {
		for _, cmd := range pipe.Cmds {
			a.need(a.command(cmd, s), cmd)
		}
	}
	for _, d := range pipe.Decl {
		if pipe.IsAssign {
			a.need(v, pipe) // which assignment holds later is not followed
			v = value{}
		}
		s.vars[d.Ident[0]] = v
	}
	return v
}

func (a *analyzer) command(cmd *parse.CommandNode, s scope) value {
	if len(cmd.Args) == 1 {
		if id, ok := cmd.Args[0].(*parse.IdentifierNode); !ok || id == nil {
			return a.operand(cmd.Args[0], s)
		}
	}
	function := ""
	if id, ok := cmd.Args[0].(*parse.IdentifierNode); ok {
		function = id.Ident
	}
	literal := ""
	isLiteral := false
	if len(cmd.Args) > 1 {
		if text, ok := cmd.Args[1].(*parse.StringNode); ok {
			literal, isLiteral = text.Text, true
		}
	}
	switch {
	case function == "fact" || function == "hasFact":
		return a.named(literal, isLiteral, "", cmd)
	case function == "env" || function == "mustEnv" || function == "envOrDefault":
		return a.named(literal, isLiteral, "env", cmd)
	case function == "file":
		return a.named(literal, isLiteral, "files", cmd)
	case function == "include" && isLiteral && len(cmd.Args) == 3:
		a.template(literal, a.operand(cmd.Args[2], s), cmd)
		return value{}
	case function == "tpl" || function == "include":
		a.need(at(""), cmd) // whatever the string says
	case function == "index" || function == "get":
		if v, ok := a.indexed(cmd, s); ok {
			return v
		}
	}
	for _, arg := range cmd.Args {
		a.need(a.operand(arg, s), cmd)
	}
	return value{}
}

// indexed follows index .pod.labels "app".
func (a *analyzer) indexed(cmd *parse.CommandNode, s scope) (value, bool) {
	if len(cmd.Args) < 2 {
		return value{}, false
	}
	v := a.operand(cmd.Args[1], s)
	for _, arg := range cmd.Args[2:] {
		key, ok := arg.(*parse.StringNode)
		if !ok || !v.known {
			a.need(v, cmd)
			for _, arg := range cmd.Args[2:] {
				a.need(a.operand(arg, s), cmd)
			}
			return value{}, true
		}
		v = a.below(v, []string{key.Text}, cmd)
	}
	return v, true
}

// named is a fact by its path in a string.
func (a *analyzer) named(name string, isLiteral bool, group watch.Path, node parse.Node) value {
	if !isLiteral {
		a.need(at(group), node)
		return value{}
	}
	if group != "" {
		a.need(at(group.Key(name)), node)
		return value{}
	}
	path, err := watch.ParsePath(name)
	if err != nil {
		a.fail(node, err)
		return value{}
	}
	a.need(at(InContainer(path, a.t.container)), node)
	return value{}
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
func (a *analyzer) below(v value, fields []string, node parse.Node) value {
	if !v.known || len(fields) == 0 {
		return v
	}
	p := v.path
	for _, f := range fields {
		p = p.Key(f)
	}
	if _, err := watch.ParsePath(string(p)); err != nil {
		a.fail(node, err)
		return value{}
	}
	return at(p)
}

func (a *analyzer) fail(node parse.Node, err error) {
	where, _ := a.t.parsed.Tree.ErrorContext(node)
	a.errs = multierror.Append(a.errs, &TemplateError{Where: strings.TrimSpace(where), Reason: err.Error(), err: err})
}
