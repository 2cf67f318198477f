package splice

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parseJSON reads a stream of JSON objects into the nodes that YAML gives. As
// YAML, the \ud83d\ude00 of JSON would be an error and a line separator in a
// string a line break. What begins so and is no JSON is YAML in flow style.
func parseJSON(text []byte) (roots []*yaml.Node, ok bool) {
	start := bytes.TrimLeft(text, " \t\r\n")
	if len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return nil, false
	}
	p := jsonParser{Decoder: json.NewDecoder(bytes.NewReader(text)), text: text, starts: lineStarts(text)}
	p.UseNumber()
	for {
		root, err := p.value(0)
		if errors.Is(err, io.EOF) && root == nil {
			return roots, true
		}
		if err != nil {
			return nil, false
		}
		roots = append(roots, root)
	}
}

type jsonParser struct {
	*json.Decoder

	text   []byte
	starts []int
	line   int // the one that the last token is in, from 0
}

var errDeep = errors.New("nested too deep")

func (p *jsonParser) value(depth int) (*yaml.Node, error) {
	const deepest = 1000
	if depth > deepest {
		return nil, errDeep
	}
	before := int(p.InputOffset())
	token, err := p.Token()
	if err != nil {
		return nil, err
	}
	node := &yaml.Node{Kind: yaml.ScalarNode}
	p.place(node, before)
	switch t := token.(type) {
	case nil:
		node.Tag, node.Value = "!!null", "null"
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(t)
	case json.Number:
		node.Tag, node.Value = "!!int", t.String()
		if bytes.ContainsAny([]byte(t), ".eE") {
			node.Tag = "!!float"
		}
	case string:
		node.Tag, node.Value, node.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Delim:
		node.Kind, node.Tag, node.Style = yaml.MappingNode, "!!map", yaml.FlowStyle
		if t == '[' {
			node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		}
		for p.More() { // an object is its keys and values in turn, as in YAML
			child, err := p.value(depth + 1)
			if err != nil {
				return nil, noEOF(err)
			}
			node.Content = append(node.Content, child)
		}
		if _, err := p.Token(); err != nil {
			return nil, noEOF(err)
		}
	}
	return node, nil
}

// place finds the token that follows an offset.
func (p *jsonParser) place(node *yaml.Node, offset int) {
	for bytes.IndexByte([]byte(" \t\r\n,:"), p.text[offset]) >= 0 {
		offset++
	}
	for p.line+1 < len(p.starts) && p.starts[p.line+1] <= offset {
		p.line++
	}
	node.Line, node.Column = p.line+1, 1+utf8.RuneCount(p.text[p.starts[p.line]:offset])
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
