package apiserver

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/podfacts/podfacts/watch/object"
)

// Selects gives the selectors of an [Object] as a function, for objects that no
// server selects. Selectors that do not parse select nothing. Which fields can
// stand in one depends on the kind, which is for a server to know.
func Selects(labelSelector, fieldSelector string) func(o map[string]any) bool {
	byLabels, err := labels.Parse(labelSelector)
	byFields, fieldErr := fields.ParseSelector(fieldSelector)
	if err != nil || fieldErr != nil {
		return func(map[string]any) bool { return false }
	}
	return func(o map[string]any) bool {
		set := make(fields.Set)
		for _, r := range byFields.Requirements() {
			set[r.Field] = fieldText(o, r.Field)
		}
		return byLabels.Matches(labels.Set(object.Strings(o, "metadata", "labels"))) && byFields.Matches(set)
	}
}

// fieldText is the text of a field such as spec.nodeName, empty where it is not set.
func fieldText(o map[string]any, field string) string {
	keys := strings.Split(field, ".")
	last := len(keys) - 1
	if value, ok := object.Map(o, keys[:last]...)[keys[last]]; ok && value != nil {
		return fmt.Sprint(value)
	}
	return ""
}
