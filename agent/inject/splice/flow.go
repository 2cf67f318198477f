package splice

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// closeFlow adds something at the end of a map or a list in flow style.
func (d *Document) closeFlow(n *yaml.Node, item, separator string) {
	f := d.file
	open := f.value(n)
	last, closing := f.bracket(open)
	if len(n.Content) == 0 {
		if strings.Contains(separator, "\n") && closing == open+1 {
			outer := "\n" + f.indentation(f.line(open))
			item = outer + f.unit() + item + outer
		}
		f.insert(open+1, -1, item, n)
		return
	}
	if f.text[last-1] == ',' {
		separator = strings.TrimPrefix(separator, ",")
		if !strings.Contains(separator, "\n") {
			separator = " "
		}
	}
	f.insert(last, -1, separator+item, n)
}

// flowItem writes an item of a list, and what parts it from others.
func (d *Document) flowItem(list *yaml.Node, value any) (item, separator string) {
	indent, separator := d.layout(list)
	return d.flowAt(value, indent, separator), separator
}

// flowEntry writes an entry of a map, and what parts it from others.
func (d *Document) flowEntry(m *yaml.Node, key string, value any) (entry, separator string) {
	indent, separator := d.layout(m)
	name := quote(key) + ": "
	switch {
	case d.file.json && strings.Contains(separator, "\n"):
		name = jsonText(key) + ": "
	case d.file.json:
		name = jsonText(key) + ":"
	}
	return name + d.flowAt(value, indent, separator), separator
}

// flowValue writes a value in the place of another.
func (d *Document) flowValue(old *yaml.Node, value any) string {
	f := d.file
	if f.json && d.spread() {
		return lines(value, f.indentation(f.line(f.offset(old))), f.unit())
	}
	return flowText(value, f.json)
}

func (d *Document) flowAt(value any, indent, separator string) string {
	if d.file.json && strings.Contains(separator, "\n") {
		return lines(value, indent, d.file.unit())
	}
	return flowText(value, d.file.json)
}

// layout is how the contents of a map or a list are parted: by a comma, or by
// lines of their own with an indentation.
func (d *Document) layout(n *yaml.Node) (indent, separator string) {
	f := d.file
	open := f.line(f.value(n))
	switch {
	case len(n.Content) == 0 && f.json && d.spread():
		indent = f.indentation(open) + f.unit()
		return indent, ",\n" + indent
	case len(n.Content) > 0 && n.Content[0].Line-1 > open:
		indent = f.indentation(n.Content[0].Line - 1)
		return indent, ",\n" + indent
	case f.json:
		return "", ","
	}
	return "", ", "
}

// spread reports whether a document of JSON has lines.
func (d *Document) spread() bool {
	return len(d.root.Content) > 0 && d.root.Content[0].Line > d.root.Line
}

// unit is one step of a JSON file's indentation.
func (f *File) unit() string {
	for _, d := range f.docs {
		if d.spread() {
			return f.indentation(d.root.Content[0].Line - 1)
		}
	}
	return "  "
}

// indentation is the blank beginning of a line.
func (f *File) indentation(line int) string {
	text := f.lineText(line)
	end := 0
	for end < len(text) && (text[end] == ' ' || text[end] == '\t') {
		end++
	}
	return string(text[:end])
}
