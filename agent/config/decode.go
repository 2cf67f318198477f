package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/watch"
)

// decoder reads a YAML tree and collects everything that is wrong with it,
// each with its place. yaml.v3's own strict mode stops at the names of Go
// types and loses the lines that later checks need.
type decoder struct {
	file     string
	mistakes []mistake
}

// mistake is an error and the line that it is sorted by.
type mistake struct {
	line int
	err  error
}

// field is one key of a mapping and what reads its value.
type field struct {
	name string
	read func(*yaml.Node)
}

func (f field) String() string { return f.name }

// fail notes a mistake at a node.
func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.add(n.Line, fmt.Errorf("%s: %w", d.where(n), fmt.Errorf(format, args...)))
}

// add notes an error that names its place itself.
func (d *decoder) add(line int, err error) {
	d.mistakes = append(d.mistakes, mistake{line, err})
}

// err gives all mistakes in the order of the lines.
func (d *decoder) err() error {
	slices.SortStableFunc(d.mistakes, func(a, b mistake) int { return a.line - b.line })
	errs := make([]error, len(d.mistakes))
	for i, m := range d.mistakes {
		errs[i] = m.err
	}
	return watch.Join(errs...)
}

// where gives file:line of a node.
func (d *decoder) where(n *yaml.Node) string { return fmt.Sprintf("%s:%d", d.file, n.Line) }

// mapping reads a mapping. Unknown and repeated keys are mistakes; an empty
// value leaves the field as it is.
func (d *decoder) mapping(n *yaml.Node, what string, fields ...field) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s is %s, but must be a mapping of %s", what, describe(n), strings.Join(names(fields), ", "))
		return
	}
	for _, e := range (&merger{decoder: d, what: what, open: make(map[*yaml.Node]bool)}).entries(n) {
		if !d.read(e.key.Value, resolve(e.value), fields) {
			d.fail(e.key, "%s: %w", what, unknown("key", e.key.Value, names(fields)))
		}
	}
}

func (d *decoder) read(key string, value *yaml.Node, fields []field) bool {
	for _, f := range fields {
		if f.name == key {
			if value.Tag != "!!null" {
				f.read(value)
			}
			return true
		}
	}
	return false
}

// list reads a sequence, item by item.
func (d *decoder) list(what string, item func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			d.fail(n, "%s is %s, but must be a list", what, describe(n))
			return
		}
		for _, child := range n.Content {
			item(resolve(child))
		}
	}
}

// text reads a string. A number or a boolean is taken as it is written, so
// that `default: 8080` needs no quotes.
func (d *decoder) text(what string, dst *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode {
			d.fail(n, "%s is %s, but must be a string", what, describe(n))
			return
		}
		*dst = n.Value
	}
}

func (d *decoder) boolean(what string, dst *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Decode(dst) != nil || n.Tag != "!!bool" {
			d.fail(n, "%s is %s, but must be true or false", what, describe(n))
		}
	}
}

func (d *decoder) number(what string, dst *float64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Decode(dst) != nil {
			d.fail(n, "%s is %s, but must be a number", what, describe(n))
		}
	}
}

// duration reads a Go duration: 100ms, 5s, 1m30s.
func (d *decoder) duration(what string, dst *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < 0 {
			d.fail(n, "%s is %s, but must be a duration such as 500ms, 5s or 1m", what, describe(n))
			return
		}
		*dst = v
	}
}

// texts reads a list of strings.
func (d *decoder) texts(what string, dst *[]string) func(*yaml.Node) {
	return d.list(what, func(n *yaml.Node) {
		var s string
		d.text("an item of "+what, &s)(n)
		*dst = append(*dst, s)
	})
}

// pairs reads a mapping of names to strings.
func (d *decoder) pairs(what string, dst *map[string]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			d.fail(n, "%s is %s, but must be a mapping of names to strings", what, describe(n))
			return
		}
		*dst = make(map[string]string)
		for _, e := range (&merger{decoder: d, what: what, open: make(map[*yaml.Node]bool)}).entries(n) {
			var value string
			d.text(what+"."+e.key.Value, &value)(resolve(e.value))
			(*dst)[e.key.Value] = value
		}
	}
}

// resolve follows an alias to its anchor.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// describe names what stands at a node.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "empty"
	}
	return fmt.Sprintf("%.40q", n.Value)
}
