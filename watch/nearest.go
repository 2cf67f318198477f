package watch

import (
	"slices"
	"strings"
)

// Nearest returns the candidate that name was most likely meant to be, or
// an empty string. Configuration, flags and functions share it.
func Nearest(name string, candidates []string) string {
	best, bestCost := "", 1+max(2, len(name)/3)
	for _, c := range candidates {
		if cost := editDistance(strings.ToLower(name), strings.ToLower(c)); cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

// nearest finds the known name that a mistyped path most likely meant: the
// one with the fewest edits, else one of another group with the same field
// (pod.instanceType, or zone alone).
func nearest(segments []string) string {
	typed := strings.Join(segments, ".")
	best, bestCost := "", 1+min(3, max(1, len(typed)/3))
	consider := func(name Path, parts []string) {
		if cost := editDistance(typed, strings.Join(parts, ".")); cost < bestCost {
			best, bestCost = string(name), cost
		}
	}
	sibling := ""
	for _, f := range vocabulary {
		parts := complete(f, segments)
		if len(parts) > len(segments) {
			consider(join(parts[:len(segments)]), parts[:len(segments)])
		}
		if slices.ContainsFunc(parts, isPlaceholder) {
			continue
		}
		consider(join(parts), parts)
		field := parts[1:]
		if sibling == "" && strings.Contains(f.Pattern, ".") && !strings.Contains(f.Pattern, "<") &&
			(slices.Equal(field, segments) || slices.Equal(field, segments[1:])) {
			sibling = string(join(parts))
		}
	}
	for _, f := range fieldPaths {
		consider(Path(f.fieldPath), []string{f.fieldPath})
	}
	if best == "" {
		return sibling
	}
	return best
}

// complete gives a pattern the words that people chose: the segments at its
// placeholders, and below a map those beyond it as one key.
func complete(f Field, segments []string) []string {
	parts := strings.Split(f.Pattern, ".")
	for i, part := range parts {
		if isPlaceholder(part) && i < len(segments) {
			parts[i] = segments[i]
		}
	}
	if len(segments) <= len(parts) {
		// A group may have been forgotten: labels['app'].
		if field := len(parts) - 1; field > 0 && len(segments) > field && (f.Kind == Strings || f.Kind == Quantities) &&
			slices.Equal(parts[1:], segments[:field]) {
			return append(parts, segments[field:]...)
		}
		return parts
	}
	beyond := segments[len(parts):]
	switch f.Kind {
	case Strings, Quantities:
		return append(parts, strings.Join(beyond, "."))
	case Tree, Objects:
		return append(parts, beyond...)
	}
	return parts
}

func isPlaceholder(part string) bool { return strings.HasPrefix(part, "<") }

// editDistance is Levenshtein's, by bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
