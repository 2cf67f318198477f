package apiserver

import "k8s.io/apimachinery/pkg/labels"

// Selects gives the label selector of an [Object] as a function, for objects
// that no server selects. A selector that does not parse selects nothing.
func Selects(labelSelector string) func(map[string]string) bool {
	selector, err := labels.Parse(labelSelector)
	if err != nil {
		selector = labels.Nothing()
	}
	return func(set map[string]string) bool { return selector.Matches(labels.Set(set)) }
}
