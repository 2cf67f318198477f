package funcs

import (
	"fmt"
	"reflect"
	"slices"
)

func listFuncs() []Func {
	return []Func{
		{"list", "tuple", "a list of the values", `{{ list 1 "a" }}`, "[1 a]", func(v ...any) []any { return v }},
		{"append", "push mustAppend mustPush", "the list with one more item at the end", `{{ append (list 1 2) 3 }}`, "[1 2 3]", appendItem},
		{"prepend", "mustPrepend", "the list with one more item in front", `{{ prepend (list 1 2) 0 }}`, "[0 1 2]", prepend},
		{"concat", "", "the lists one after the other", `{{ concat (list 1) (list 2 3) }}`, "[1 2 3]", concat},
		{"first", "mustFirst", "the first item, nil if there is none", `{{ first (list 1 2 3) }}`, "1", first},
		{"last", "mustLast", "the last item, nil if there is none", `{{ last (list 1 2 3) }}`, "3", last},
		{"rest", "mustRest", "all items but the first", `{{ rest (list 1 2 3) }}`, "[2 3]", rest},
		{"initial", "mustInitial", "all items but the last", `{{ initial (list 1 2 3) }}`, "[1 2]", initial},
		{"reverse", "mustReverse", "the items from the last to the first", `{{ reverse (list 1 2 3) }}`, "[3 2 1]", reverse},
		{"uniq", "mustUniq", "each item once", `{{ uniq (list 1 2 1) }}`, "[1 2]", uniq},
		{"compact", "mustCompact", "the items that are not empty", `{{ compact (list 1 "" "a" 0) }}`, "[1 a]", compact},
		{"without", "mustWithout", "the list without these items", `{{ without (list 1 2 3) 2 }}`, "[1 3]", without},
		{"has", "mustHas", "whether an item is in the list", `{{ list 1 2 | has 2 }}`, "true", has},
		{"slice", "mustSlice", "the items, or bytes of a text, from start up to end", `{{ slice (list 1 2 3 4) 1 3 }} {{ slice "abcd" 2 }}`, "[2 3] cd", slice},
		{"chunk", "mustChunk", "the list cut into lists of a size", `{{ list 1 2 3 | chunk 2 }}`, "[[1 2] [3]]", chunk},
		{"until", "", "the numbers from 0 up to, without, this one", `{{ until 3 }}`, "[0 1 2]", until},
		{"untilStep", "", "the numbers from start up to, without, stop, in steps", `{{ untilStep 3 9 3 }}`, "[3 6]", untilStep},
		{"seq", "", "the numbers as text, like seq(1): last; first last; first step last", `{{ seq 3 }}, {{ seq 0 2 6 }}`, "1 2 3, 0 2 4 6", seq},
	}
}

func appendItem(list, item any) ([]any, error) {
	items, err := asList(list)
	if err != nil {
		return nil, err
	}
	return append(slices.Clip(items), item), checkItems(len(items) + 1)
}

func prepend(list, item any) ([]any, error) {
	items, err := asList(list)
	if err != nil {
		return nil, err
	}
	return append([]any{item}, items...), checkItems(len(items) + 1)
}

func concat(lists ...any) ([]any, error) {
	out := []any{}
	for _, list := range lists {
		items, err := asList(list)
		if err != nil {
			return nil, err
		}
		if err := checkItems(len(out) + len(items)); err != nil {
			return nil, err
		}
		out = append(out, items...)
	}
	return out, nil
}

func first(list any) (any, error) {
	items, err := asList(list)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	return items[0], nil
}

func last(list any) (any, error) {
	items, err := asList(list)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	return items[len(items)-1], nil
}

func rest(list any) ([]any, error) {
	items, err := asList(list)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	return slices.Clone(items[1:]), nil
}

func initial(list any) ([]any, error) {
	items, err := asList(list)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	return slices.Clone(items[:len(items)-1]), nil
}

func reverse(list any) ([]any, error) {
	items, err := asList(list)
	items = slices.Clone(items)
	slices.Reverse(items)
	return items, err
}

func compact(list any) ([]any, error) {
	items, err := asList(list)
	return slices.DeleteFunc(slices.Clone(items), empty), err
}

func uniq(list any) ([]any, error) {
	items, err := asList(list)
	if err != nil {
		return nil, err
	}
	if err := weigh(list); err != nil {
		return nil, err
	}
	out := []any{}
	seen := itemSet{}
	for _, item := range items {
		if !seen.has(item) {
			seen.add(item)
			out = append(out, item)
		}
	}
	return out, nil
}

