package facts

import "strings"

// split cuts the name of a fact into its segments: pod.labels['app'] gives pod,
// labels and app. Nil: it is no name.
func split(name string) []string {
	var segments []string
	for rest := name; rest != ""; {
		var segment string
		if rest[0] == '[' {
			if len(rest) < 2 || rest[1] != '\'' && rest[1] != '"' {
				return nil
			}
			var ok bool
			if segment, rest, ok = strings.Cut(rest[2:], rest[1:2]+"]"); !ok {
				return nil
			}
		} else {
			if len(segments) > 0 {
				if rest[0] != '.' {
					return nil
				}
				rest = rest[1:]
			}
			end := len(rest)
			// files and env take the whole rest as one key.
			verbatim := len(segments) == 1 && (segments[0] == "files" || segments[0] == "env")
			if i := strings.IndexAny(rest, ".["); i >= 0 && !verbatim {
				end = i
			}
			segment, rest = rest[:end], rest[end:]
		}
		if segment == "" {
			return nil
		}
		segments = append(segments, segment)
	}
	return segments
}

// join makes a name of a group's and a key's, as podfacts writes it: keys of labels
// and annotations are people's own, and always stand in brackets.
func join(name, key string) string {
	group, foreign := strings.CutSuffix(name, ".labels")
	if !foreign {
		group, foreign = strings.CutSuffix(name, ".annotations")
	}
	foreign = foreign && group != "containers" && group != "objects"
	switch {
	case name == "":
		return key
	case strings.Trim(key, plain) == "" && !foreign:
		return name + "." + key
	case strings.Contains(key, "']"):
		return name + `["` + key + `"]`
	}
	return name + "['" + key + "']"
}

// plain are the characters of keys that need no brackets.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
