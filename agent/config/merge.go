package config

import "gopkg.in/yaml.v3"

// keyValue is one key of a mapping with its value.
type keyValue struct{ key, value *yaml.Node }

// merger lists what a mapping holds with merge keys, <<, followed.
// https://yaml.org/type/merge.html
type merger struct {
	*decoder
	what string
	open map[*yaml.Node]bool // mappings met, and whether they are still being read
}

// entries are the keys of a mapping, then those that it takes over and does not
// have itself, of which the first counts.
func (m *merger) entries(n *yaml.Node) []keyValue {
	m.open[n] = true
	defer func() { m.open[n] = false }()
	var all, merged []keyValue
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if line, ok := seen[key.Value]; ok {
			m.fail(key, "%s: %s is given twice, first in line %d", m.what, key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		if key.Tag == "!!merge" {
			merged = m.merge(key, resolve(value))
			continue
		}
		all = append(all, keyValue{key, value})
	}
	for _, e := range merged {
		if _, ok := seen[e.key.Value]; !ok {
			seen[e.key.Value] = e.key.Line
			all = append(all, e)
		}
	}
	return all
}

// merge lists the keys of a mapping, or of a list of mappings. One that was met
// before has nothing to add: what comes first counts.
func (m *merger) merge(key, value *yaml.Node) []keyValue {
	from := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		from = value.Content
	}
	var all []keyValue
	for _, n := range from {
		n = resolve(n)
		switch open, met := m.open[n]; {
		case n.Kind != yaml.MappingNode:
			m.fail(key, "%s: << is %s, but must be a mapping or a list of mappings, such as *anchor", m.what, describe(n))
		case open:
			m.fail(key, "%s: << takes over what it stands in; name another anchor", m.what)
		case !met:
			all = append(all, m.entries(n)...)
		}
	}
	return all
}
