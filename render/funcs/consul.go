package funcs

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// consulFuncs are those that sprig has not, or not under this name.
func consulFuncs() []Func {
	return []Func{
		{"base64URLEncode", "", "as base64 for URLs", `{{ base64URLEncode "??>" }}`, "Pz8-", func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }},
		{"base64URLDecode", "", "the text that was written as base64 for URLs", `{{ base64URLDecode "Pz8-" }}`, "??>", decoder("base64 for URLs", base64.URLEncoding.DecodeString)},
		{"in", "", "whether a list, or a text, holds an item", `{{ in (list "a" "b") "b" }}`, "true", func(haystack, needle any) (bool, error) { return contains(needle, haystack) }},
		{"containsAll", "", "whether every item of the first is in the second", `{{ containsAll (list "a" "b") (list "a" "b" "c") }}`, "true", containing(func(found, asked int) bool { return found == asked })},
		{"containsAny", "", "whether one item of the first is in the second", `{{ containsAny (list "a" "x") (list "a" "b") }}`, "true", containing(func(found, _ int) bool { return found > 0 })},
		{"containsNone", "", "whether no item of the first is in the second", `{{ containsNone (list "x") (list "a" "b") }}`, "true", containing(func(found, _ int) bool { return found == 0 })},
		{"containsNotAll", "", "whether one item of the first is not in the second", `{{ containsNotAll (list "a" "x") (list "a" "b") }}`, "true", containing(func(found, asked int) bool { return found < asked })},
		{"toLower", "", "in lower case", `{{ toLower "aB" }}`, "ab", strings.ToLower},
		{"toUpper", "", "in upper case", `{{ toUpper "aB" }}`, "AB", strings.ToUpper},
		{"toTitle", "", "each word with a capital first letter", `{{ toTitle "a test" }}`, "A Test", toTitle},
		{"trimSpace", "", "without white space on both ends", `[{{ trimSpace " a " }}]`, "[a]", strings.TrimSpace},
		{"splitToMap", "", "separator of entries, of key and value, text: the map", `{{ splitToMap "," "=" "a=1,b=2" }}`, "map[a:1 b:2]", splitToMap},
		{"explodeMap", "", "a map with keys a/b as maps inside maps", `{{ explodeMap (dict "a/b" 1 "a/c" 2) }}`, "map[a:map[b:1 c:2]]", explodeMap},
		{"loop", "", "the numbers from 0, or from the first, up to, without, the last", `{{ range loop 2 5 }}{{ . }}{{ end }}`, "234", loop},
		{"parseBool", "", "true or false", `{{ parseBool "true" }}`, "true", parseBool},
		{"parseFloat", "", "a number that may have a fraction", `{{ parseFloat "1.5" }}`, "1.5", func(s string) (float64, error) { return asFloat(s) }},
		{"parseInt", "", "decimal digits as a whole number", `{{ parseInt "042" }}`, "42", parseInt},
		{"parseUint", "", "as parseInt, not below zero", `{{ parseUint "42" }}`, "42", parseUint},
		{"parseJSON", "", "as fromJson; an empty text is an empty map", `{{ (parseJSON "{\"a\": 1}").a }}`, "1", parseJSON},
		{"parseYAML", "", "as fromYaml", `{{ (parseYAML "a: 1").a }}`, "1", fromYAML},
		{"toTOML", "", "as toToml, without a line break at the end", `{{ dict "a" 1 | toTOML }}`, "a = 1", toTrimmedTOML},
		{"toUnescapedJSONPretty", "", "as toPrettyJson, with <, > and & as they are", `{{ toUnescapedJSONPretty (list "<") }}`, "[\n  \"<\"\n]", func(v any) (string, error) { return toJSON(v, false, "  ") }},
		{"subtract", "", "the second minus the first, which a pipe puts last", `{{ 5 | subtract 2 }} {{ 1.5 | subtract 1 }}`, "3 0.5", arithmetic(minus, func(a, b float64) float64 { return a - b })},
		{"multiply", "", "the product", `{{ 2 | multiply 3 }}`, "6", arithmetic(times, func(a, b float64) float64 { return a * b })},
		{"divide", "", "the second divided by the first; whole numbers without the rest", `{{ 9 | divide 4 }} {{ 9.0 | divide 4 }}`, "2 2.25", arithmetic(divide, func(a, b float64) float64 { return a / b })},
		{"modulo", "", "the rest of dividing the second by the first", `{{ 9 | modulo 4 }}`, "1", func(b, a any) (int64, error) { return fold(a, []any{b}, modulo) }},
		{"minimum", "", "the smaller number", `{{ 2 | minimum 1.5 }}`, "1.5", extreme(-1)},
		{"maximum", "", "the larger number", `{{ 2 | maximum 1.5 }}`, "2", extreme(1)},
	}
}

