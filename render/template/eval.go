package template

import (
	"reflect"
	"strings"
	"text/template/parse"
)

// pipe gives the value of a pipeline, and declares or changes its variables.
func (f *frame) pipe(dot reflect.Value, pipe *parse.PipeNode) (value reflect.Value, err error) {
	f.at(pipe)
	final := nothing()
	for _, cmd := range pipe.Cmds {
		if value, err = f.command(dot, cmd, final); err != nil {
			return value, err
		}
		// What an interface{} holds is the value. That it was in one is forgotten.
		if value.Kind() == reflect.Interface && value.NumMethod() == 0 {
			value = value.Elem()
		}
		final = value
	}
	for _, v := range pipe.Decl {
		if !pipe.IsAssign {
			f.vars = append(f.vars, variable{v.Ident[0], value})
		} else if err := f.assign(v.Ident[0], value); err != nil {
			return value, err
		}
	}
	return value, nil
}

// command gives the value of one command of a pipeline. final is what was piped
// into it, or nothing.
func (f *frame) command(dot reflect.Value, cmd *parse.CommandNode, final reflect.Value) (reflect.Value, error) {
	switch n := cmd.Args[0].(type) {
	case *parse.FieldNode:
		f.at(n)
		return f.fields(dot, dot, n.Ident, n, cmd.Args, final)
	case *parse.ChainNode:
		return f.chain(dot, n, cmd.Args, final)
	case *parse.IdentifierNode:
		return f.function(dot, n, cmd, cmd.Args, final)
	case *parse.PipeNode:
		if err := f.takesNothing(cmd.Args, final); err != nil {
			return reflect.Value{}, err
		}
		return f.pipe(dot, n)
	case *parse.VariableNode:
		return f.variableFields(dot, n, cmd.Args, final)
	}
	f.at(cmd.Args[0])
	if err := f.takesNothing(cmd.Args, final); err != nil {
		return reflect.Value{}, err
	}
	switch n := cmd.Args[0].(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.NilNode:
		return reflect.Value{}, f.failf("nil is not a command")
	case *parse.BoolNode, *parse.NumberNode, *parse.StringNode:
		return f.literal(n)
	}
	return reflect.Value{}, f.failf("can't evaluate command %q", cmd.Args[0])
}

// takesNothing fails where something is an argument to what is no function.
func (f *frame) takesNothing(args []parse.Node, final reflect.Value) error {
	if len(args) > 1 || !isNothing(final) {
		return f.failf("can't give argument to non-function %s", args[0])
	}
	return nil
}

// literal gives the value of a literal that nobody says the type of: Go's own
// rules, by how it is written.
func (f *frame) literal(node parse.Node) (reflect.Value, error) {
	f.at(node)
	switch n := node.(type) {
	case *parse.BoolNode:
		return reflect.ValueOf(n.True), nil
	case *parse.StringNode:
		return reflect.ValueOf(n.Text), nil
	case *parse.NumberNode:
		switch {
		case n.IsComplex:
			return reflect.ValueOf(n.Complex128), nil
		case n.IsFloat && !isHexInt(n.Text) && !isRune(n.Text) && strings.ContainsAny(n.Text, ".eEpP"):
			return reflect.ValueOf(n.Float64), nil
		case n.IsInt && int64(int(n.Int64)) == n.Int64:
			return reflect.ValueOf(int(n.Int64)), nil
		case n.IsInt || n.IsUint:
			return reflect.Value{}, f.failf("%s overflows int", n.Text)
		}
	}
	return reflect.Value{}, f.failf("can't handle %s", node)
}

func isRune(s string) bool { return strings.HasPrefix(s, "'") }

func isHexInt(s string) bool {
	return len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && !strings.ContainsAny(s, "pP")
}

// chain is (pipeline).field.
func (f *frame) chain(dot reflect.Value, n *parse.ChainNode, args []parse.Node, final reflect.Value) (reflect.Value, error) {
	f.at(n)
	if n.Node.Type() == parse.NodeNil {
		return reflect.Value{}, f.failf("indirection through explicit nil in %s", n)
	}
	value, err := f.operand(dot, n.Node)
	if err != nil {
		return value, err
	}
	return f.fields(dot, value, n.Field, n, args, final)
}