func without(list any, omit ...any) ([]any, error) {
	items, err := asList(list)
	if err != nil {
		return nil, err
	}
	if err := weigh([]any{list, omit}); err != nil {
		return nil, err
	}
	drop := itemSet{}
	for _, item := range omit {
		drop.add(item)
	}
	return slices.DeleteFunc(slices.Clone(items), drop.has), nil
}

func has(item, list any) (bool, error) {
	if list == nil {
		return false, nil
	}
	items, err := asList(list)
	if err != nil {
		return false, err
	}
	if err := weigh([]any{item, list}); err != nil {
		return false, err
	}
	return slices.ContainsFunc(items, func(v any) bool { return equal(item, v) }), nil
}

// itemSet finds plain values at once; only lists and maps are compared one
// by one.
type itemSet struct {
	plain   map[any]bool
	complex []any
}

func (s *itemSet) add(v any) {
	if key, ok := plainKey(v); ok {
		if s.plain == nil {
			s.plain = map[any]bool{}
		}
		s.plain[key] = true
		return
	}
	s.complex = append(s.complex, v)
}

func (s *itemSet) has(v any) bool {
	if key, ok := plainKey(v); ok {
		return s.plain[key]
	}
	return slices.ContainsFunc(s.complex, func(c any) bool { return equal(c, v) })
}

// plainKey gives two values that are equal the same key.
func plainKey(v any) (any, bool) {
	r := reflect.ValueOf(v)
	switch {
	case v == nil, r.Kind() == reflect.Bool, r.Kind() == reflect.String:
		return v, true
	case r.CanInt():
		return r.Int(), true
	case r.CanFloat():
		return r.Float(), true
	}
	return nil, false
}

func slice(v any, bounds ...any) (any, error) {
	if len(bounds) > 2 {
		return nil, fmt.Errorf("takes a start and an end, not %d numbers", len(bounds))
	}
	s, isText := v.(string)
	size := len(s)
	var items []any
	if !isText {
		var err error
		if items, err = asList(v); err != nil {
			return nil, err
		}
		size = len(items)
	}
	at := [2]int{0, size}
	for i, b := range bounds {
		var err error
		if at[i], err = asInt(b); err != nil {
			return nil, err
		}
	}
	if at[0] < 0 || at[1] < at[0] || at[1] > size {
		return nil, fmt.Errorf("cannot take %d up to %d out of %d", at[0], at[1], size)
	}
	if isText {
		return s[at[0]:at[1]], nil
	}
	return slices.Clone(items[at[0]:at[1]]), nil
}

func chunk(size, list any) ([][]any, error) {
	n, err := asInt(size)
	if err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("cannot cut into lists of %d items", n)
	}
	items, err := asList(list)
	return slices.Collect(slices.Chunk(slices.Clone(items), n)), err
}

func until(stop any) ([]int, error) {
	n, err := asInt(stop)
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return count(0, n, -1)
	}
	return count(0, n, 1)
}

func untilStep(start, stop, step any) ([]int, error) {
	n, err := asInts(start, stop, step)
	if err != nil {
		return nil, err
	}
	return count(n[0], n[1], n[2])
}

// count lists numbers from start, without stop. A step in the wrong
// direction gives none.
func count(start, stop, step int) ([]int, error) {
	out := []int{}
	if step == 0 || (stop < start) != (step < 0) {
		return out, nil
	}
	// The span of two ints fits an unsigned one, and so does a step.
	span, stride := uint(stop)-uint(start), uint(step)
	if step < 0 {
		span, stride = -span, -stride
	}
	if span == 0 {
		return out, nil
	}
	items := (span-1)/stride + 1
	if items > maxItems {
		return nil, checkItems(maxItems + 1)
	}
	for i := range int(items) {
		out = append(out, start+i*step)
	}
	return out, nil
}

func seq(params ...any) (string, error) {
	n, err := asInts(params...)
	if err != nil {
		return "", err
	}
	first, step, end := 1, 0, 0
	switch len(n) {
	case 1:
		end = n[0]
	case 2:
		first, end = n[0], n[1]
	case 3:
		first, step, end = n[0], n[1], n[2]
	default:
		return "", fmt.Errorf("takes one to three numbers, not %d", len(n))
	}
	direction := 1
	if end < first {
		direction = -1
	}
	if step == 0 && len(n) < 3 {
		step = direction
	}
	numbers, err := count(first, end+direction, step)
	if err != nil {
		return "", err
	}
	return join(" ", numbers)
}

func asInts(values ...any) ([]int, error) {
	out := make([]int, len(values))
	for i, v := range values {
		var err error
		if out[i], err = asInt(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}
