package template

import (
	"reflect"
	"text/template/parse"
)

// Object is a value with methods that templates may call.
type Object interface {
	// TemplateMethod returns a function, nil if there is no such method. See
	// [Set] for what it may return.
	TemplateMethod(name string) any
}

// fields follows .X.Y.Z from a receiver. If the last is a method, it gets the
// arguments, which dot is for.
func (f *frame) fields(dot, receiver reflect.Value, names []string, node parse.Node, args []parse.Node, final reflect.Value) (value reflect.Value, err error) {
	last := len(names) - 1
	for _, name := range names[:last] {
		if receiver, err = f.field(dot, receiver, name, node, nil, nothing()); err != nil {
			return receiver, err
		}
	}
	return f.field(dot, receiver, names[last], node, args, final)
}

func (f *frame) field(dot, receiver reflect.Value, name string, node parse.Node, args []parse.Node, final reflect.Value) (value reflect.Value, err error) {
	if !receiver.IsValid() {
		return value, f.fail(&NoDataError{name})
	}
	given := len(args) > 1 || !isNothing(final)
	if m, ok := assert[map[string]any](receiver); ok && !given {
		if item, ok := m[name]; ok {
			return element(item), nil
		}
		return value, f.fail(&MissingKeyError{name})
	}
	if m, ok := assert[map[string]string](receiver); ok && !given {
		if item, ok := m[name]; ok {
			return reflect.ValueOf(item), nil
		}
		return value, f.fail(&MissingKeyError{name})
	}
	typ := receiver.Type()
	receiver, isNil := indirect(receiver)
	if receiver.Kind() == reflect.Interface && isNil {
		return value, f.failf("nil pointer evaluating %s.%s", typ, name)
	}
	if fn := method(receiver, name); fn != nil {
		return f.call(dot, fn, node, name, args, final)
	}
	switch receiver.Kind() {
	case reflect.Struct:
		if field, ok := receiver.Type().FieldByName(name); ok {
			switch value, err = receiver.FieldByIndexErr(field.Index); {
			case !field.IsExported():
				return value, f.failf("%s is an unexported field of struct type %s", name, typ)
			case err != nil:
				return value, f.fail(err)
			case given:
				return value, f.failf("%s has arguments but cannot be invoked as function", name)
			}
			return value, nil
		}
	case reflect.Map:
		key := reflect.ValueOf(name)
		if !key.Type().AssignableTo(receiver.Type().Key()) {
			break
		}
		if given {
			return value, f.failf("%s is not a method but has arguments", name)
		}
		if value = receiver.MapIndex(key); !value.IsValid() {
			return value, f.fail(&MissingKeyError{name})
		}
		return value, nil
	case reflect.Pointer: // indirect leaves none but nil
		if hasField(receiver.Type().Elem(), name) {
			return value, f.failf("nil pointer evaluating %s.%s", typ, name)
		}
	}
	return value, f.failf("can't evaluate field %s in type %s", name, typ)
}

// hasField reports whether a value of a type may have a field.
func hasField(t reflect.Type, name string) bool {
	if t.Kind() != reflect.Struct {
		return true
	}
	_, ok := t.FieldByName(name)
	return ok
}
