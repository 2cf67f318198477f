package apiserver

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/podfacts/podfacts/watch"
)

// AllNamespaces as the Namespace of an [Object] selects in every namespace.
const AllNamespaces = "*"

// Object asks for objects.<ID>: one object by its name, or a list by selectors.
type Object struct {
	ID               string
	APIVersion, Kind string
	// Namespace is where to look. Empty means the pod's own, [AllNamespaces]
	// every one. Kinds that have no namespace ignore it.
	Namespace string
	// Name asks for one object. Without it the selectors give a list; empty
	// ones select everything.
	Name                         string
	LabelSelector, FieldSelector string
	// Optional objects may be absent. A list is never absent.
	Optional bool
}

// Validate reports everything that is wrong with o, joined.
func (o Object) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("object %q: %s", o.ID, fmt.Sprintf(format, args...)))
	}
	if o.ID == "" {
		wrong("id is required; it is the name under objects")
	}
	if o.Kind == "" {
		wrong("kind is required, such as ConfigMap")
	}
	if gv, err := schema.ParseGroupVersion(o.APIVersion); err != nil {
		wrong("apiVersion %q is not written GROUP/VERSION", o.APIVersion)
	} else if gv.Version == "" {
		wrong("apiVersion is required, such as v1 or apps/v1")
	}
	if o.Name != "" && o.LabelSelector+o.FieldSelector != "" {
		wrong("name and selectors exclude each other; name asks for one object, selectors for a list")
	}
	if o.Name != "" && o.Namespace == AllNamespaces {
		wrong("one object is in one namespace; give its namespace, or a selector in place of the name")
	}
	if _, err := labels.Parse(o.LabelSelector); err != nil {
		wrong("labelSelector %q: %v", o.LabelSelector, err)
	}
	if _, err := fields.ParseSelector(o.FieldSelector); err != nil {
		wrong("fieldSelector %q: %v", o.FieldSelector, err)
	}
	return watch.Join(errs...)
}

// question asks for the object on behalf of a pod in a namespace.
func (o Object) question(own string) question {
	q := question{
		part: partObjects, id: o.ID, apiVersion: o.APIVersion, kind: o.Kind, namespace: cmp.Or(o.Namespace, own),
		name: o.Name, labels: o.LabelSelector, fields: o.FieldSelector, optional: o.Optional,
	}
	if o.Namespace == AllNamespaces {
		q.namespace = ""
	}
	return q
}

// path is the fact that the object becomes.
func (o Object) path() watch.Path { return watch.Path("objects").Key(o.ID) }
