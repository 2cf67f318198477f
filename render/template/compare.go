package template

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
)

// basic is what decides how values compare.
type basic int

const (
	other basic = iota
	boolean
	whole
	unsigned
	fraction
	imaginary
	text
)

func basicOf(v reflect.Value) basic {
	switch {
	case v.Kind() == reflect.Bool:
		return boolean
	case v.Kind() == reflect.String:
		return text
	case v.CanInt():
		return whole
	case v.CanUint():
		return unsigned
	case v.CanFloat():
		return fraction
	case v.CanComplex():
		return imaginary
	}
	return other
}

// equal reports whether the first equals one of the others.
func equal(args []reflect.Value) (bool, error) {
	if len(args) < 2 {
		return false, errors.New("missing argument for comparison")
	}
	a := unboxed(args[0])
	for _, arg := range args[1:] {
		if same, err := equalTo(a, unboxed(arg)); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

func equalTo(a, b reflect.Value) (bool, error) {
	x, y := basicOf(a), basicOf(b)
	switch {
	case x == whole && y == unsigned:
		return a.Int() >= 0 && uint64(a.Int()) == b.Uint(), nil
	case x == unsigned && y == whole:
		return equalTo(b, a)
	case x != y && a.IsValid() && b.IsValid():
		return false, fmt.Errorf("incompatible types for comparison: %v and %v", a.Type(), b.Type())
	case x != y:
		return false, nil
	}
	switch x {
	case boolean:
		return a.Bool() == b.Bool(), nil
	case whole:
		return a.Int() == b.Int(), nil
	case unsigned:
		return a.Uint() == b.Uint(), nil
	case fraction:
		return a.Float() == b.Float(), nil
	case imaginary:
		return a.Complex() == b.Complex(), nil
	case text:
		return a.String() == b.String(), nil
	}
	switch {
	case a.IsValid() && b.IsValid() && a.Kind() != b.Kind():
		return false, fmt.Errorf("non-comparable types %s, %s", a.Type(), b.Type())
	case isNil(a) || isNil(b):
		return isNil(a) == isNil(b), nil
	case !b.Type().Comparable():
		return false, fmt.Errorf("non-comparable type %s", b.Type())
	}
	return a.Interface() == b.Interface(), nil
}

func isNil(v reflect.Value) bool { return !v.IsValid() || canBeNil(v.Type()) && v.IsNil() }

func notEqual(args []reflect.Value) (bool, error) {
	same, err := equal(args)
	return !same, err
}

func less(args []reflect.Value) (bool, error) {
	a, b := unboxed(args[0]), unboxed(args[1])
	x, y := basicOf(a), basicOf(b)
	switch {
	case x == other || y == other:
		return false, errors.New("invalid type for comparison")
	case x == whole && y == unsigned:
		return a.Int() < 0 || uint64(a.Int()) < b.Uint(), nil
	case x == unsigned && y == whole:
		return b.Int() >= 0 && a.Uint() < uint64(b.Int()), nil
	case x != y:
		return false, fmt.Errorf("incompatible types for comparison: %v and %v", a.Type(), b.Type())
	}
	switch x {
	case whole:
		return a.Int() < b.Int(), nil
	case unsigned:
		return a.Uint() < b.Uint(), nil
	case fraction:
		return a.Float() < b.Float(), nil
	case text:
		return cmp.Less(a.String(), b.String()), nil
	}
	return false, errors.New("invalid type for comparison")
}

func lessOrEqual(args []reflect.Value) (bool, error) {
	if is, err := less(args); is || err != nil {
		return is, err
	}
	return equal(args)
}

// greater is not less or equal, which is another thing for what is no number.
func greater(args []reflect.Value) (bool, error) {
	is, err := lessOrEqual(args)
	return !is && err == nil, err
}

func greaterOrEqual(args []reflect.Value) (bool, error) {
	is, err := less(args)
	return !is && err == nil, err
}
