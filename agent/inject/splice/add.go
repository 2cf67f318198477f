package splice

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Add makes an "add" of a JSON patch (RFC 6902) whose path is not escaped: it
// sets the key of a map, or inserts into a list, at its beginning ("0") or its
// end ("-"). The value is of strings, integers, booleans, maps and lists.
// Indices are those of the original text, so that what is inserted at the
// beginning comes last.
func (d *Document) Add(path []string, value any) error {
	if len(path) == 0 {
		return fmt.Errorf("%s: the document itself cannot be added", d.Place())
	}
	added, err := add(d.value, path, value)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Place(path...), err)
	}
	parent, steps := d.find(path[:len(path)-1])
	if steps < len(path)-1 {
		return fmt.Errorf("%s: %s comes from a merge key (<<); write it out, so that something can be added", d.Place(path...), path[steps])
	}
	last := path[len(path)-1]
	d.value = added
	once := fmt.Sprintf("%p %s %v", parent, last, value)
	if d.done[once] {
		return nil // an alias has led here before
	}
	d.done[once] = true
	switch {
	case parent.Kind == yaml.SequenceNode && last == "0":
		d.prepend(parent, value)
	case parent.Kind == yaml.SequenceNode:
		d.append(parent, value)
	default:
		d.set(parent, last, value)
	}
	return nil
}

// add returns a copy of a value with an addition.
func add(in any, path []string, value any) (any, error) {
	step, rest := path[0], path[1:]
	switch v := in.(type) {
	case map[string]any:
		if len(rest) > 0 {
			inner, err := add(v[step], rest, value)
			if err != nil {
				return nil, err
			}
			value = inner
		} else if !vacant(v[step]) {
			return nil, fmt.Errorf("%s is there already, and is not empty", step)
		}
		out := maps.Clone(v)
		if out == nil {
			out = map[string]any{}
		}
		out[step] = value
		return out, nil
	case []any:
		if len(rest) > 0 {
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil, fmt.Errorf("the list has no item %s", step)
			}
			inner, err := add(v[i], rest, value)
			if err != nil {
				return nil, err
			}
			out := slices.Clone(v)
			out[i] = inner
			return out, nil
		}
		switch step {
		case "0":
			return append([]any{value}, v...), nil
		case "-":
			return append(slices.Clone(v), value), nil
		}
	}
	return nil, fmt.Errorf("nothing can be added to it as %s", step)
}

// vacant reports whether a value says nothing.
func vacant(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return value == nil
}

// prepend inserts the first item of a list that has items.
func (d *Document) prepend(list *yaml.Node, value any) {
	f := d.file
	if flow(list) {
		item, separator := d.flowItem(list, value)
		f.insert(f.offset(list.Content[0]), -1, item+separator, list)
		return
	}
	indent := d.dash(list)
	// Comments above the first item stay with that.
	line := f.line(f.offset(list.Content[0]))
	for line > 0 && d.commented(line-1) {
		line--
	}
	f.insert(f.starts[line], indent, d.styleOf(list).item(value, indent), list)
}

// append inserts the last item of a list that has items.
func (d *Document) append(list *yaml.Node, value any) {
	if flow(list) {
		item, separator := d.flowItem(list, value)
		d.closeFlow(list, item, separator)
		return
	}
	indent := d.dash(list)
	d.file.insert(d.end(list), indent, d.styleOf(list).item(value, indent), list)
}

// set sets a key of a map. A key that is there has a value that is empty.
func (d *Document) set(m *yaml.Node, key string, value any) {
	f := d.file
	name, old := child(m, key)
	if flow(m) {
		if old != nil {
			from, to := d.token(old)
			f.replace(from, to, -1, d.flowValue(old, value), old)
			return
		}
		item, separator := d.flowEntry(m, key, value)
		d.closeFlow(m, item, separator)
		return
	}
	indent := m.Content[0].Column - 1
	entry := d.styleOf(m).entry(key, value, indent)
	if old == nil {
		f.insert(d.end(m), indent, entry, m)
		return
	}
	// What is behind the colon goes: [], {}, null or nothing.
	first, rest, _ := strings.Cut(entry, "\n")
	first = strings.TrimPrefix(first, spaces(indent)+quote(key)+":")
	from, to := d.token(old)
	if from == to {
		from, to = d.colon(name), d.colon(name)
	}
	from = len(bytes.TrimRight(f.text[:from], " "))
	f.replace(from, to, -1, first, old)
	if rest != "" {
		f.insert(f.lineEnd(f.line(f.offset(name))), indent, rest, name)
	}
}

// colon is the offset behind the colon of a key.
func (d *Document) colon(key *yaml.Node) int {
	from := d.file.offset(key)
	return from + 1 + bytes.IndexByte(d.file.text[from:], ':')
}

func (f *File) insert(at, depth int, text string, n *yaml.Node) { f.replace(at, at, depth, text, n) }

func (f *File) replace(from, to, depth int, text string, n *yaml.Node) {
	f.edits = append(f.edits, edit{from: from, to: to, depth: depth, text: text, line: n.Line})
}

func flow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 || len(n.Content) == 0 }

// dash is the indentation of a list's items.
func (d *Document) dash(list *yaml.Node) int {
	f := d.file
	at := f.offset(list.Content[0])
	line := f.starts[f.line(at)]
	before := f.text[line:at]
	if i := bytes.LastIndexByte(before, '-'); i >= 0 {
		return i
	}
	return max(0, list.Column-1) // the dash has a line of its own
}

// line is the index of the line that an offset lies in.
func (f *File) line(offset int) int {
	i, found := slices.BinarySearch(f.starts, offset)
	if found {
		return i
	}
	return i - 1
}

// lineEnd is the offset of what follows a line.
func (f *File) lineEnd(line int) int {
	if line+1 < len(f.starts) {
		return f.starts[line+1]
	}
	return len(f.text)
}

func (f *File) lineText(line int) []byte { return f.text[f.starts[line]:f.lineEnd(line)] }
