package funcs

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits on what one function call may make. They are far above any
// configuration file (a ConfigMap holds 1 MiB) and far below what hurts.
const (
	maxText  = 1 << 20 // bytes that a function may multiply its input to
	maxItems = 100_000 // items of a list or map
	maxNodes = 1 << 18 // values in a structure that is copied or written as text
	maxDepth = 1_000   // levels of such a structure
	maxBytes = 1 << 24 // sum of the text in it
)

func checkText(size int) error {
	if size < 0 || size > maxText {
		return fmt.Errorf("the result would be over the limit of %d bytes", maxText)
	}
	return nil
}

func checkItems(n int) error {
	if n < 0 || n > maxItems {
		return fmt.Errorf("the result would be over the limit of %d items", maxItems)
	}
	return nil
}

// asList gives the items of a list of any type. The result may be the list
// itself: callers must not change it.
func asList(v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case []string:
		return boxed(v), nil
	case []int:
		return boxed(v), nil
	case map[string]string:
		if list := partsInOrder(v); list != nil {
			return list, nil
		}
	}
	r := reflect.ValueOf(v)
	if k := r.Kind(); k != reflect.Slice && k != reflect.Array {
		return nil, fmt.Errorf("%s is not a list", describe(v))
	}
	list := make([]any, r.Len())
	for i := range list {
		list[i] = r.Index(i).Interface()
	}
	return list, nil
}

// partsInOrder gives the list that split made into a map, so that
// consul-template's split "," | join ";" works; nil for any other map.
func partsInOrder(m map[string]string) []any {
	list := make([]any, len(m))
	for i := range list {
		part, ok := m["_"+strconv.Itoa(i)]
		if !ok {
			return nil
		}
		list[i] = part
	}
	return list
}

func boxed[T any](in []T) []any {
	out := make([]any, len(in))
	for i, v := range in {
		out[i] = v
	}
	return out
}

// asMap gives the entries of a map with string keys. The result may be the
// map itself: callers must not change it.
func asMap(v any) (map[string]any, error) {
	switch v := v.(type) {
	case map[string]any:
		return v, nil
	case map[string]string:
		m := make(map[string]any, len(v))
		for k, s := range v {
			m[k] = s
		}
		return m, nil
	}
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Map || r.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("%s is not a map with string keys", describe(v))
	}
	m := make(map[string]any, r.Len())
	for i := r.MapRange(); i.Next(); {
		m[i.Key().String()] = i.Value().Interface()
	}
	return m, nil
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// asInt64 reads a whole number the way sprig does: fractions are cut off, nil
// and "" count as zero, true as one, and 0x, 0o and a leading 0 name the base.
// Unlike sprig it reports what is no number.
func asInt64(v any) (int64, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int:
		return int64(v), nil
	case int64:
		return v, nil
	}
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return r.Int(), nil
	case r.CanUint():
		if r.Uint() > math.MaxInt64 {
			return 0, fmt.Errorf("%d is too large", r.Uint())
		}
		return int64(r.Uint()), nil
	case r.CanFloat():
		return truncate(r.Float())
	case r.Kind() == reflect.Bool:
		if r.Bool() {
			return 1, nil
		}
		return 0, nil
	case r.Kind() == reflect.String:
		return parseWhole(r.String())
	}
	return 0, fmt.Errorf("%s is not a whole number", describe(v))
}

func truncate(f float64) (int64, error) {
	// -2^63 is a float64; 2^63-1 is not, its neighbour 2^63 is too large.
	if f != f || f < math.MinInt64 || f >= -math.MinInt64 {
		return 0, fmt.Errorf("%g does not fit a whole number of 64 bits", f)
	}
	return int64(f), nil
}

func parseWhole(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	whole := s
	if head, zeros, ok := strings.Cut(s, "."); ok && head != "" && strings.Trim(zeros, "0") == "" {
		whole = head // 5.00 is whole
	}
	n, err := strconv.ParseInt(whole, 0, 64)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%.64q does not fit a whole number of 64 bits", s)
	case len(whole) > 1 && whole[0] == '0' && strings.Trim(whole, "0123456789") == "":
		return 0, fmt.Errorf("%.64q is not a whole number: the leading 0 makes it octal; use atoi", s)
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, fmt.Errorf("%.64q is not a whole number; use float64 first", s)
	}
	return 0, fmt.Errorf("%.64q is not a whole number", s)
}

