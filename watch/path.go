package watch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Path names one fact, a map of facts, or a group, in canonical form:
//
//	pod.name
//	pod.labels['app.kubernetes.io/name']
//	containers.main.limits.memory
//	node.allocatable['nvidia.com/gpu']
//
// The zero Path is the root: the whole view. A Path that came from outside
// goes through [ParsePath]; code that knows its names uses the constants and
// [Path.Key].
type Path string

// ParsePath reads a fact path as people write it, and gives its canonical
// form. Kubernetes' own field paths (metadata.labels['app'], spec.nodeName,
// status.podIP, limits.memory) are accepted as aliases. The error is an
// [*UnknownFactError] where the path is well formed but names nothing.
func ParsePath(s string) (Path, error) {
	segments, err := splitPath(unalias(s))
	if err != nil {
		return "", fmt.Errorf("fact path %q: %w", s, err)
	}
	if slices.Contains(segments, "") {
		return "", fmt.Errorf("fact path %q: a key cannot be empty", s)
	}
	if !known(segments) {
		return "", &UnknownFactError{Name: s, Nearest: nearest(segments)}
	}
	p := join(segments)
	if !slices.Equal(p.Segments(), segments) {
		return "", fmt.Errorf("fact path %q: a key cannot hold both '] and \"]", s)
	}
	return p, nil
}

// UnknownFactError says that a path names no fact of the vocabulary.
type UnknownFactError struct {
	Name    string
	Nearest string // the nearest known name, or empty
}

func (e *UnknownFactError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("unknown fact %q", e.Name)
	}
	return fmt.Sprintf("unknown fact %q; did you mean %q?", e.Name, e.Nearest)
}

// Key returns the path of one entry below p: pod.labels and "app" give
// pod.labels['app']. A path knows no escapes, so a key that holds both '] and
// "] makes one that [ParsePath] refuses. Kubernetes allows no such key.
func (p Path) Key(key string) Path {
	if p == "" {
		return Path(key)
	}
	if plain(key) && !keysAreForeign(p) {
		return p + Path("."+key)
	}
	if strings.Contains(key, "']") {
		return p + Path(`["`+key+`"]`)
	}
	return p + Path("['"+key+"']")
}

// Segments splits a canonical path: containers.main.limits['nvidia.com/gpu']
// gives containers, main, limits and nvidia.com/gpu. What is not well formed
// is one segment.
func (p Path) Segments() []string {
	if p == "" {
		return nil
	}
	segments, err := splitPath(string(p))
	if err != nil {
		return []string{string(p)}
	}
	return segments
}

// Parent returns the path one segment up and the last segment.
func (p Path) Parent() (Path, string) {
	if p == "" {
		return "", ""
	}
	start, last := 0, ""
	if err := walk(string(p), func(s string, at int) { start, last = at, s }); err != nil {
		return "", string(p)
	}
	return p[:start], last
}

// Covers reports whether q is p or lies below it. The root covers everything.
func (p Path) Covers(q Path) bool {
	if p == "" || p == q {
		return true
	}
	rest, ok := strings.CutPrefix(string(q), string(p))
	return ok && (rest[0] == '.' || rest[0] == '[')
}

func join(segments []string) Path {
	var p Path
	for _, s := range segments {
		p = p.Key(s)
	}
	return p
}

func splitPath(s string) ([]string, error) {
	var segments []string
	err := walk(s, func(segment string, _ int) { segments = append(segments, segment) })
	return segments, err
}

// walk cuts a path at dots and subscripts and calls each with a segment and
// where it starts, its dot or bracket included. files and env take the whole
// rest as one key, so that files.ca.crt needs no quoting.
func walk(s string, each func(segment string, start int)) error {
	if s == "" {
		return errors.New("is empty")
	}
	verbatim := false
	for n, rest := 0, s; rest != ""; n++ {
		start := len(s) - len(rest)
		var segment string
		if rest[0] == '[' {
			var err error
			if segment, rest, err = subscript(rest); err != nil {
				return err
			}
		} else {
			if n > 0 {
				after, dot := strings.CutPrefix(rest, ".")
				if !dot {
					return fmt.Errorf("unexpected %q after a subscript", rest)
				}
				if rest = after; rest == "" {
					return errors.New("ends in a dot")
				}
			}
			end := len(rest)
			if !verbatim {
				if i := strings.IndexAny(rest, ".["); i >= 0 {
					end = i
				}
				if !plain(rest[:end]) {
					return fmt.Errorf("unexpected %q; keys with other characters are written ['key']", rest[:min(end+1, len(rest))])
				}
			}
			segment, rest = rest[:end], rest[end:]
		}
		each(segment, start)
		verbatim = n == 0 && (segment == "files" || segment == "env")
	}
	return nil
}

// subscript reads ['key'] or ["key"]. Like Kubernetes
// (pkg/fieldpath.SplitMaybeSubscriptedPath) it knows no escapes: the key
// ends at the first quote that a bracket follows.
func subscript(s string) (key, rest string, err error) {
	if len(s) < 2 || s[1] != '\'' && s[1] != '"' {
		return "", "", fmt.Errorf("a subscript is written ['key']")
	}
	key, rest, ok := strings.Cut(s[2:], s[1:2]+"]")
	if !ok {
		return "", "", fmt.Errorf("subscript %s is not closed by %c]", s, s[1])
	}
	return key, rest, nil
}

// plain reports whether a key can stand after a dot.
func plain(key string) bool {
	for i := range len(key) {
		c := key[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return key != ""
}

// keysAreForeign reports whether the keys below p are written by people and
// so always stand in a subscript, as Kubernetes writes them. A container or an
// object may itself be called labels.
func keysAreForeign(p Path) bool {
	group, ok := strings.CutSuffix(string(p), ".labels")
	if !ok {
		group, ok = strings.CutSuffix(string(p), ".annotations")
	}
	return ok && group != "containers" && group != "objects"
}
