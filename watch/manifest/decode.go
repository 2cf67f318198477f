package manifest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// decoder turns one document into objects and reports everything in it that the
// API server would refuse.
type decoder struct {
	*mistakes

	file string
	// open are the anchors that are being expanded, to find one that holds
	// itself; expanded counts the nodes that aliases have multiplied.
	open     []*yaml.Node
	expanded int
}

// entries gives the object of a document, or those of a list.
func (d *decoder) entries(document *yaml.Node) []entry {
	if document.ShortTag() == "!!null" {
		return nil // comments alone
	}
	return d.object(document, "", "")
}

// object decodes one object. The kind and apiVersion are what a list says of
// entries that do not say it themselves.
func (d *decoder) object(n *yaml.Node, apiVersion, kind string) []entry {
	root := resolve(n)
	apiVersion, kind = or(scalar(root, "apiVersion"), apiVersion), or(scalar(root, "kind"), kind)
	if root.Kind != yaml.MappingNode || apiVersion == "" || kind == "" {
		d.at(d.file, n.Line, "not a Kubernetes object: it has no apiVersion and kind; leave the file out, or fix it")
		return nil
	}
	if items := child(root, "items"); items != nil && strings.HasSuffix(kind, "List") && scalar(child(root, "metadata"), "name") == "" {
		return d.list(items, apiVersion, kind)
	}
	before := d.count()
	value, _ := d.value(root, shapeOf(object.Group(apiVersion), kind, root), "").(map[string]any)
	if value == nil || d.count() > before {
		return nil
	}
	value["apiVersion"], value["kind"] = apiVersion, kind
	return []entry{{object: value, at: place(d.file, root.Line)}}
}

func (d *decoder) list(items *yaml.Node, apiVersion, kind string) (all []entry) {
	items = resolve(items)
	if kind == "List" { // the entries say for themselves what they are
		apiVersion, kind = "", ""
	}
	if items.Kind != yaml.SequenceNode && items.ShortTag() != "!!null" {
		d.at(d.file, items.Line, "items is %s where a list belongs", describe(items))
		return nil
	}
	for _, item := range items.Content {
		all = append(all, d.object(item, apiVersion, strings.TrimSuffix(kind, "List"))...)
	}
	return all
}

func (d *decoder) count() int {
	if d.all == nil {
		return 0
	}
	return d.all.Len()
}

// value decodes a node and holds it against its shape.
func (d *decoder) value(n *yaml.Node, s shape, path string) any {
	const most = 100_000
	if n.Kind == yaml.AliasNode {
		if slices.Contains(d.open, n.Alias) {
			d.at(d.file, n.Line, "%s: the anchor %s holds itself", or(path, "document"), n.Value)
			return nil
		}
		d.open = append(d.open, n.Alias)
		defer func() { d.open = d.open[:len(d.open)-1] }()
		n = n.Alias
	}
	if len(d.open) > 0 {
		if d.expanded++; d.expanded == most {
			d.at(d.file, n.Line, "the aliases stand for more than %d values", most)
		}
		if d.expanded >= most {
			return nil
		}
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		if s.is == entryText {
			return "" // as encoding/json reads null into a map of strings
		}
		return nil
	case s.is != "" && !s.fits(n):
		d.at(d.file, n.Line, "%s is %s where %s belongs%s", path, describe(n), s.is, s.hint(n))
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return d.mapping(n, s, path)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for i, item := range n.Content {
			list = append(list, d.value(item, s.entry(), path+"["+strconv.Itoa(i)+"]"))
		}
		return list
	}
	return d.scalar(n, s, path)
}

func (d *decoder) mapping(n *yaml.Node, s shape, path string) map[string]any {
	m := make(map[string]any, len(n.Content)/2)
	first := make(map[string]int, len(n.Content)/2) // key to line
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if !isText(key) {
			d.at(d.file, key.Line, "%s has the key %.32q, which is %s where a string belongs; quote it",
				or(path, "the object"), key.Value, describe(key))
			continue
		}
		at := join(path, key.Value)
		if line, twice := first[key.Value]; twice {
			d.at(d.file, key.Line, "%s is given twice, first in line %d; keep one", at, line)
			continue
		}
		first[key.Value] = key.Line
		if v := d.value(value, s.field(key.Value), at); v != nil {
			m[key.Value] = v
		}
	}
	for _, value := range merged {
		d.merge(m, value, s, path)
	}
	for _, name := range s.needs {
		if absent(m[name]) && !wrong(child(n, name), s.field(name)) {
			d.at(d.file, n.Line, "%s is missing", join(path, name))
		}
	}
	return m
}

