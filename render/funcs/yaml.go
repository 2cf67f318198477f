package funcs

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
	"gopkg.in/yaml.v3"
)

func yamlFuncs() []Func {
	return []Func{
		{"toYaml", "mustToYaml toYamlPretty toYAML", "as YAML, keys sorted, without a line break at the end", `{{ dict "b" (list 1 "2") "a" true | toYaml }}`, "a: true\nb:\n  - 1\n  - \"2\"", toYAML},
		{"fromYaml", "mustFromYaml", "the value that was written as YAML; an empty text is an empty map", `{{ (fromYaml "a: {b: 1}").a.b }}`, "1", fromYAML},
		{"fromYamlArray", "", "the list that was written as YAML", `{{ fromYamlArray "[a, b]" | last }}`, "b", func(s string) ([]any, error) { return parsedList(fromYAML(s)) }},
		{"fromJsonArray", "", "the list that was written as JSON", `{{ fromJsonArray "[1, 2]" | last }}`, "2", func(s string) ([]any, error) { return parsedList(fromJSON(s)) }},
		{"toToml", "mustToToml", "as TOML", `{{ dict "a" 1 "b" (dict "c" "d") | toToml }}`, "a = 1\n\n[b]\n  c = \"d\"\n", toTOML},
	}
}

func toYAML(v any) (string, error) {
	if err := weigh(v); err != nil {
		return "", err
	}
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func fromYAML(s string) (any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(s), &doc); err != nil {
		return nil, fmt.Errorf("%.64q is not YAML: %w", s, err)
	}
	if doc.IsZero() {
		return map[string]any{}, nil
	}
	datesAsText(&doc)
	var v any
	if err := doc.Decode(&v); err != nil {
		return nil, fmt.Errorf("%.64q is not YAML: %w", s, err)
	}
	return stringKeys(v), nil
}

// datesAsText keeps 2001-02-03 as it was written, as Helm does.
func datesAsText(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, child := range n.Content {
		datesAsText(child)
	}
}

// stringKeys writes keys such as 1 and true as text, as Helm does.
func stringKeys(v any) any {
	switch v := v.(type) {
	case map[any]any:
		m := make(map[string]any, len(v))
		for k, item := range v {
			m[fmt.Sprint(k)] = stringKeys(item)
		}
		return m
	case map[string]any:
		for k, item := range v {
			v[k] = stringKeys(item)
		}
	case []any:
		for i, item := range v {
			v[i] = stringKeys(item)
		}
	}
	return v
}

func parsedList(v any, err error) ([]any, error) {
	if err != nil {
		return nil, err
	}
	if list, ok := v.([]any); ok {
		return list, nil
	}
	return nil, fmt.Errorf("%s is not a list", describe(v))
}

func toTOML(v any) (string, error) {
	m, err := asMap(v)
	if err != nil {
		return "", fmt.Errorf("a TOML document is a map: %w", err)
	}
	if err := weigh(m); err != nil {
		return "", err
	}
	b, err := toml.Marshal(m)
	return string(b), err
}
