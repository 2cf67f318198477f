package environ

import (
	"strings"
	"unicode/utf8"
)

// Expand replaces $(NAME) in the value of a variable by what lookup knows. What it
// does not know stays as it is; $$ is one $, so that $$(NAME) stays literal.
// Kubernetes: third_party/forked/golang/expansion.
func Expand(value string, lookup func(name string) (string, bool)) string {
	var b strings.Builder
	for value != "" {
		i := strings.IndexByte(value, '$')
		if i < 0 || i == len(value)-1 {
			break
		}
		b.WriteString(value[:i])
		value = value[i+1:]
		name, rest, closed := "", "", false
		if value[0] == '(' {
			name, rest, closed = strings.Cut(value[1:], ")")
		}
		switch {
		case value[0] == '$':
			b.WriteByte('$')
			value = value[1:]
		case closed:
			text, known := lookup(name)
			if !known {
				text = "$(" + name + ")"
			}
			b.WriteString(text)
			value = rest
		default: // a dollar that means nothing
			r, size := utf8.DecodeRuneInString(value)
			b.WriteByte('$')
			b.WriteRune(r) // one that is not UTF-8 becomes U+FFFD, as in Kubernetes
			value = value[size:]
		}
	}
	b.WriteString(value)
	return b.String()
}
