package funcs

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func stringFuncs() []Func {
	return []Func{
		{"trim", "", "without white space on both ends; with two arguments, without the characters of the first", `[{{ trim "  a " }}] {{ trim "-" "--a-" }}`, "[a] a", trim},
		{"trimAll", "trimall", "without these characters on both ends", `{{ trimAll "$" "$5.00$" }}`, "5.00", func(cutset, s string) string { return strings.Trim(s, cutset) }},
		{"trimPrefix", "", "without this start", `{{ trimPrefix "v" "v1.2" }}`, "1.2", func(prefix, s string) string { return strings.TrimPrefix(s, prefix) }},
		{"trimSuffix", "", "without this end", `{{ trimSuffix ".svc" "db.svc" }}`, "db", func(suffix, s string) string { return strings.TrimSuffix(s, suffix) }},
		{"upper", "", "in upper case", `{{ upper "aB" }}`, "AB", strings.ToUpper},
		{"lower", "", "in lower case", `{{ lower "aB" }}`, "ab", strings.ToLower},
		{"repeat", "", "the text so many times", `{{ repeat 3 "ab" }}`, "ababab", repeat},
		{"substr", "", "the bytes from start up to end; a negative end means to the end", `{{ substr 0 3 "fooo" }}`, "foo", substr},
		{"trunc", "", "the first so many bytes, or with a negative count the last; never half a character", `{{ trunc 3 "fooo" }} {{ trunc -3 "baaar" }}`, "foo aar", trunc},
		{"abbrev", "", "at most so many characters, the rest as ...", `{{ abbrev 5 "hello world" }}`, "he...", func(width any, s string) (string, error) { return abbrevBoth(0, width, s) }},
		{"abbrevboth", "", "an excerpt from about an offset, at most so wide", `{{ abbrevboth 5 10 "1234 5678 9123" }}`, "...5678...", abbrevBoth},
		{"initials", "", "the first letter of each word", `{{ initials "First Try" }}`, "FT", initials},
		{"contains", "", "whether the text, or the list, that stands last holds the first", `{{ contains "cat" "fair catch" }} {{ list "a" "b" | contains "b" }}`, "true true", contains},
		{"hasPrefix", "", "whether a text starts with the first", `{{ hasPrefix "cat" "catch" }}`, "true", func(prefix, s string) bool { return strings.HasPrefix(s, prefix) }},
		{"hasSuffix", "", "whether a text ends with the first", `{{ hasSuffix "cat" "ducat" }}`, "true", func(suffix, s string) bool { return strings.HasSuffix(s, suffix) }},
		{"quote", "", "each value in double quotes, escaped as in Go, JSON or YAML; nil is left out", `{{ quote "a\"b" 1 }}`, `"a\"b" "1"`, quote},
		{"squote", "", "each value in single quotes; an error for a value that holds one", `{{ squote "a" 1 }}`, "'a' '1'", squote},
		{"cat", "", "the values with a space between", `{{ "c" | cat "a" "b" }}`, "a b c", cat},
		{"indent", "", "every line moved right by so many spaces", `{{ indent 2 "a\nb" }}`, "  a\n  b", indent},
		{"nindent", "", "a line break, then indent", `{{ nindent 2 "a\nb" }}`, "\n  a\n  b", nindent},
		{"replace", "replaceAll", "old, new, text: every old as new", `{{ "I Am Henry" | replace " " "-" }}`, "I-Am-Henry", replace},
		{"plural", "", "the first text for a count of one, else the second", `{{ len "two" | plural "byte" "bytes" }}`, "bytes", plural},
		{"join", "", "the items of a list with this between", `{{ list "a" "b" 3 | join "-" }}`, "a-b-3", join},
		{"split", "", "the parts as a map with keys _0, _1 …, which list functions read in that order; to range over them use splitList", `{{ $p := split ":" "db:5432" }}{{ $p._1 }}`, "5432", func(sep, s string) (map[string]string, error) { return splitMap(sep, -1, s) }},
		{"splitn", "", "as split, in at most so many parts", `{{ $p := splitn ":" 2 "a:b:c" }}{{ $p._1 }}`, "b:c", splitn},
		{"splitList", "", "the parts as a list", `{{ splitList "," "a,b" | last }}`, "b", splitList},
		{"sortAlpha", "", "the items as text, sorted", `{{ list "c" "a" 1 | sortAlpha | join "" }}`, "1ac", sortAlpha},
	}
}

func trim(first string, rest ...string) (string, error) {
	switch len(rest) {
	case 0:
		return strings.TrimSpace(first), nil
	case 1:
		return strings.Trim(rest[0], first), nil
	}
	return "", fmt.Errorf("takes one or two arguments, not %d", len(rest)+1)
}

func repeat(count any, s string) (string, error) {
	n, err := asInt(count)
	switch {
	case err != nil:
		return "", err
	case n < 0:
		return "", fmt.Errorf("the count %d is negative", n)
	case len(s) > 0 && n > maxText/len(s):
		return "", checkText(maxText + 1)
	}
	return strings.Repeat(s, n), nil
}

func substr(start, end any, s string) (string, error) {
	from, err := asInt(start)
	if err != nil {
		return "", err
	}
	to, err := asInt(end)
	if err != nil {
		return "", err
	}
	from = max(from, 0)
	if to < 0 || to > len(s) {
		to = len(s)
	}
	if from >= to {
		return "", nil
	}
	return s[runeStart(s, from):runeStart(s, to)], nil
}

