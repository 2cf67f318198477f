package funcs

import (
	"errors"
	"reflect"
	"slices"
)

func defaultFuncs() []Func {
	return []Func{
		{"default", "", "the value, or what stands first if it is empty", `{{ "" | default "info" }}`, "info", orDefault},
		{"required", "", "the value; an error with this message if it is nil or empty text", `{{ required "zone is needed" "a" }}`, "a", required},
		{"fail", "", "stops with this message", `{{ if false }}{{ fail "no" }}{{ end }}ok`, "ok", fail},
		{"empty", "", "whether a value is nil, false, 0, or has no text or items", `{{ empty "" }} {{ empty "a" }}`, "true false", empty},
		{"coalesce", "", "the first value that is not empty", `{{ coalesce 0 "" "b" "c" }}`, "b", coalesce},
		{"all", "", "whether no value is empty", `{{ all 1 "a" }} {{ all 1 "" }}`, "true false", all},
		{"any", "", "whether one value is not empty", `{{ any 0 "a" }} {{ any 0 "" }}`, "true false", anyOf},
		{"ternary", "", "the first value if the last is true, else the second", `{{ true | ternary "on" "off" }}`, "on", ternary},
	}
}

func orDefault(fallback any, given ...any) any {
	if len(given) == 0 || empty(given[0]) {
		return fallback
	}
	return given[0]
}

func required(message string, v any) (any, error) {
	if v == nil || v == "" {
		return nil, errors.New(message)
	}
	return v, nil
}

func fail(message string) (string, error) { return "", errors.New(message) }

func empty(v any) bool {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Struct:
		return false
	case reflect.Array, reflect.Slice, reflect.Map, reflect.String:
		return r.Len() == 0
	}
	return r.IsZero()
}

func coalesce(values ...any) any {
	for _, v := range values {
		if !empty(v) {
			return v
		}
	}
	return nil
}

func all(values ...any) bool {
	return !slices.ContainsFunc(values, empty)
}

func anyOf(values ...any) bool { return coalesce(values...) != nil }

// ternary takes only a true bool: the text "false" of a label would count as
// true otherwise.
func ternary(yes, no any, cond bool) any {
	if cond {
		return yes
	}
	return no
}
