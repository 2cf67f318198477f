package render

import "strings"

// expand replaces $(NAME) by the value of an earlier variable. As in a pod's
// env, $$(NAME) gives $(NAME), and a name that is not known stays as it is.
// Kubernetes: third_party/forked/golang/expansion.
func expand(s string, earlier []Variable) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		switch {
		case strings.HasPrefix(after, "$"):
			b.WriteByte('$')
			s = after[1:]
		case strings.HasPrefix(after, "("):
			name, rest, closed := strings.Cut(after[1:], ")")
			if !closed {
				b.WriteString("$(")
				s = after[1:]
				continue
			}
			b.WriteString(lookup(name, earlier))
			s = rest
		default:
			b.WriteByte('$')
			s = after
		}
	}
}

func lookup(name string, earlier []Variable) string {
	for _, v := range earlier {
		if v.Name == name {
			return v.Value
		}
	}
	return "$(" + name + ")"
}