// containing counts how many of the first items are in the second.
func containing(enough func(found, asked int) bool) func(items, in any) (bool, error) {
	return func(items, in any) (bool, error) {
		asked, err := asList(items)
		if err != nil {
			return false, err
		}
		found := 0
		for _, item := range asked {
			ok, err := contains(item, in)
			if err != nil {
				return false, err
			}
			if ok {
				found++
			}
		}
		return enough(found, len(asked)), nil
	}
}

// toTitle leaves a letter after an apostrophe or a dot alone, unlike title.
func toTitle(s string) string {
	return mapFirst(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("_'’.", r)
	}, unicode.ToTitle)
}

func splitToMap(entrySep, keySep, s string) (map[string]string, error) {
	if err := checkItems(strings.Count(s, entrySep)); err != nil {
		return nil, err
	}
	m := map[string]string{}
	for entry := range strings.SplitSeq(strings.TrimSpace(s), entrySep) {
		if k, v, ok := strings.Cut(entry, keySep); ok {
			m[k] = v
		}
	}
	return m, nil
}

func explodeMap(flat any) (map[string]any, error) {
	// A copy, because a/b goes into the map that is the value of a.
	copied, err := deepCopy(flat)
	if err != nil {
		return nil, err
	}
	m, err := asMap(copied)
	if err != nil {
		return nil, err
	}
	root := map[string]any{}
	for _, key := range sortedKeys(m) { // a is seen before a/b
		if strings.Count(key, "/") > maxDepth {
			return nil, fmt.Errorf("the key %.64q is nested more than %d levels deep", key, maxDepth)
		}
		node, name := root, key
		for {
			top, below, nested := strings.Cut(name, "/")
			if !nested {
				break
			}
			next, ok := node[top].(map[string]any)
			if _, taken := node[top]; taken && !ok {
				return nil, fmt.Errorf("the key %.64q needs a map at %.64q, which has a value", key, top)
			}
			if next == nil {
				next = map[string]any{}
				node[top] = next
			}
			node, name = next, below
		}
		if name != "" {
			node[name] = m[key]
		}
	}
	return root, nil
}

func loop(bounds ...any) ([]int, error) {
	n, err := asInts(bounds...)
	switch {
	case err != nil:
		return nil, err
	case len(n) == 1:
		return count(0, n[0], 1)
	case len(n) == 2:
		return count(n[0], n[1], 1)
	}
	return nil, fmt.Errorf("takes one or two numbers, not %d", len(n))
}

func parseBool(s string) (bool, error) {
	if s == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		return false, fmt.Errorf("%.64q is neither true nor false", s)
	}
	return b, nil
}

func parseInt(s string) (int64, error) {
	n, err := atoi(s)
	return int64(n), err
}

func parseUint(s string) (uint64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.64q is not a whole number of zero or more", s)
	}
	return n, nil
}

func parseJSON(s string) (any, error) {
	if s == "" {
		return map[string]any{}, nil
	}
	return fromJSON(s)
}

func toTrimmedTOML(v any) (string, error) {
	s, err := toTOML(v)
	return strings.TrimSpace(s), err
}

// arithmetic counts in whole numbers unless one argument has a fraction.
// consul-template's order, last argument first, suits pipes.
func arithmetic(whole wholeOp, fractional func(a, b float64) float64) func(b, a any) (any, error) {
	return func(b, a any) (any, error) {
		if !isFraction(a) && !isFraction(b) {
			return fold(a, []any{b}, whole)
		}
		x, err := asFloat(a)
		if err != nil {
			return nil, err
		}
		y, err := asFloat(b)
		if err != nil {
			return nil, err
		}
		return finite(fractional(x, y))
	}
}

func isFraction(v any) bool {
	r := reflect.ValueOf(v)
	return r.CanFloat() || r.Kind() == reflect.String && strings.ContainsAny(r.String(), ".eE") && !strings.HasPrefix(r.String(), "0x")
}

// extreme gives the argument itself, with its type: the larger for sign 1,
// the smaller for -1.
func extreme(sign float64) func(b, a any) (any, error) {
	return func(b, a any) (any, error) {
		x, err := asFloat(a)
		if err != nil {
			return nil, err
		}
		y, err := asFloat(b)
		if err != nil {
			return nil, err
		}
		if sign*(x-y) > 0 {
			return a, nil
		}
		return b, nil
	}
}
