package watch

import (
	"maps"
	"slices"
)

// Only is the part of a snapshot at and below some paths: what is shown to
// somebody who may not see everything. Of what is sensitive it holds what named
// covers. A fact that is a tree is cut down to the branches that are asked for;
// they lead through maps, and not into lists.
//
// What a path means, such as limits.memory without a container, the whole
// snapshot knows better: [Snapshot.Resolve] it there.
func (s *Snapshot) Only(paths, named []Path) *Snapshot {
	part := &Snapshot{
		facts:     make(map[Path]Fact),
		whole:     maps.Clone(s.whole),
		sources:   s.sources,
		container: s.container,
		noticed:   s.noticed,
	}
	for p, f := range s.facts {
		allowed := paths
		if f.Sensitive {
			allowed = named
		}
		if covered(allowed, p) {
			part.facts[p] = f
		} else if value := branches(f, allowed); value != nil {
			f.Value, f.Origin.Others = value, nil
			part.facts[p] = f
		}
	}
	maps.DeleteFunc(part.whole, func(p Path, _ bool) bool {
		return !slices.ContainsFunc(paths, func(q Path) bool { return overlaps(p, q) })
	})
	return part
}

// covered reports whether one of some paths covers p.
func covered(paths []Path, p Path) bool {
	return slices.ContainsFunc(paths, func(q Path) bool { return q.Covers(p) })
}

// branches are the parts of a tree that some paths lead to, nil where there are
// none.
func branches(f Fact, paths []Path) any {
	var root map[string]any
	for _, p := range paths {
		if !f.Path.Covers(p) || slices.ContainsFunc(paths, func(q Path) bool { return q != p && q.Covers(p) }) {
			continue // what hangs in the tree already belongs to the snapshot
		}
		rest := p.Segments()[len(f.Path.Segments()):]
		value, ok := f.Value, true
		for _, s := range rest {
			var node map[string]any
			if node, ok = value.(map[string]any); !ok {
				break
			}
			if value, ok = node[s]; !ok {
				break
			}
		}
		if !ok || value == nil {
			continue
		}
		if root == nil {
			root = make(map[string]any)
		}
		put(root, rest, value)
	}
	if root == nil {
		return nil
	}
	return root
}
