package splice

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// width is how long a line in flow style may be.
const width = 130

// style is how new lines look.
type style struct {
	dash int  // indentation of a list's items below its key
	flow bool // whether a map that is an item is in flow style
}

// styleOf looks at what is there: the items beside the new one, and the rest
// of the document.
func (d *Document) styleOf(n *yaml.Node) style {
	if d.style == nil {
		d.style = d.look()
	}
	s := *d.style
	if n.Kind == yaml.SequenceNode && n.Content[0].Kind == yaml.MappingNode {
		s.flow = flow(n.Content[0])
	}
	return s
}

func (d *Document) look() *style {
	s := &style{}
	found := false
	for _, m := range d.nodes {
		if m.Kind != yaml.MappingNode || len(m.Content) == 0 {
			continue
		}
		if flow(m.Node) {
			s.flow = true
			continue
		}
		for i := 0; i+1 < len(m.Content) && !found; i += 2 {
			if list := m.Content[i+1]; list.Kind == yaml.SequenceNode && !flow(list) {
				s.dash, found = max(0, d.dash(list)-(m.Content[i].Column-1)), true
			}
		}
	}
	return s
}

// item writes an item of a list in block style.
func (s style) item(value any, indent int) string {
	if text, ok := s.inline(value, indent+2, s.flow); ok {
		return spaces(indent) + "- " + text + "\n"
	}
	lines := s.block(value, indent+2)
	return spaces(indent) + "- " + strings.TrimPrefix(lines, spaces(indent+2))
}

// entry writes an entry of a map in block style.
func (s style) entry(key string, value any, indent int) string {
	if list, ok := value.([]any); ok && len(list) > 0 && !scalars(list) {
		return spaces(indent) + quote(key) + ":\n" + s.block(value, indent+s.dash)
	}
	if text, ok := s.inline(value, indent+len(key)+2, true); ok {
		return spaces(indent) + quote(key) + ": " + text + "\n"
	}
	if _, ok := value.([]any); ok {
		return spaces(indent) + quote(key) + ":\n" + s.block(value, indent+s.dash)
	}
	return spaces(indent) + quote(key) + ":\n" + s.block(value, indent+2)
}

// block writes the lines of a map or a list.
func (s style) block(value any, indent int) string {
	var b strings.Builder
	switch v := value.(type) {
	case map[string]any:
		for _, key := range keys(v) {
			b.WriteString(style{s.dash, true}.entry(key, v[key], indent))
		}
	case []any:
		for _, item := range v {
			b.WriteString(s.item(item, indent))
		}
	}
	return b.String()
}

// inline writes a value in one line, if that can be read: scalars, lists of
// scalars, and if maps are asked for those without lists of maps.
func (style) inline(value any, indent int, ofMaps bool) (string, bool) {
	switch v := value.(type) {
	case map[string]any:
		if len(v) > 0 && (!ofMaps || deep(v)) {
			return "", false
		}
	case []any:
		if !scalars(v) {
			return "", false
		}
	default:
		return flowText(value, false), true
	}
	text := flowText(value, false)
	return text, indent+len(text) <= width
}

func scalars(list []any) bool {
	return !slices.ContainsFunc(list, func(item any) bool {
		switch item.(type) {
		case map[string]any, []any:
			return true
		}
		return false
	})
}

// deep reports whether a map holds a list of maps.
func deep(m map[string]any) bool {
	for _, value := range m {
		switch v := value.(type) {
		case map[string]any:
			if deep(v) {
				return true
			}
		case []any:
			if !scalars(v) {
				return true
			}
		}
	}
	return false
}

// flowText writes a value in flow style, which for JSON is JSON.
func flowText(value any, isJSON bool) string {
	key, comma, colon := quote, ", ", ": "
	if isJSON {
		key, comma, colon = jsonText, ",", ":"
	}
	switch v := value.(type) {
	case map[string]any:
		var entries []string
		for _, k := range keys(v) {
			entries = append(entries, key(k)+colon+flowText(v[k], isJSON))
		}
		return "{" + strings.Join(entries, comma) + "}"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, flowText(item, isJSON))
		}
		return "[" + strings.Join(items, comma) + "]"
	case string:
		return key(v)
	}
	return fmt.Sprint(value)
}

// lines writes JSON over several lines.
func lines(value any, indent, unit string) string {
	inner := indent + unit
	var parts []string
	switch v := value.(type) {
	case map[string]any:
		for _, k := range keys(v) {
			parts = append(parts, inner+jsonText(k)+": "+lines(v[k], inner, unit))
		}
		if len(parts) > 0 {
			return "{\n" + strings.Join(parts, ",\n") + "\n" + indent + "}"
		}
	case []any:
		for _, item := range v {
			parts = append(parts, inner+lines(item, inner, unit))
		}
		if len(parts) > 0 {
			return "[\n" + strings.Join(parts, ",\n") + "\n" + indent + "]"
		}
	}
	return flowText(value, true)
}

// keys sorts the keys of a map, those first that people write first.
func keys(m map[string]any) []string {
	first := []string{"name", "path", "image"}
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		rank := func(key string) int { return (slices.Index(first, key) + len(first) + 1) % (len(first) + 1) }
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}

// plain is text that YAML 1.1 and 1.2 read as a string without quotes, also
// in flow style.
var plain = regexp.MustCompile(`^(-{0,2}[A-Za-z/]([A-Za-z0-9_./:@-]*[A-Za-z0-9_./@-])?|[0-9]+([KMGTPE]i|[mkMGT]))$`)

func quote(s string) string {
	if plain.MatchString(s) && !slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}, strings.ToLower(s)) {
		return s
	}
	return jsonText(s)
}

func jsonText(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be
	return strings.TrimSuffix(b.String(), "\n")
}

func spaces(n int) string { return strings.Repeat(" ", n) }
