package template

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"text/template/parse"
)

// A builtin is a function of text/template: fn, or one that takes its arguments
// as they are, in or out of an interface.
type builtin struct {
	fn       any
	raw      func(args []reflect.Value) (reflect.Value, error)
	test     func(args []reflect.Value) (bool, error)
	min, max int // arguments of raw and test; a max of zero is no limit
}

func lookupBuiltin(name string) (b builtin, ok bool) {
	switch name {
	case "and", "or":
		return builtin{min: 1}, true
	case "call":
		return builtin{raw: call, min: 1}, true
	case "eq":
		return builtin{test: equal, min: 1}, true
	case "ne":
		return builtin{test: notEqual, min: 2, max: 2}, true
	case "lt":
		return builtin{test: less, min: 2, max: 2}, true
	case "le":
		return builtin{test: lessOrEqual, min: 2, max: 2}, true
	case "gt":
		return builtin{test: greater, min: 2, max: 2}, true
	case "ge":
		return builtin{test: greaterOrEqual, min: 2, max: 2}, true
	case "index":
		return builtin{fn: strictIndex}, true
	case "len":
		return builtin{raw: length, min: 1, max: 1}, true
	case "not":
		return builtin{test: not, min: 1, max: 1}, true
	case "html":
		return builtin{fn: func(args ...any) string { return escapeHTML(shown(args)) }}, true
	case "js":
		return builtin{fn: func(args ...any) string { return escapeJS(shown(args)) }}, true
	case "urlquery":
		return builtin{fn: func(args ...any) string { return url.QueryEscape(shown(args)) }}, true
	case "print":
		return builtin{fn: fmt.Sprint}, true
	case "printf":
		return builtin{fn: fmt.Sprintf}, true
	case "println":
		return builtin{fn: fmt.Sprintln}, true
	}
	return b, false
}

// Builtins names the functions that every template has.
func Builtins() []string {
	return []string{"and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf", "println", "urlquery"}
}

// builtins tells the parser.
func builtins() map[string]any {
	names := make(map[string]any)
	for _, name := range Builtins() {
		names[name] = true
	}
	return names
}

// builtin calls one that takes its arguments as they are.
func (f *frame) builtin(dot reflect.Value, b builtin, node parse.Node, name string, args []parse.Node, final reflect.Value) (reflect.Value, error) {
	if len(args) > 0 {
		args = args[1:]
	}
	n := len(args)
	if !isNothing(final) {
		n++
	}
	switch {
	case b.max > 0 && n != b.max:
		return reflect.Value{}, f.failf("wrong number of args for %s: want %d got %d", name, b.max, n)
	case n < b.min:
		return reflect.Value{}, f.failf("wrong number of args for %s: want at least %d got %d", name, b.min, len(args))
	}
	var room [4]reflect.Value
	in := room[:0]
	for _, arg := range args {
		value, err := f.operand(dot, arg)
		if err != nil {
			return value, err
		}
		in = append(in, value)
	}
	if !isNothing(final) {
		in = append(in, final)
	}
	value, err := b.apply(in)
	if err != nil {
		return value, f.failIn(node, name, err)
	}
	return value, nil
}

func (b builtin) apply(args []reflect.Value) (reflect.Value, error) {
	if b.raw != nil {
		return b.raw(args)
	}
	result, err := b.test(args)
	return reflect.ValueOf(result), err
}

// shortCircuit is and, or: the first argument that decides, else the last. Those
// after it are not evaluated.
func (f *frame) shortCircuit(dot reflect.Value, name string, args []parse.Node, final reflect.Value) (value reflect.Value, err error) {
	if len(args) > 0 {
		args = args[1:]
	}
	if len(args) == 0 && isNothing(final) {
		return value, f.failf("wrong number of args for %s: want at least 1 got 0", name)
	}
	for _, arg := range args {
		if value, err = f.operand(dot, arg); err != nil || truth(value) == (name == "or") {
			return value, err
		}
	}
	if !isNothing(final) {
		value = final
	}
	return value, nil
}

func not(args []reflect.Value) (bool, error) { return !truth(args[0]), nil }

func length(args []reflect.Value) (reflect.Value, error) {
	v, isNil := indirect(args[0])
	switch {
	case isNil || !v.IsValid():
		return v, errors.New("len of nil pointer")
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Map, v.Kind() == reflect.String, v.Kind() == reflect.Array, v.Kind() == reflect.Chan:
		return reflect.ValueOf(v.Len()), nil
	}
	return v, fmt.Errorf("len of type %s", v.Type())
}

// call calls a function that is a value.
func call(args []reflect.Value) (reflect.Value, error) {
	fn := unboxed(args[0])
	switch {
	case !fn.IsValid():
		return fn, errors.New("call of nil")
	case fn.Kind() != reflect.Func:
		return fn, fmt.Errorf("non-function of type %s", fn.Type())
	}
	typ, in := fn.Type(), args[1:]
	switch want := typ.NumIn(); {
	case typ.IsVariadic() && len(in) < want-1:
		return fn, fmt.Errorf("wrong number of args: got %d want at least %d", len(in), want-1)
	case !typ.IsVariadic() && len(in) != want:
		return fn, fmt.Errorf("wrong number of args: got %d want %d", len(in), want)
	}
	fitting := make([]reflect.Value, len(in))
	for i, arg := range in {
		value, to := unboxed(arg), parameter(typ, i)
		switch {
		case !value.IsValid() && canBeNil(to):
			value = reflect.Zero(to)
		case !value.IsValid():
			return fn, fmt.Errorf("arg %d: value is nil; should be of type %s", i, to)
		case value.Type().AssignableTo(to):
		case isWhole(value.Kind()) && isWhole(to.Kind()):
			value = value.Convert(to)
		default:
			return fn, fmt.Errorf("arg %d: value has type %s; should be %s", i, value.Type(), to)
		}
		fitting[i] = value
	}
	return invoke(fn.Interface(), fitting)
}

func isWhole(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Uintptr }
