package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"gopkg.in/yaml.v3"
)

// parse splits a file into its documents. Those before an error are good.
func parse(file string, data []byte) ([]*yaml.Node, error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	// JSON is read as JSON: as YAML, its \ud83d\ude00 would be an error and a
	// line separator in a string a line break. What begins so and is no JSON is
	// YAML in flow style.
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		if documents, err := parseJSON(data); err == nil {
			return documents, nil
		}
	}
	return parseYAML(file, data)
}

func parseYAML(file string, data []byte) (documents []*yaml.Node, err error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var document yaml.Node
		if err := d.Decode(&document); errors.Is(err, io.EOF) {
			return documents, nil
		} else if err != nil {
			return documents, placed(file, err)
		}
		documents = append(documents, document.Content...)
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// placed moves the line that the YAML parser names to where an editor finds it.
func placed(file string, err error) error {
	text := err.Error()
	line := 0
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	return fmt.Errorf("%s: %s", place(file, line), text)
}

// parseJSON reads a stream of JSON values into the nodes that YAML gives.
func parseJSON(data []byte) ([]*yaml.Node, error) {
	p := jsonParser{Decoder: json.NewDecoder(bytes.NewReader(data)), data: data, line: 1}
	p.UseNumber()
	var documents []*yaml.Node
	for {
		node, err := p.value(0)
		if errors.Is(err, io.EOF) && node == nil {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, node)
	}
}

type jsonParser struct {
	*json.Decoder

	data         []byte
	line, offset int // line is that of data[offset]
}

// at is the line of the token read last.
func (p *jsonParser) at() int {
	end := int(p.InputOffset())
	p.line += bytes.Count(p.data[p.offset:end], []byte("\n"))
	p.offset = end
	return p.line
}

func (p *jsonParser) value(depth int) (*yaml.Node, error) {
	const deepest = 1000
	if depth > deepest {
		return nil, fmt.Errorf("nested more than %d deep", deepest)
	}
	token, err := p.Token()
	if err != nil {
		return nil, err
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: p.at()}
	switch t := token.(type) {
	case nil:
		node.Tag = "!!null"
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
		node.Kind, node.Tag = yaml.MappingNode, "!!map"
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

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
