// Package splice adds to YAML and JSON text where it stands. What is not added
// keeps its bytes: comments, blank lines, quotes, order and indentation.
//
//	f, err := splice.Parse("web.yaml", data)
//	for _, d := range f.Documents() {
//		d.Add([]string{"spec", "volumes", "-"}, map[string]any{"name": "cache", "emptyDir": map[string]any{}})
//	}
//	data, err = f.Bytes()
//
// # How
//
// The YAML parser tells where each node begins. Where a node ends is found in
// the text, and new lines go there in the indentation and the
// style of what is beside them. JSON takes the same way as YAML's flow style.
//
// # That it is right
//
// Nobody needs to trust that: [File.Bytes] reads its own result, and holds it
// against the addition made to the decoded values. What cannot be added in
// place, such as an item to one of two lists that are one anchor, is an error
// that says where.
package splice

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// A File is the text of some documents, YAML or JSON.
type File struct {
	name    string
	bom     bool
	text    []byte
	starts  []int // offset of each line
	newline string
	json    bool
	docs    []*Document
	edits   []edit
}

// A Document is one value of a file.
type Document struct {
	file  *File
	root  *yaml.Node
	nodes []span // in the order of the text
	index map[*yaml.Node]int
	until int // offset of what comes after the document
	value any // with the additions
	done  map[string]bool
	style *style // of new lines; nil until it was looked for
}

// span is a node, and the indices of what is around it and last in it.
type span struct {
	*yaml.Node
	parent, last int
}

// edit replaces text. Of edits at one place the deeper comes first, else the
// one that was made first.
type edit struct {
	from, to, depth int
	text            string
	line            int // of what it is for
}

// Parse reads a file. The error says where.
func Parse(name string, data []byte) (*File, error) {
	f := &File{name: name, text: data, newline: "\n"}
	if rest, ok := bytes.CutPrefix(data, []byte("\uFEFF")); ok {
		f.bom, f.text = true, rest
	}
	if i := bytes.IndexByte(f.text, '\n'); i > 0 && f.text[i-1] == '\r' {
		f.newline = "\r\n"
	}
	f.starts = lineStarts(f.text)
	roots, isJSON := parseJSON(f.text)
	if !isJSON {
		var err error
		if roots, err = f.parseYAML(); err != nil {
			return nil, err
		}
	}
	f.json = isJSON
	for _, root := range roots {
		d := &Document{file: f, root: root, until: len(f.text), index: map[*yaml.Node]int{}, done: map[string]bool{}}
		d.walk(root, -1)
		if err := root.Decode(&d.value); err != nil {
			return nil, f.placed(err)
		}
		f.docs = append(f.docs, d)
	}
	if !isJSON {
		f.findEnds()
	}
	return f, nil
}

func (f *File) parseYAML() (roots []*yaml.Node, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(f.text))
	for {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return roots, nil
		} else if err != nil {
			return nil, f.placed(err)
		}
		roots = append(roots, document.Content...)
	}
}

// findEnds looks for the marks between documents. No text of a document can
// look like one.
// YAML 1.2: rule c-forbidden.
func (f *File) findEnds() {
	for _, d := range f.docs {
		for line := d.root.Line; line < len(f.starts); line++ {
			if documentMark.Match(f.text[f.starts[line]:]) {
				d.until = f.starts[line]
				break
			}
		}
	}
}

var (
	documentMark = regexp.MustCompile(`^(---|\.\.\.)([ \t\r\n]|$)`)
	yamlLine     = regexp.MustCompile(`(?s)^yaml: (?:unmarshal errors:\n  )?(?:line (\d+): )?([^\n]*)`)
)

// placed moves the line that the YAML parser names to where an editor finds it.
func (f *File) placed(err error) error {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return fmt.Errorf("%s: %s", f.at(m[1]), m[2])
}

func (f *File) at(line string) string {
	if line == "" {
		return f.name
	}
	return f.name + ":" + line
}

// Documents lists what the file holds.
func (f *File) Documents() []*Document { return f.docs }

