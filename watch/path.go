package watch

import (
	"fmt"
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
	if alias, ok := fieldPathAlias(s); ok {
		return alias, nil
	}
	segments, err := splitPath(s)
	if err != nil {
		return "", fmt.Errorf("fact path %q: %w", s, err)
	}
	p := join(segments)
	if !known(p.Segments()) {
		return "", &UnknownFactError{Name: s, Nearest: nearest(p)}
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
// pod.labels['app'].
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
// gives containers, main, limits and nvidia.com/gpu.
func (p Path) Segments() []string {
	if p == "" {
		return nil
	}
	segments, err := splitPath(string(p))
	if err != nil {
		return []string{string(p)} // never from ParsePath or Key
	}
	return segments
}

// Parent returns the path one segment up and the last segment.
func (p Path) Parent() (Path, string) {
	segments := p.Segments()
	if len(segments) == 0 {
		return "", ""
	}
	last := len(segments) - 1
	return join(segments[:last]), segments[last]
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

// splitPath cuts a path at dots and subscripts. files and env take the whole
// rest as one key, so that files.ca.crt needs no quoting.
func splitPath(s string) ([]string, error) {
	var segments []string
	for rest := s; rest != ""; {
		if rest[0] == '[' {
			key, after, err := subscript(rest)
			if err != nil {
				return nil, err
			}
			segments, rest = append(segments, key), after
		} else {
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 || !plain(rest[:end]) {
				return nil, fmt.Errorf("unexpected %q; keys with other characters are written ['key']", rest[:min(end+1, len(rest))])
			}
			segments, rest = append(segments, rest[:end]), rest[end:]
		}
		if rest == "" {
			break
		}
		if rest[0] == '.' {
			if rest = rest[1:]; rest == "" {
				return nil, fmt.Errorf("ends in a dot")
			}
			if len(segments) == 1 && (segments[0] == "files" || segments[0] == "env") {
				return append(segments, rest), nil
			}
		} else if rest[0] != '[' {
			return nil, fmt.Errorf("unexpected %q after a subscript", rest)
		}
	}
	if len(segments) == 0 {
		return nil, fmt.Errorf("is empty")
	}
	return segments, nil
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
// so always stand in a subscript, as Kubernetes writes them.
func keysAreForeign(p Path) bool {
	return strings.HasSuffix(string(p), ".labels") || strings.HasSuffix(string(p), ".annotations")
}