// variableFields is $x, or $x.field.
func (f *frame) variableFields(dot reflect.Value, n *parse.VariableNode, args []parse.Node, final reflect.Value) (reflect.Value, error) {
	f.at(n)
	v, err := f.variable(n.Ident[0])
	if err != nil {
		return reflect.Value{}, err
	}
	if len(n.Ident) == 1 {
		return v.value, f.takesNothing(args, final)
	}
	return f.fields(dot, v.value, n.Ident[1:], n, args, final)
}

// operand gives the value of an argument whose type does not matter. For nil,
// that is no value.
func (f *frame) operand(dot reflect.Value, node parse.Node) (reflect.Value, error) {
	f.at(node)
	switch n := node.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.NilNode:
		return reflect.Value{}, nil
	case *parse.FieldNode:
		return f.fields(dot, dot, n.Ident, n, nil, nothing())
	case *parse.VariableNode:
		return f.variableFields(dot, n, nil, nothing())
	case *parse.PipeNode:
		return f.pipe(dot, n)
	case *parse.IdentifierNode:
		return f.function(dot, n, n, nil, nothing())
	case *parse.ChainNode:
		return f.chain(dot, n, nil, nothing())
	}
	return f.literal(node)
}

// argument gives the value of an argument for a parameter of a type.
func (f *frame) argument(dot reflect.Value, node parse.Node, to reflect.Type) (reflect.Value, error) {
	f.at(node)
	switch n := node.(type) {
	case *parse.NilNode:
		if !canBeNil(to) {
			return reflect.Value{}, f.failf("cannot assign nil to %s", to)
		}
		return reflect.Zero(to), nil
	case *parse.BoolNode, *parse.NumberNode, *parse.StringNode:
		return f.typed(n, to)
	}
	value, err := f.operand(dot, node)
	if err != nil {
		return value, err
	}
	return f.fit(value, to)
}

// typed gives a literal the type of a parameter.
func (f *frame) typed(node parse.Node, to reflect.Type) (reflect.Value, error) {
	if to.Kind() == reflect.Interface && to.NumMethod() == 0 {
		return f.literal(node)
	}
	number, _ := node.(*parse.NumberNode)
	value := reflect.New(to).Elem()
	expected := ""
	switch {
	case to.Kind() == reflect.Bool:
		expected = "bool"
		if n, ok := node.(*parse.BoolNode); ok {
			value.SetBool(n.True)
			return value, nil
		}
	case to.Kind() == reflect.String:
		expected = "string"
		if n, ok := node.(*parse.StringNode); ok {
			value.SetString(n.Text)
			return value, nil
		}
	case value.CanInt():
		expected = "integer"
		if number != nil && number.IsInt {
			value.SetInt(number.Int64)
			return value, nil
		}
	case value.CanUint():
		expected = "unsigned integer"
		if number != nil && number.IsUint {
			value.SetUint(number.Uint64)
			return value, nil
		}
	case value.CanFloat():
		expected = "float"
		if number != nil && number.IsFloat {
			value.SetFloat(number.Float64)
			return value, nil
		}
	case value.CanComplex():
		expected = "complex"
		if number != nil && number.IsComplex {
			value.SetComplex(number.Complex128)
			return value, nil
		}
	default:
		return value, f.failf("can't handle %s for arg of type %s", node, to)
	}
	return value, f.failf("expected %s; found %s", expected, node)
}

// fit makes a value one that can be passed as a type. One step to what a pointer
// points at, or to the pointer, is taken.
func (f *frame) fit(value reflect.Value, to reflect.Type) (reflect.Value, error) {
	if !value.IsValid() {
		if !canBeNil(to) {
			return value, f.failf("invalid value; expected %s", to)
		}
		return reflect.Zero(to), nil
	}
	from := value.Type()
	if from == to || from.AssignableTo(to) {
		return value, nil
	}
	if value.Kind() == reflect.Interface && !value.IsNil() {
		value = value.Elem()
		if from = value.Type(); from.AssignableTo(to) {
			return value, nil
		}
	}
	switch {
	case value.Kind() == reflect.Pointer && from.Elem().AssignableTo(to):
		if value = value.Elem(); !value.IsValid() {
			return value, f.failf("dereference of nil pointer of type %s", to)
		}
		return value, nil
	case value.CanAddr() && reflect.PointerTo(from).AssignableTo(to):
		return value.Addr(), nil
	}
	return value, f.failf("wrong type for value; expected %s; got %s", to, from)
}