// JSON reports whether the file is JSON.
func (f *File) JSON() bool { return f.json }

// Value returns the document, decoded, with everything that was added. It is
// not to be changed.
func (d *Document) Value() any { return d.value }

// Place says where the value at a path stands, or the innermost value around
// it that there is, as file:line.
func (d *Document) Place(path ...string) string {
	n, _ := d.find(path)
	return d.file.at(strconv.Itoa(n.Line))
}

// find follows a path as far as it leads, and says how many steps of it.
func (d *Document) find(path []string) (n *yaml.Node, steps int) {
	n = resolve(d.root)
	for i, step := range path {
		_, next := child(n, step)
		if next == nil {
			return n, i
		}
		n = resolve(next)
	}
	return n, len(path)
}

// child is the key and the value at a key of a mapping, or a value at an index.
func child(n *yaml.Node, step string) (key, value *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == step {
				return n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return nil, n.Content[i]
		}
	}
	return nil, nil
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// walk lists a node and what it holds.
func (d *Document) walk(n *yaml.Node, parent int) {
	at := len(d.nodes)
	d.index[n] = at
	d.nodes = append(d.nodes, span{Node: n, parent: parent})
	for _, c := range n.Content {
		d.walk(c, at)
	}
	d.nodes[at].last = len(d.nodes) - 1
}

// Bytes returns the text with the additions, or says which could not be made.
func (f *File) Bytes() ([]byte, error) {
	if len(f.edits) == 0 {
		return f.restored(f.text), nil
	}
	edits := slices.Clone(f.edits)
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.depth, a.depth))
	})
	var b bytes.Buffer
	at := 0
	for _, e := range edits {
		if e.from < at {
			return nil, f.impossible(e)
		}
		b.Write(f.text[at:e.from])
		if lacksNewline(b.Bytes(), e) {
			b.WriteString(f.newline)
		}
		b.WriteString(strings.ReplaceAll(e.text, "\n", f.newline))
		at = e.to
	}
	b.Write(f.text[at:])
	text := b.Bytes()
	if n := len(f.text); n > 0 && f.text[n-1] != '\n' && at == n {
		text = bytes.TrimSuffix(text, []byte(f.newline)) // it ended so before
	}
	again, err := Parse(f.name, text)
	if err != nil || len(again.docs) != len(f.docs) {
		return nil, f.impossible(f.edits[0])
	}
	for i, d := range f.docs {
		if len(d.done) > 0 && !reflect.DeepEqual(again.docs[i].value, d.value) {
			return nil, d.impossible()
		}
	}
	return f.restored(text), nil
}

// lacksNewline reports whether whole lines are to be added to a last line that
// does not end.
func lacksNewline(before []byte, e edit) bool {
	return e.depth >= 0 && len(before) > 0 && before[len(before)-1] != '\n'
}

func (f *File) restored(text []byte) []byte {
	if f.bom {
		return append([]byte("\uFEFF"), text...)
	}
	return text
}

func (f *File) impossible(e edit) error {
	return fmt.Errorf("%s: nothing can be added here without changing more: anchors, aliases and merge keys stand for other places too; write them out",
		f.at(strconv.Itoa(e.line)))
}

func (d *Document) impossible() error {
	for _, e := range d.file.edits {
		if e.from >= d.file.offset(d.root) && e.from <= d.until {
			return d.file.impossible(e)
		}
	}
	return d.file.impossible(edit{line: d.root.Line})
}

// lineStarts finds the lines as the YAML parser counts them.
// gopkg.in/yaml.v3, yamlprivateh.go: is_break.
func lineStarts(text []byte) []int {
	starts := []int{0}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		i += size
		switch {
		case r == '\r' && i < len(text) && text[i] == '\n':
		case r == '\n', r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
			starts = append(starts, i)
		}
	}
	return starts
}

// offset is where a node begins. The parser counts columns in characters.
func (f *File) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(f.starts) {
		return len(f.text)
	}
	at := f.starts[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(f.text[at:])
		at += size
	}
	return min(at, len(f.text))
}
