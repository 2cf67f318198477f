package template

import (
	"context"
	"reflect"
	"text/template/parse"
)

// maxDepth is how deep templates may call each other. text/template goes on to
// 100,000, which takes more memory than a sidecar has.
const maxDepth = 10_000

// Run executes templates, one after another or one from within a function of
// another, within common limits. It is for one goroutine.
type Run struct {
	// Context ends the run: looked at in each turn of a loop, and before each
	// template and function. Nil: nothing does.
	Context context.Context
	// Max is how many bytes of text there may be at a time: what is written,
	// and what templates write that run for their text. A function's result
	// may be as long. Zero: no limit.
	Max int
	// Out is what the templates have written, appended to what is there.
	Out []byte

	depth int
}

// Execute runs a template of a set, which writes to Out. What it wrote before
// an error stays there.
func (r *Run) Execute(set *Set, tree *parse.Tree, dot any) error {
	return r.execute(set, tree, reflect.ValueOf(dot))
}

// Text runs a template and returns what it writes.
func (r *Run) Text(set *Set, tree *parse.Tree, dot any) (string, error) {
	start := len(r.Out)
	err := r.execute(set, tree, reflect.ValueOf(dot))
	text := string(r.Out[start:])
	r.Out = r.Out[:start]
	return text, err
}

func (r *Run) execute(set *Set, tree *parse.Tree, dot reflect.Value) error {
	f := frame{run: r, set: set, tree: tree, node: tree.Root, vars: []variable{{"$", dot}}}
	if r.depth == maxDepth {
		return f.failf("exceeded maximum template depth (%v)", maxDepth)
	}
	r.depth++
	defer func() { r.depth-- }()
	_, err := f.list(dot, tree.Root)
	return err
}

// frame is the execution of one template.
type frame struct {
	run  *Run
	set  *Set
	tree *parse.Tree
	node parse.Node // what is being executed, for errors
	vars []variable // those in scope, innermost last
}

type variable struct {
	name  string
	value reflect.Value
}

// at notes what is being executed. Where the notes are made decides which
// expression an error names; they follow text/template.
func (f *frame) at(node parse.Node) { f.node = node }

// alive fails when the run has to end.
func (f *frame) alive() error {
	if ctx := f.run.Context; ctx != nil && ctx.Err() != nil {
		return f.fail(&StoppedError{context.Cause(ctx)})
	}
	return nil
}

// flow is how execution goes on after a node.
type flow int

const (
	next flow = iota
	again
	leave
)

func (f *frame) list(dot reflect.Value, list *parse.ListNode) (flow, error) {
	f.at(list)
	for _, node := range list.Nodes {
		if flow, err := f.walk(dot, node); flow != next || err != nil {
			return flow, err
		}
	}
	return next, nil
}

func (f *frame) walk(dot reflect.Value, node parse.Node) (flow, error) {
	f.at(node)
	switch n := node.(type) {
	case *parse.ActionNode:
		// Variables that it declares stay until the end of the list.
		value, err := f.pipe(dot, n.Pipe)
		if err != nil || len(n.Pipe.Decl) > 0 {
			return next, err
		}
		f.at(n)
		return next, f.print(n, value)
	case *parse.TextNode:
		return next, f.write(n.Text)
	case *parse.IfNode:
		return f.branch(dot, &n.BranchNode, false)
	case *parse.WithNode:
		return f.branch(dot, &n.BranchNode, true)
	case *parse.RangeNode:
		return f.loop(dot, n)
	case *parse.TemplateNode:
		return next, f.template(dot, n)
	case *parse.BreakNode:
		return leave, nil
	case *parse.ContinueNode:
		return again, nil
	case *parse.CommentNode:
		return next, nil
	}
	return next, f.failf("unknown node: %s", node)
}

// branch is an if or a with.
func (f *frame) branch(dot reflect.Value, n *parse.BranchNode, with bool) (flow, error) {
	defer f.drop(len(f.vars))
	value, err := f.pipe(dot, n.Pipe)
	switch {
	case err != nil:
		return next, err
	case !truth(value):
		if n.ElseList == nil {
			return next, nil
		}
		return f.list(dot, n.ElseList)
	case with:
		dot = value
	}
	return f.list(dot, n.List)
}

func (f *frame) template(dot reflect.Value, n *parse.TemplateNode) error {
	tree := f.set.Lookup(n.Name)
	if tree == nil {
		return f.failf("template %q not defined", n.Name)
	}
	if f.run.depth == maxDepth {
		return f.failf("exceeded maximum template depth (%v)", maxDepth)
	}
	if err := f.alive(); err != nil {
		return err
	}
	var value reflect.Value
	if n.Pipe != nil {
		var err error
		if value, err = f.pipe(dot, n.Pipe); err != nil {
			return err
		}
	}
	return f.run.execute(f.set, tree, value)
}

// drop forgets the variables that were declared since there were n.
func (f *frame) drop(n int) { f.vars = f.vars[:n] }

// assign changes the innermost variable of a name.
func (f *frame) assign(name string, value reflect.Value) error {
	v, err := f.variable(name)
	if err == nil {
		v.value = value
	}
	return err
}

func (f *frame) variable(name string) (*variable, error) {
	for i := len(f.vars) - 1; i >= 0; i-- {
		if f.vars[i].name == name {
			return &f.vars[i], nil
		}
	}
	return nil, f.failf("undefined variable: %s", name)
}