// asInt reads counts, widths and positions.
func asInt(v any) (int, error) {
	n, err := asInt64(v)
	if err == nil && int64(int(n)) != n {
		err = fmt.Errorf("%d is too large", n)
	}
	return int(n), err
}

// asFloat reads a number that may have a fraction, with the leniency of
// asInt64.
func asFloat(v any) (float64, error) {
	r := reflect.ValueOf(v)
	switch {
	case v == nil:
		return 0, nil
	case r.CanFloat():
		return finite(r.Float())
	case r.CanUint():
		return float64(r.Uint()), nil
	case r.Kind() == reflect.String:
		s := r.String()
		if s == "" {
			return 0, nil
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(f, 0) || f != f {
			return 0, fmt.Errorf("%.64q is not a number", s)
		}
		return f, nil
	}
	n, err := asInt64(v)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number", describe(v))
	}
	return float64(n), nil
}

func finite(f float64) (float64, error) {
	if math.IsInf(f, 0) || f != f {
		return 0, fmt.Errorf("the result %g is not a number", f)
	}
	return f, nil
}

// text writes a value as a template would print it.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case nil:
		return "", errors.New("there is no value to write as text")
	case []byte:
		return string(v), nil
	case int, int64, float64, bool:
		return fmt.Sprint(v), nil
	}
	if err := weigh(v); err != nil {
		return "", err
	}
	return fmt.Sprint(v), nil
}

// texts writes the items of a list, without those that are nil. What is not
// a list counts as its only item, as in sprig.
func texts(v any) ([]string, error) {
	if v == nil {
		return []string{}, nil
	}
	if list, ok := v.([]string); ok {
		return slices.Clone(list), nil
	}
	list, err := asList(v)
	if _, raw := v.([]byte); err != nil || raw {
		list = []any{v}
	}
	out := make([]string, 0, len(list))
	total := 0
	for _, item := range list {
		if item == nil {
			continue
		}
		s, err := text(item)
		if err != nil {
			return nil, err
		}
		if total += len(s); total > maxBytes {
			return nil, fmt.Errorf("the text is over the limit of %d bytes", maxBytes)
		}
		out = append(out, s)
	}
	return out, nil
}

// weigh refuses what cannot be written as text: functions, channels, and
// structures so large, or so deep, that writing them would not end soon. A
// template makes the latter in forty lines that put a list twice into a list.
func weigh(v any) error {
	w := scale{}
	return w.add(reflect.ValueOf(v), 0)
}

type scale struct{ nodes, bytes int }

func (w *scale) add(v reflect.Value, depth int) error {
	w.nodes++
	switch {
	case w.nodes > maxNodes:
		return fmt.Errorf("the value is over the limit of %d items", maxNodes)
	case w.bytes > maxBytes:
		return fmt.Errorf("the text is over the limit of %d bytes", maxBytes)
	case depth > maxDepth:
		return fmt.Errorf("the value is nested more than %d levels deep", maxDepth)
	}
	switch v.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("a %s cannot be written as text", v.Type())
	case reflect.String:
		w.bytes += v.Len()
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			return w.add(v.Elem(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := w.add(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			if err := w.add(i.Key(), depth+1); err != nil {
				return err
			}
			if err := w.add(i.Value(), depth+1); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		for _, field := range v.Fields() {
			if err := w.add(field, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// equal compares values as a reader of the output would: by number, not by
// its Go type, and a list of strings with a list of anything. The arguments
// must have been weighed.
func equal(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case x.CanInt() && y.CanInt():
		return x.Int() == y.Int()
	case x.CanFloat() && y.CanFloat():
		return x.Float() == y.Float()
	case x.Kind() == reflect.Slice && y.Kind() == reflect.Slice:
		p, _ := asList(a)
		q, _ := asList(b)
		return slices.EqualFunc(p, q, equal)
	case x.Kind() == reflect.Map && y.Kind() == reflect.Map:
		p, errP := asMap(a)
		q, errQ := asMap(b)
		return errP == nil && errQ == nil && maps.EqualFunc(p, q, equal)
	}
	return false
}

// describe names a value in an error, in the words of a template author.
func describe(v any) string {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return "a missing value (nil)"
	case reflect.String:
		return fmt.Sprintf("the text %.64q", r.String())
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map:
		return "a map"
	case reflect.Bool:
		return strconv.FormatBool(r.Bool())
	}
	if r.CanInt() || r.CanUint() || r.CanFloat() {
		return fmt.Sprintf("the number %v", v)
	}
	return fmt.Sprintf("a value of type %T", v)
}
