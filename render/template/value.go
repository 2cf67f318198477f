package template

import (
	"fmt"
	"reflect"
	"strconv"
	"text/template/parse"
)

// absent is the type of what is not there: no value, not even nil, was piped.
type absent struct{}

func nothing() reflect.Value { return reflect.ValueOf(absent{}) }

func isNothing(v reflect.Value) bool { return v.IsValid() && v.Type() == reflect.TypeFor[absent]() }

// element is what is in a map or list of interface{}. A nil there is a value, of
// that type.
func element(v any) reflect.Value {
	if v == nil {
		return reflect.Zero(reflect.TypeFor[any]())
	}
	return reflect.ValueOf(v)
}

// assert is a type assertion that fails for no value at all.
func assert[T any](v reflect.Value) (value T, ok bool) {
	if !v.IsValid() {
		return value, false
	}
	return reflect.TypeAssert[T](v)
}

// indirect follows pointers and interfaces to their end, or to a nil.
func indirect(v reflect.Value) (end reflect.Value, isNil bool) {
	for ; v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface; v = v.Elem() {
		if v.IsNil() {
			return v, true
		}
	}
	return v, false
}

// unboxed is what an interface holds, which is no value for nil.
func unboxed(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Interface {
		return v.Elem()
	}
	return v
}

func canBeNil(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice:
		return true
	}
	return false
}

// truth reports whether a value is there and neither zero nor empty. A struct
// always is.
func truth(v reflect.Value) bool {
	v = unboxed(v)
	switch v.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() > 0
	case reflect.Struct:
		return true
	case reflect.Float32, reflect.Float64: // IsZero takes -0 for another number
		return v.Float() != 0
	case reflect.Complex64, reflect.Complex128:
		return v.Complex() != 0
	}
	return !v.IsZero()
}

// print writes a value to the output.
func (f *frame) print(node parse.Node, v reflect.Value) error {
	if s, ok := assert[string](v); ok {
		f.run.Out = append(f.run.Out, s...)
		return f.bound()
	}
	shown, ok := printable(v)
	if !ok {
		return f.failf("can't print %s of type %s", node, v.Type())
	}
	switch v := shown.(type) {
	case string:
		f.run.Out = append(f.run.Out, v...)
	case int:
		f.run.Out = strconv.AppendInt(f.run.Out, int64(v), 10)
	case int64:
		f.run.Out = strconv.AppendInt(f.run.Out, v, 10)
	default:
		f.run.Out = fmt.Append(f.run.Out, v)
	}
	return f.bound()
}

func (f *frame) write(text []byte) error {
	f.run.Out = append(f.run.Out, text...)
	return f.bound()
}

func (f *frame) bound() error {
	if f.run.Max > 0 && len(f.run.Out) > f.run.Max {
		return f.fail(ErrTooLong)
	}
	return nil
}

// printable is what stands for a value in text. Package fmt knows how to write
// it, and what it says of itself.
func printable(v reflect.Value) (any, bool) {
	if v.Kind() == reflect.Pointer {
		v, _ = indirect(v)
	}
	if !v.IsValid() {
		return "<no value>", true
	}
	if speaks(v.Type()) {
		return v.Interface(), true
	}
	if v.CanAddr() && speaks(reflect.PointerTo(v.Type())) {
		return v.Addr().Interface(), true
	}
	if v.Kind() == reflect.Chan || v.Kind() == reflect.Func {
		return nil, false
	}
	return v.Interface(), true
}

// speaks reports whether a type has its own text.
func speaks(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[error]()) || t.Implements(reflect.TypeFor[fmt.Stringer]())
}