func trunc(count any, s string) (string, error) {
	n, err := asInt(count)
	switch {
	case err != nil:
		return "", err
	case n >= 0 && n < len(s):
		return s[:runeStart(s, n)], nil
	case n < 0 && -n < len(s) && -n > 0:
		i := len(s) + n
		for i < len(s) && !utf8.RuneStart(s[i]) {
			i++
		}
		return s[i:], nil
	}
	return s, nil
}

// runeStart moves a position back to where its character begins.
func runeStart(s string, i int) int {
	for i > 0 && i < len(s) && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

func abbrevBoth(offset, width any, s string) (string, error) {
	from, err := asInt(offset)
	if err != nil {
		return "", err
	}
	wide, err := asInt(width)
	if err != nil {
		return "", err
	}
	if wide < 4 || from > 0 && wide < 7 {
		return s, nil
	}
	return abbreviate([]rune(s), from, wide), nil
}

func abbreviate(s []rune, from, width int) string {
	const dots = "..."
	keep := width - len(dots)
	switch from = min(from, len(s)-keep); {
	case len(s) <= width:
		return string(s)
	case from <= 4: // the dots would hide no more than they take
		return string(s[:keep]) + dots
	case from+keep < len(s):
		return dots + abbreviate(s[from:], 0, keep)
	}
	return dots + string(s[len(s)-keep:])
}

func initials(s string) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(s) {
		r, _ := utf8.DecodeRuneInString(word)
		b.WriteRune(r)
	}
	return b.String()
}

// contains serves both dialects: sprig looks for text in text, and
// consul-template also for an item in a list.
func contains(needle, haystack any) (bool, error) {
	if s, ok := haystack.(string); ok {
		part, ok := needle.(string)
		if !ok {
			return false, fmt.Errorf("looks for text in text, not for %s", describe(needle))
		}
		return strings.Contains(s, part), nil
	}
	if k := reflect.ValueOf(haystack).Kind(); k != reflect.Slice && k != reflect.Array {
		return false, fmt.Errorf("looks in text or in a list, not in %s", describe(haystack))
	}
	return has(needle, haystack)
}

func quote(values ...any) (string, error) {
	return quoted(values, func(s string) (string, error) { return strconv.Quote(s), nil })
}

func squote(values ...any) (string, error) {
	return quoted(values, func(s string) (string, error) {
		if strings.Contains(s, "'") {
			return "", fmt.Errorf("%.64q holds a single quote; use shellQuote for sh, quote for YAML and JSON", s)
		}
		return "'" + s + "'", nil
	})
}

func quoted(values []any, wrap func(string) (string, error)) (string, error) {
	var out []string
	for _, v := range values {
		if v == nil {
			continue
		}
		s, err := text(v)
		if err != nil {
			return "", err
		}
		if s, err = wrap(s); err != nil {
			return "", err
		}
		out = append(out, s)
	}
	return strings.Join(out, " "), nil
}

func cat(values ...any) (string, error) { return join(" ", values) }

func indent(spaces any, s string) (string, error) {
	n, err := asInt(spaces)
	if err != nil {
		return "", err
	}
	if n < 0 || n > maxText {
		return "", fmt.Errorf("cannot indent by %d spaces", n)
	}
	if err := checkText(len(s) + n*(strings.Count(s, "\n")+1)); err != nil {
		return "", err
	}
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(s, "\n", "\n"+pad), nil
}

func nindent(spaces any, s string) (string, error) {
	out, err := indent(spaces, s)
	return "\n" + out, err
}

func replace(old, repl, s string) (string, error) {
	if grown := len(repl) - len(old); grown > 0 {
		if n := strings.Count(s, old); n > (maxText-min(len(s), maxText))/grown {
			return "", checkText(maxText + 1)
		}
	}
	return strings.ReplaceAll(s, old, repl), nil
}

func plural(one, many string, count any) (string, error) {
	n, err := asInt64(count)
	if n == 1 {
		return one, err
	}
	return many, err
}

func join(sep string, v any) (string, error) {
	parts, err := texts(v)
	if err != nil {
		return "", err
	}
	size := len(sep) * max(len(parts)-1, 0)
	for _, p := range parts {
		size += len(p)
	}
	if err := checkText(size); err != nil {
		return "", err
	}
	return strings.Join(parts, sep), nil
}

func splitn(sep string, count any, s string) (map[string]string, error) {
	n, err := asInt(count)
	if err != nil {
		return nil, err
	}
	return splitMap(sep, n, s)
}

func splitMap(sep string, n int, s string) (map[string]string, error) {
	if err := checkItems(strings.Count(s, sep)); err != nil {
		return nil, err
	}
	parts := strings.SplitN(s, sep, n)
	m := make(map[string]string, len(parts))
	for i, p := range parts {
		m["_"+strconv.Itoa(i)] = p
	}
	return m, nil
}

func splitList(sep, s string) ([]string, error) {
	if err := checkItems(strings.Count(s, sep)); err != nil {
		return nil, err
	}
	return strings.Split(s, sep), nil
}

func sortAlpha(v any) ([]string, error) {
	list, err := texts(v)
	slices.Sort(list)
	return list, err
}
