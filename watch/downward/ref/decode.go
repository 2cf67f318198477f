package ref

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

// Decoder reads a piece of a pod spec that was decoded from YAML or JSON, and
// collects everything that is wrong with it.
type Decoder struct{ err *multierror.Error }

// Fail notes a complaint, unless it is empty.
func (d *Decoder) Fail(complaint string) {
	if complaint != "" {
		d.err = multierror.Append(d.err, errors.New(complaint))
	}
}

// OK reports whether there is nothing to complain about so far.
func (d *Decoder) OK() bool { return d.err == nil }

// Done returns all complaints, each with the name of what they are about.
func (d *Decoder) Done(about, name string) error {
	if d.err == nil {
		return nil
	}
	all := &multierror.Error{}
	for _, err := range d.err.Errors {
		all.Errors = append(all.Errors, fmt.Errorf("%s %q: %w", about, name, err))
	}
	return all
}

// Known complains of keys that are not among names.
func (d *Decoder) Known(where string, object map[string]any, names ...string) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if slices.Contains(names, key) {
			continue
		}
		complaint := fmt.Sprintf("unknown key %q", strings.TrimPrefix(where+"."+key, "."))
		if nearest := watch.Nearest(key, names); nearest != "" {
			complaint += fmt.Sprintf("; did you mean %q?", nearest)
		}
		d.Fail(complaint)
	}
}

// Object returns a map below parent, or nil where there is none.
func (d *Decoder) Object(parent map[string]any, name string) map[string]any {
	switch v := parent[name].(type) {
	case nil:
	case map[string]any:
		return v
	default:
		d.Fail(name + " is not a map")
	}
	return nil
}

// Text returns a string below parent, or an empty one where there is none.
func (d *Decoder) Text(parent map[string]any, name string) string {
	switch v := parent[name].(type) {
	case nil:
	case string:
		return v
	default:
		d.Fail(name + " is not a string")
	}
	return ""
}

// Ref reads the fieldRef or resourceFieldRef below parent.
func (d *Decoder) Ref(parent map[string]any, in Place) (fact watch.Path, divisor resource.Quantity) {
	field, resourceField := d.Object(parent, "fieldRef"), d.Object(parent, "resourceFieldRef")
	switch {
	case field != nil && resourceField != nil:
		d.Fail("fieldRef and resourceFieldRef exclude each other")
	case field != nil:
		fact = d.field(field, in)
	case resourceField != nil:
		fact, divisor = d.resource(resourceField, in)
	case parent["fieldRef"] == nil && parent["resourceFieldRef"] == nil:
		d.Fail("says neither fieldRef nor resourceFieldRef")
	}
	return fact, divisor
}

func (d *Decoder) field(ref map[string]any, in Place) watch.Path {
	d.Known("fieldRef", ref, "fieldPath", "apiVersion")
	if v := d.Text(ref, "apiVersion"); v != "" && v != "v1" {
		d.Fail(fmt.Sprintf("fieldRef.apiVersion %q is not v1", v))
	}
	s := d.Text(ref, "fieldPath")
	if s == "" {
		d.Fail("fieldRef has no fieldPath")
		return ""
	}
	p, err := watch.ParsePath(s)
	if err != nil || in.FieldPath(p) != s { // ParsePath knows more ways to write it
		d.Fail(fmt.Sprintf("fieldPath %q is none that a %s can hold; use %s", s, in, in.fields()))
		return ""
	}
	return p
}

func (d *Decoder) resource(ref map[string]any, in Place) (fact watch.Path, divisor resource.Quantity) {
	d.Known("resourceFieldRef", ref, "containerName", "resource", "divisor")
	container, s := d.Text(ref, "containerName"), d.Text(ref, "resource")
	kind, name, _ := strings.Cut(s, ".")
	switch {
	case container == "" && in == Variable:
		d.Fail("resourceFieldRef has no containerName; podfacts does not know the name of its own container, so add it here")
	case container == "":
		d.Fail("resourceFieldRef has no containerName, which volumes need")
	case !DNSLabel(container):
		d.Fail(fmt.Sprintf("containerName %q cannot be the name of a container", container))
	}
	known := (kind == "limits" || kind == "requests") && KnownResource(name)
	if !known {
		d.Fail(fmt.Sprintf("resource %q is none that a %s can hold; use %s", s, in, resources))
	}
	if v := ref["divisor"]; v != nil {
		var err error
		if divisor, err = watch.ParseQuantity(fmt.Sprint(v)); err != nil {
			d.Fail(fmt.Sprintf("divisor %.32v is not a quantity such as 1m or 1Mi", v))
		} else if err := watch.CheckDivisor(name, divisor); known && err != nil {
			d.Fail(err.Error())
		}
	}
	return ResourcePath(container, kind, name), divisor
}
