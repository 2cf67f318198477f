package funcs

import (
	"errors"
	"maps"
	"reflect"
)

func merge(dst any, sources ...any) (map[string]any, error) {
	return mergeAll(dst, sources, false)
}

func mergeOverwrite(dst any, sources ...any) (map[string]any, error) {
	return mergeAll(dst, sources, true)
}

func mergeAll(dst any, sources []any, overwrite bool) (map[string]any, error) {
	own, err := ownMap(dst)
	if err != nil {
		return nil, err
	}
	for _, src := range sources {
		m, err := asMap(src)
		if err != nil {
			return nil, err
		}
		// A copy: changing the result must not change the sources, and a
		// source may hold the destination.
		copied, err := deepCopy(m)
		if err != nil {
			return nil, err
		}
		mergeInto(own, copied.(map[string]any), overwrite)
	}
	return own, nil
}

func mergeInto(dst, src map[string]any, overwrite bool) {
	for k, theirs := range src {
		ours, ok := dst[k]
		theirMap, bothMaps := theirs.(map[string]any)
		if bothMaps && ok && reflect.ValueOf(ours).Kind() == reflect.Map {
			if m, err := asMap(ours); err == nil {
				// The nested map may belong to the facts: merge into a copy.
				merged := maps.Clone(m)
				mergeInto(merged, theirMap, overwrite)
				dst[k] = merged
				continue
			}
		}
		if !ok || overwrite || empty(ours) {
			dst[k] = theirs
		}
	}
}

// deepCopy copies maps and lists at every level, into maps that a template
// may change.
func deepCopy(v any) (any, error) {
	if v == nil {
		return nil, errors.New("there is no value to copy")
	}
	if err := weigh(v); err != nil {
		return nil, err
	}
	return copyOf(v), nil
}

func copyOf(v any) any {
	if m, err := asMap(v); err == nil {
		out := make(map[string]any, len(m))
		for k, v := range m {
			out[k] = copyOf(v)
		}
		return out
	}
	if _, raw := v.([]byte); raw {
		return v // text
	}
	if list, err := asList(v); err == nil {
		out := make([]any, len(list))
		for i, v := range list {
			out[i] = copyOf(v)
		}
		return out
	}
	return v
}

// holds says whether a map can be reached from a value.
func holds(v any, m map[string]any) bool {
	return reaches(reflect.ValueOf(v), reflect.ValueOf(m).Pointer(), map[seen]bool{})
}

// seen is a map or list that was looked at: lists that share a start differ
// in length.
type seen struct {
	at  uintptr
	len int
}

func reaches(v reflect.Value, target uintptr, done map[seen]bool) bool {
	if v.Kind() == reflect.Interface {
		return reaches(v.Elem(), target, done)
	}
	if v.Kind() != reflect.Map && v.Kind() != reflect.Slice {
		return false
	}
	here := seen{v.Pointer(), v.Len()}
	if here.at == target {
		return true
	}
	if here.len == 0 || done[here] {
		return false
	}
	done[here] = true
	if v.Kind() == reflect.Map {
		for i := v.MapRange(); i.Next(); {
			if reaches(i.Value(), target, done) {
				return true
			}
		}
		return false
	}
	for i := range v.Len() {
		if reaches(v.Index(i), target, done) {
			return true
		}
	}
	return false
}
