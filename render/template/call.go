package template

import (
	"errors"
	"fmt"
	"reflect"
	"text/template/parse"
)

// function calls a function by its name. node is the whole of the call, args
// are the words of it, the name included, or none.
func (f *frame) function(dot reflect.Value, name *parse.IdentifierNode, node parse.Node, args []parse.Node, final reflect.Value) (reflect.Value, error) {
	f.at(name)
	if err := f.alive(); err != nil {
		return reflect.Value{}, err
	}
	if fn, ok := f.set.Funcs[name.Ident]; ok {
		return f.call(dot, fn, node, name.Ident, args, final)
	}
	b, ok := lookupBuiltin(name.Ident)
	switch {
	case !ok:
		return reflect.Value{}, f.failf("%q is not a defined function", name.Ident)
	case b.fn != nil:
		return f.call(dot, b.fn, node, name.Ident, args, final)
	case name.Ident == "and" || name.Ident == "or":
		return f.shortCircuit(dot, name.Ident, args, final)
	}
	return f.builtin(dot, b, node, name.Ident, args, final)
}

// call calls a Go function with the arguments of a template.
func (f *frame) call(dot reflect.Value, fn any, node parse.Node, name string, args []parse.Node, final reflect.Value) (reflect.Value, error) {
	if len(args) > 0 {
		args = args[1:]
	}
	typ := reflect.TypeOf(fn)
	n := len(args)
	if !isNothing(final) {
		n++
	}
	switch want := typ.NumIn(); {
	case typ.IsVariadic() && n < want-1:
		return reflect.Value{}, f.failf("wrong number of args for %s: want at least %d got %d", name, want-1, len(args))
	case !typ.IsVariadic() && n != want:
		return reflect.Value{}, f.failf("wrong number of args for %s: want %d got %d", name, want, n)
	}
	var room [4]reflect.Value
	in := room[:0]
	for i, arg := range args {
		value, err := f.argument(dot, arg, parameter(typ, i))
		if err != nil {
			return value, err
		}
		in = append(in, value)
	}
	if !isNothing(final) {
		value, err := f.fit(final, parameter(typ, len(args)))
		if err != nil {
			return value, err
		}
		in = append(in, value)
	}
	value, err := invoke(fn, in)
	if err == nil && f.run.Max > 0 && value.Kind() == reflect.String && value.Len() > f.run.Max {
		err = ErrTooLong
	}
	if err != nil {
		return value, f.failIn(node, name, err)
	}
	return value, nil
}

// parameter is the type that an argument is passed as.
func parameter(fn reflect.Type, i int) reflect.Type {
	last := fn.NumIn() - 1
	if fn.IsVariadic() && i >= last {
		return fn.In(last).Elem()
	}
	return fn.In(i)
}

// invoke calls a function. What it panics with is its error.
func invoke(fn any, in []reflect.Value) (out reflect.Value, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			err = r
		default:
			err = fmt.Errorf("%v", r)
		}
	}()
	if out, known, err := direct(fn, in); known {
		return out, err
	}
	v := reflect.ValueOf(fn)
	switch typ := v.Type(); {
	case typ.NumOut() == 1:
		return v.Call(in)[0], nil
	case typ.NumOut() == 2 && typ.Out(1) == reflect.TypeFor[error]():
		results := v.Call(in)
		err, _ := reflect.TypeAssert[error](results[1])
		return results[0], err
	}
	return out, errors.New("a function returns one value, or a value and an error")
}

// direct calls the functions of the signatures that most have, without package
// reflect, which takes ten times as long. See BenchmarkInvoke.
func direct(fn any, in []reflect.Value) (out reflect.Value, known bool, err error) {
	switch fn := fn.(type) {
	case func(string) string:
		return reflect.ValueOf(fn(in[0].String())), true, nil
	case func(string, string) string:
		return reflect.ValueOf(fn(in[0].String(), in[1].String())), true, nil
	case func(string, string) bool:
		return reflect.ValueOf(fn(in[0].String(), in[1].String())), true, nil
	case func(...any) string:
		return reflect.ValueOf(fn(boxed(in)...)), true, nil
	case func(string, ...any) string:
		return reflect.ValueOf(fn(in[0].String(), boxed(in[1:])...)), true, nil
	case func(...any) (string, error):
		s, err := fn(boxed(in)...)
		return reflect.ValueOf(s), true, err
	case func(any) (string, error):
		s, err := fn(in[0].Interface())
		return reflect.ValueOf(s), true, err
	case func(string, any) (string, error):
		s, err := fn(in[0].String(), in[1].Interface())
		return reflect.ValueOf(s), true, err
	case func(any, string) (string, error):
		s, err := fn(in[0].Interface(), in[1].String())
		return reflect.ValueOf(s), true, err
	case func(any, any) (any, error):
		v, err := fn(in[0].Interface(), in[1].Interface())
		return element(v), true, err
	case func(any, any) (bool, error):
		b, err := fn(in[0].Interface(), in[1].Interface())
		return reflect.ValueOf(b), true, err
	case func(string, ...any) (any, error):
		v, err := fn(in[0].String(), boxed(in[1:])...)
		return element(v), true, err
	case func(any, ...any) (any, error):
		v, err := fn(in[0].Interface(), boxed(in[1:])...)
		return element(v), true, err
	}
	return out, false, nil
}

func boxed(values []reflect.Value) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v.Interface()
	}
	return list
}
