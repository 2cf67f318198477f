package watch

import "strconv"

// Tree gives the view as nested maps under the names of the vocabulary:
// maps of facts are map[string]string, groups map[string]any. It is shared:
// do not change it.
func (s *Snapshot) Tree() map[string]any {
	s.treeOnce.Do(func() { s.tree = s.buildTree(true) })
	return s.tree
}

// Public is Tree without sensitive facts.
func (s *Snapshot) Public() map[string]any { return s.buildTree(false) }

func (s *Snapshot) buildTree(sensitive bool) map[string]any {
	root := make(map[string]any)
	entries := make(map[Path]map[string]string) // nil for groups
	for p := range s.whole {
		entries[p] = make(map[string]string)
		put(root, p.Segments(), entries[p])
	}
	for p, f := range s.facts {
		if f.Sensitive && !sensitive {
			continue
		}
		parent, key := p.Parent()
		siblings, seen := entries[parent]
		if !seen {
			if isMap(parent) {
				siblings = make(map[string]string)
				put(root, parent.Segments(), siblings)
			}
			entries[parent] = siblings
		}
		if text, ok := f.Value.(string); ok && siblings != nil {
			siblings[key] = text
		} else {
			put(root, p.Segments(), f.Value)
		}
	}
	return root
}

// isMap reports whether what lies below p are the entries of one map.
func isMap(p Path) bool {
	kind, _ := KindOf(p)
	return kind == Strings || kind == Quantities || p == "files" || p == "env"
}

// put hangs a value into the tree.
func put(root map[string]any, segments []string, value any) {
	node := root
	last := len(segments) - 1
	for _, s := range segments[:last] {
		next, ok := node[s].(map[string]any)
		if !ok {
			next = make(map[string]any)
			node[s] = next
		}
		node = next
	}
	node[segments[last]] = value
}

// dig walks down maps, and down lists by index.
func dig(node any, segments []string) (any, bool) {
	for _, s := range segments {
		switch n := node.(type) {
		case map[string]any:
			node = n[s]
		case map[string]string:
			text, ok := n[s]
			if !ok {
				return nil, false
			}
			node = text
		case []any:
			i, err := strconv.Atoi(s)
			if err != nil || i < 0 || i >= len(n) {
				return nil, false
			}
			node = n[i]
		default:
			return nil, false
		}
	}
	return node, node != nil
}
