package object

import (
	"math"
	"strconv"
)

// Map returns the map at a path of keys, or nil.
func Map(o map[string]any, path ...string) map[string]any {
	for _, key := range path {
		o, _ = o[key].(map[string]any)
	}
	return o
}

// Text returns the string at a path of keys, or an empty string.
func Text(o map[string]any, path ...string) string {
	text, _ := field(o, path).(string)
	return text
}

// Flag returns the boolean at a path of keys, or false.
func Flag(o map[string]any, path ...string) bool {
	flag, _ := field(o, path).(bool)
	return flag
}

// Integer returns the whole number at a path of keys.
func Integer(o map[string]any, path ...string) (int64, bool) {
	switch n := normalize(field(o, path)).(type) {
	case int64:
		return n, true
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n), true
		}
	}
	return 0, false
}

// List returns the maps of the list at a path of keys.
func List(o map[string]any, path ...string) []map[string]any {
	list, _ := field(o, path).([]any)
	maps := make([]map[string]any, 0, len(list))
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			maps = append(maps, m)
		}
	}
	return maps
}

// Strings returns the map of strings at a path of keys: labels, annotations, a
// selector. It is never nil.
func Strings(o map[string]any, path ...string) map[string]string {
	m := Map(o, path...)
	texts := make(map[string]string, len(m))
	for key, value := range m {
		if text, ok := value.(string); ok {
			texts[key] = text
		}
	}
	return texts
}

// Name returns the kind, namespace and name of an object as people say it:
// "Pod shop/web-1", "Node n0".
func Name(o map[string]any) string {
	name := Text(o, "metadata", "name")
	if namespace := Text(o, "metadata", "namespace"); namespace != "" {
		name = namespace + "/" + name
	}
	if kind := Text(o, "kind"); kind != "" {
		return kind + " " + name
	}
	return name
}

func field(o map[string]any, path []string) any {
	last := len(path) - 1
	return Map(o, path[:last]...)[path[last]]
}

// numberText writes a number as it stood in JSON or YAML. Kubernetes reads a
// quantity without quotes by its text.
func numberText(value any) (string, bool) {
	switch n := normalize(value).(type) {
	case string:
		return n, true
	case int64:
		return strconv.FormatInt(n, 10), true
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64), true
	}
	return "", false
}

// normalize copies a value. Whole numbers become int64, as Kubernetes' own
// decoder makes them, so that an object reads the same from any source.
func normalize(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return copyMap(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = normalize(item)
		}
		return list
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
		return float64(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	}
	return value
}

func copyMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	to := make(map[string]any, len(m))
	for key, value := range m {
		to[key] = normalize(value)
	}
	return to
}

// Copy returns a deep copy of an object, with its numbers as int64 and float64.
// The copy of nil is nil.
func Copy(o map[string]any) map[string]any { return copyMap(o) }
