package config

import (
	"strings"

	"gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

// entry reads one env entry: podfacts' own form, or one pasted from a pod
// spec. ok is false where it is of no use.
func (r outputsReader) entry(n *yaml.Node, e *render.Env) (entry render.Entry, ok bool) {
	entry = render.Entry{Where: r.where(n)}
	before := len(r.mistakes)
	var from, fallback, divisor string
	var given struct{ from, value, valueFrom, fallback, percent, divisor bool }
	r.mapping(n, "env entry",
		field{"name", r.text("name", &entry.Name)},
		field{"from", func(n *yaml.Node) { given.from = true; r.text("from", &from)(n) }},
		field{"value", func(n *yaml.Node) { given.value = true; r.text("value", &entry.Value)(n) }},
		field{"valueFrom", func(n *yaml.Node) {
			given.valueFrom = true
			from, divisor = r.valueFrom(n, e.Container)
		}},
		field{"default", func(n *yaml.Node) { given.fallback = true; r.text("default", &fallback)(n) }},
		field{"percent", func(n *yaml.Node) { given.percent = true; r.number("percent", &entry.Percent)(n) }},
		field{"divisor", func(n *yaml.Node) { given.divisor = true; r.text("divisor", &divisor)(n) }},
		field{"allowUnset", r.boolean("allowUnset", &entry.AllowUnset)})

	switch {
	case len(r.mistakes) > before:
		return entry, false
	case entry.Name == "":
		r.fail(n, "env entry has no name; give it that of a variable")
		return entry, false
	case !given.from && !given.valueFrom && !given.value:
		r.fail(n, "%s: has no value; give it from, with a fact, or value, with text", entry.Name)
		return entry, false
	case given.from && from == "":
		r.fail(n, "%s: from is empty; name a fact, such as pod.name", entry.Name)
		return entry, false
	case given.from && given.valueFrom || given.value && (given.from || given.valueFrom):
		r.fail(n, "%s: from, value and valueFrom exclude each other", entry.Name)
		return entry, false
	case given.value && (given.fallback || given.percent || given.divisor || entry.AllowUnset):
		r.fail(n, "%s: default, percent, divisor and allowUnset belong to from, and text has no use for them", entry.Name)
		return entry, false
	}
	if given.fallback {
		entry.Default = &fallback
	}
	if err := e.Dialect.CheckName(entry.Name); err != nil {
		r.fail(n, "%w", err)
	} else {
		r.literals(n, e, entry)
	}
	if given.value {
		return entry, len(r.mistakes) == before
	}

	path, err := watch.ParsePath(from)
	if err != nil {
		r.fail(n, "%s: %w", entry.Name, err)
		return entry, false
	}
	entry.From = render.InContainer(path, e.Container)
	r.arithmetic(n, &entry, divisor, given.percent)
	return entry, len(r.mistakes) == before
}

// literals finds text that the dialect will refuse whatever the facts are.
func (r outputsReader) literals(n *yaml.Node, e *render.Env, entry render.Entry) {
	if e.SkipInvalid {
		return
	}
	text := entry.Value
	if entry.Default != nil {
		text = *entry.Default
	} else if text == "" || strings.Contains(text, "$(") {
		return // a fact, or text that is not known yet
	}
	if _, invalid := e.Dialect.Append(nil, []envfile.Entry{{Name: entry.Name, Value: text}}); len(invalid) > 0 {
		r.fail(n, "%w", invalid[0])
	}
}

// arithmetic reads percent and divisor, which only quantities have.
func (r outputsReader) arithmetic(n *yaml.Node, entry *render.Entry, divisor string, percent bool) {
	kind, _ := watch.KindOf(entry.From)
	if (divisor != "" || percent) && kind != watch.Quantity {
		r.fail(n, "%s: percent and divisor need a quantity, and %s is none", entry.Name, entry.From)
		return
	}
	if percent && (entry.Percent <= 0 || entry.Percent > 1000) {
		r.fail(n, "%s: percent is %v, but must be above 0 and at most 1000", entry.Name, entry.Percent)
	}
	if kind == watch.Strings || kind == watch.Quantities || kind == watch.Objects {
		r.fail(n, "%s: %s is not one value; name one key, as in %s, or use a template", entry.Name, entry.From, entry.From.Key("key"))
	}
	if divisor == "" {
		return
	}
	var err error
	if entry.Divisor, err = resource.ParseQuantity(divisor); err != nil || entry.Divisor.Sign() < 0 {
		r.fail(n, "%s: divisor %q is not a quantity such as 1m or 1Mi", entry.Name, divisor)
		return
	}
	_, name := entry.From.Parent()
	if err := watch.CheckDivisor(name, entry.Divisor); err != nil {
		r.fail(n, "%s: %w", entry.Name, err)
	}
}

// valueFrom reads the part of a pod's env entry. A resourceFieldRef without
// divisor divides by 1, as in a pod.
func (r outputsReader) valueFrom(n *yaml.Node, container string) (from, divisor string) {
	elsewhere := func(kind string) field {
		return field{kind, func(n *yaml.Node) {
			r.fail(n, "%s is resolved by the kubelet, not by podfacts; leave it in the pod's env", kind)
		}}
	}
	before := len(r.mistakes)
	given := make(map[string]bool)
	r.mapping(n, "valueFrom",
		field{"fieldRef", func(n *yaml.Node) {
			var version string
			given["fieldRef"] = true
			r.mapping(n, "fieldRef", field{"fieldPath", r.text("fieldPath", &from)}, field{"apiVersion", r.text("apiVersion", &version)})
		}},
		field{"resourceFieldRef", func(n *yaml.Node) {
			given["resourceFieldRef"] = true
			divisor = "1"
			r.mapping(n, "resourceFieldRef",
				field{"containerName", r.text("containerName", &container)},
				field{"resource", r.text("resource", &from)},
				field{"divisor", func(n *yaml.Node) {
					if r.text("divisor", &divisor)(n); divisor == "0" {
						divisor = "1"
					}
				}})
			from = string(render.InContainer(watch.Path(from), container))
		}},
		elsewhere("secretKeyRef"), elsewhere("configMapKeyRef"), elsewhere("fileKeyRef"))
	if (len(given) != 1 || from == "") && len(r.mistakes) == before {
		r.fail(n, "valueFrom must name one field, by fieldRef: {fieldPath: …} or resourceFieldRef: {resource: …}")
	}
	return from, divisor
}
