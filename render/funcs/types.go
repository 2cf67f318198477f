package funcs

import (
	"fmt"
	"reflect"
	"strconv"
)

func typeFuncs() []Func {
	return []Func{
		{"int", "", "as a whole number; what is missing counts as 0, what is no number is an error", `{{ int "42" }} {{ int 3.7 }}`, "42 3", asInt},
		{"int64", "", "as int, with 64 bits everywhere", `{{ int64 "42" }}`, "42", asInt64},
		{"float64", "", "as a number that may have a fraction", `{{ float64 "1.5" }}`, "1.5", asFloat},
		{"atoi", "", "decimal digits as a whole number", `{{ atoi "042" }}`, "42", atoi},
		{"toDecimal", "", "octal digits, as in file modes, as a whole number", `{{ toDecimal "0644" }}`, "420", toDecimal},
		{"toString", "", "as text", `{{ toString 42 }}`, "42", text},
		{"toStrings", "", "the items as text, without those that are nil", `{{ list 1 2 | toStrings | join "-" }}`, "1-2", texts},
		{"typeOf", "", "the Go type", `{{ typeOf 1.5 }}`, "float64", func(v any) string { return fmt.Sprintf("%T", v) }},
		{"typeIs", "", "whether this is the Go type", `{{ typeIs "int" 4 }}`, "true", typeIs},
		{"typeIsLike", "", "as typeIs, or a pointer to it", `{{ typeIsLike "string" "a" }}`, "true", typeIsLike},
		{"kindOf", "", "string, int, map, slice, bool …", `{{ kindOf (list 1) }}`, "slice", kindOf},
		{"kindIs", "", "whether this is the kind", `{{ kindIs "map" (dict) }}`, "true", func(kind string, v any) bool { return kindOf(v) == kind }},
		{"deepEqual", "", "whether two values are equal at every level", `{{ deepEqual (list 1 2) (list 1 2) }}`, "true", deepEqual},
	}
}

func atoi(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%.64q is not a whole number", s)
	}
	return n, nil
}

func toDecimal(v any) (int64, error) {
	s, err := text(v)
	if err != nil || s == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 8, 64)
	if err != nil {
		return 0, fmt.Errorf("%.64q is not an octal number", s)
	}
	return n, nil
}

func typeIs(name string, v any) bool { return fmt.Sprintf("%T", v) == name }

func typeIsLike(name string, v any) bool { return typeIs(name, v) || typeIs("*"+name, v) }

func kindOf(v any) string { return reflect.ValueOf(v).Kind().String() }

func deepEqual(a, b any) (bool, error) {
	if err := weigh([]any{a, b}); err != nil {
		return false, err
	}
	return equal(a, b), nil
}
