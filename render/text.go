package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/podfacts/podfacts/watch"
)

// Text writes a fact as one string: a list joined by commas, as Kubernetes
// joins status.podIPs. Maps and objects are no one string.
func Text(fact watch.Fact) (string, error) {
	if text, ok := scalar(fact.Value); ok {
		return text, nil
	}
	switch v := fact.Value.(type) {
	case []string:
		return strings.Join(v, ","), nil
	case []any:
		if text, ok := scalars(v); ok {
			return text, nil
		}
	case map[string]string:
		return "", severalValues(fact.Path, v)
	case map[string]any:
		return "", severalValues(fact.Path, v)
	}
	return "", fmt.Errorf("%s is not one value; use a template", fact.Path)
}

// severalValues names a key that there is.
func severalValues[V any](p watch.Path, m map[string]V) error {
	key := "key"
	if len(m) > 0 {
		key = cmp.Or(slices.Min(slices.Collect(maps.Keys(m))), key)
	}
	return fmt.Errorf("%s is a map, not one value; name one key, as in %s, or use a template", p, p.Key(key))
}

func scalars(list []any) (string, bool) {
	texts := make([]string, len(list))
	for i, v := range list {
		var ok bool
		if texts[i], ok = scalar(v); !ok {
			return "", false
		}
	}
	return strings.Join(texts, ","), true
}

func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true // 1000000, not 1e+06
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
