package template

import (
	"fmt"
	"reflect"
)

// strictIndex is index: a key that a map lacks is an error, as it is in a field,
// and not an empty value as in text/template.
func strictIndex(item any, keys ...any) (any, error) {
	v := reflect.ValueOf(item)
	for _, key := range keys {
		for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		k := reflect.ValueOf(key)
		switch v.Kind() {
		case reflect.Map:
			of := v.Type().Key()
			if k.Kind() != of.Kind() {
				return nil, fmt.Errorf("a key of this map is a %s, not %s", of, describeKind(k))
			}
			if v = v.MapIndex(k.Convert(of)); !v.IsValid() {
				return nil, &MissingKeyError{Key: key}
			}
		case reflect.Slice, reflect.Array, reflect.String:
			if !k.CanInt() {
				return nil, fmt.Errorf("a list is indexed by a whole number, not %s", describeKind(k))
			}
			i := k.Int()
			if i < 0 || i >= int64(v.Len()) {
				return nil, fmt.Errorf("%d is out of range, the list has %d", i, v.Len())
			}
			v = v.Index(int(i))
		default:
			return nil, fmt.Errorf("%s has no entries", describeKind(v))
		}
	}
	if !v.IsValid() {
		return nil, nil
	}
	return v.Interface(), nil
}

func describeKind(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	return "a " + v.Kind().String()
}
