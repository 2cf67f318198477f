package funcs

import (
	"errors"
	"fmt"
	"maps"
)

func mapFuncs() []Func {
	return []Func{
		{"dict", "", "a map of keys and values", `{{ dict "a" 1 "b" 2 }}`, "map[a:1 b:2]", dict},
		{"get", "", "the value under a key, empty text if there is none", `{{ get (dict "a" 1) "a" }}`, "1", get},
		{"hasKey", "", "whether a map has a key", `{{ hasKey (dict "a" 1) "a" }}`, "true", hasKey},
		{"set", "", "sets a key of a map that the template made, and gives the map", `{{ set (dict "a" 1) "b" 2 }}`, "map[a:1 b:2]", set},
		{"unset", "", "removes a key of a map that the template made, and gives the map", `{{ unset (dict "a" 1 "b" 2) "a" }}`, "map[b:2]", unset},
		{"keys", "", "the keys, sorted, of one map after the other", `{{ keys (dict "b" 1 "a" 2) }}`, "[a b]", keys},
		{"values", "", "the values in the order of their keys", `{{ values (dict "b" 1 "a" 2) }}`, "[2 1]", values},
		{"pluck", "", "the values under one key in several maps", `{{ pluck "a" (dict "a" 1) (dict "a" 2) }}`, "[1 2]", pluck},
		{"pick", "", "a map with only these keys", `{{ pick (dict "a" 1 "b" 2) "a" }}`, "map[a:1]", pick},
		{"omit", "", "a map without these keys", `{{ omit (dict "a" 1 "b" 2) "a" }}`, "map[b:2]", omit},
		{"dig", "", "keys, default, map: the value deep inside, else the default", `{{ dict "a" (dict "b" 1) | dig "a" "b" 0 }}`, "1", dig},
		{"merge", "mustMerge mergeMap", "fills what is missing or empty in the first map from the next ones, at every level", `{{ merge (dict "a" 1) (dict "a" 2 "b" 3) }}`, "map[a:1 b:3]", merge},
		{"mergeOverwrite", "mustMergeOverwrite mergeMapWithOverride", "as merge, but later maps win", `{{ mergeOverwrite (dict "a" 1) (dict "a" 2) }}`, "map[a:2]", mergeOverwrite},
		{"deepCopy", "mustDeepCopy", "a copy at every level", `{{ deepCopy (dict "a" (list 1)) }}`, "map[a:[1]]", deepCopy},
	}
}

func dict(pairs ...any) (map[string]any, error) {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		key, err := text(pairs[i])
		if err != nil {
			return nil, err
		}
		if i+1 == len(pairs) {
			return nil, fmt.Errorf("the last key %.64q has no value", key)
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

func get(m any, key string) (any, error) {
	entries, err := asMap(m)
	if v, ok := entries[key]; ok {
		return v, nil
	}
	return "", err
}

func hasKey(m any, key string) (bool, error) {
	entries, err := asMap(m)
	_, ok := entries[key]
	return ok, err
}

// readOnly keeps the label and annotation maps of a snapshot, which every
// output shares, from being changed by one template.
const readOnly = "this map belongs to the facts and is read only; change a copy of it: merge (dict) MAP"

// ownMap gives a map that a template may change: those that dict and the
// parsers make.
func ownMap(m any) (map[string]any, error) {
	if own, ok := m.(map[string]any); ok && own != nil {
		return own, nil
	}
	if _, err := asMap(m); err != nil {
		return nil, err
	}
	return nil, errors.New(readOnly)
}

func set(m any, key string, value any) (map[string]any, error) {
	own, err := ownMap(m)
	if err != nil {
		return nil, err
	}
	// A map inside itself has no end: printing it would never stop.
	if holds(value, own) {
		return nil, fmt.Errorf("the value for key %.64q holds the map itself; store a deepCopy", key)
	}
	own[key] = value
	return own, checkItems(len(own))
}

func unset(m any, key string) (map[string]any, error) {
	own, err := ownMap(m)
	delete(own, key)
	return own, err
}

func keys(dicts ...any) ([]string, error) {
	out := []string{}
	for _, d := range dicts {
		m, err := asMap(d)
		if err != nil {
			return nil, err
		}
		out = append(out, sortedKeys(m)...)
	}
	return out, checkItems(len(out))
}

func values(d any) ([]any, error) {
	m, err := asMap(d)
	out := make([]any, 0, len(m))
	for _, k := range sortedKeys(m) {
		out = append(out, m[k])
	}
	return out, err
}

func pluck(key string, dicts ...any) ([]any, error) {
	out := []any{}
	for _, d := range dicts {
		m, err := asMap(d)
		if err != nil {
			return nil, err
		}
		if v, ok := m[key]; ok {
			out = append(out, v)
		}
	}
	return out, nil
}

// pick and omit take the keys one by one, as sprig does, or as lists.
func pick(d any, keys ...any) (map[string]any, error) {
	m, err := asMap(d)
	if err != nil {
		return nil, err
	}
	names, err := keyNames(keys)
	out := map[string]any{}
	for _, k := range names {
		if v, ok := m[k]; ok {
			out[k] = v
		}
	}
	return out, err
}

func omit(d any, keys ...any) (map[string]any, error) {
	m, err := asMap(d)
	if err != nil {
		return nil, err
	}
	names, err := keyNames(keys)
	out := maps.Clone(m)
	for _, k := range names {
		delete(out, k)
	}
	return out, err
}

func keyNames(keys []any) ([]string, error) {
	var names []string
	for _, k := range keys {
		more, err := texts(k)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	return names, nil
}

func dig(args ...any) (any, error) {
	if len(args) < 3 {
		return nil, fmt.Errorf("takes one or more keys, a default and a map, not %d arguments", len(args))
	}
	n := len(args) - 2
	fallback, v := args[n], args[n+1]
	for i, key := range args[:n] {
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("%s is not a key", describe(key))
		}
		if v == nil && i > 0 { // an empty value in YAML
			return fallback, nil
		}
		m, err := asMap(v)
		if err != nil {
			return nil, fmt.Errorf("looking for key %.64q: %w", name, err)
		}
		if v, ok = m[name]; !ok {
			return fallback, nil
		}
	}
	return v, nil
}