// absent reports whether a value says nothing.
func absent(value any) bool {
	list, isList := value.([]any)
	return value == nil || value == "" || isList && len(list) == 0
}

// wrong reports whether a node was complained of already.
func wrong(n *yaml.Node, s shape) bool {
	return n != nil && n.ShortTag() != "!!null" && !s.fits(n)
}

// merge takes over what "<<" names, except for keys that are there.
func (d *decoder) merge(m map[string]any, value *yaml.Node, s shape, path string) {
	list := []*yaml.Node{value}
	if target := resolve(value); target.Kind == yaml.SequenceNode {
		list = target.Content
	}
	for _, from := range list {
		s.needs = nil // the map that is merged into has them
		more, ok := d.value(from, s, path).(map[string]any)
		if !ok {
			d.at(d.file, from.Line, "%s: << takes a map or a list of maps", or(path, "the object"))
		}
		for key, v := range more {
			if _, have := m[key]; !have {
				m[key] = v
			}
		}
	}
}

func (d *decoder) scalar(n *yaml.Node, s shape, path string) any {
	switch n.ShortTag() {
	case "!!str", "!!timestamp", "!!merge":
		if b, ok := bool11(n); ok {
			return b
		}
		if s.is == quantity {
			d.quantity(n, path)
		}
		return n.Value
	case "!!bool", "!!int", "!!float", "!!binary":
		var v any
		if err := n.Decode(&v); err != nil {
			d.at(d.file, n.Line, "%s is tagged %s and is none", path, n.Tag)
			return nil
		}
		if f, ok := v.(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
			d.at(d.file, n.Line, "%s: %s is no number that JSON has", path, n.Value)
			return nil
		}
		if s.is == quantity {
			d.quantity(n, path)
		}
		return v
	}
	d.at(d.file, n.Line, "%s has the YAML tag %s, which Kubernetes does not know", path, n.Tag)
	return nil
}

func (d *decoder) quantity(n *yaml.Node, path string) {
	if _, err := watch.CanonicalQuantity(n.Value); err != nil {
		d.at(d.file, n.Line, "%s: %v", path, err)
	}
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// child is the value of a key in a mapping, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}

// scalar is the string at a key of a mapping, or an empty string.
func scalar(n *yaml.Node, key string) string {
	if c := child(n, key); c != nil && isText(c) {
		return c.Value
	}
	return ""
}

// bool11 reads the booleans of YAML 1.1 that YAML 1.2 has dropped.
// kubectl knows them: go.yaml.in/yaml/v2, resolve.go.
func bool11(n *yaml.Node) (value, ok bool) {
	if n.Style != 0 || n.ShortTag() != "!!str" {
		return false, false
	}
	switch n.Value {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
		return true, true
	case "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}

func isText(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	if _, is := bool11(n); is {
		return false
	}
	return slices.Contains([]string{"!!str", "!!timestamp", "!!merge", "!!binary"}, n.ShortTag())
}

// describe says what a node is, without its value, which may be a secret.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	if _, ok := bool11(n); ok {
		return "a boolean (YAML 1.1)"
	}
	switch n.ShortTag() {
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	case "!!null":
		return "null"
	case "!!str", "!!timestamp", "!!merge", "!!binary":
		return "a string"
	}
	return "tagged " + n.Tag
}

// join adds a key to a path, in the way that Kubernetes writes field paths.
func join(path, key string) string {
	switch {
	case strings.ContainsAny(key, "./' "):
		return fmt.Sprintf("%s['%.80s']", path, key)
	case path == "":
		return key
	}
	return path + "." + key
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// entry is one loaded object.
type entry struct {
	object map[string]any
	at     string // file:line
	role   role
}

func (e entry) kind() string { return object.Text(e.object, "kind") }
