package envfile

import "strings"

func dotenvFormat() format {
	return format{
		name:        "dotenv",
		doc:         "dotenv for Node.js, godotenv and docker compose read it alike; no mix of quotes, dollars and backslashes that they read differently",
		between:     "\n",
		after:       "\n",
		checkName:   checkDotenvName,
		checkValue:  checkDotenv,
		appendEntry: appendDotenv,
	}
}

func checkDotenvName(name string) problem {
	if name == "__proto__" {
		return problem{"assigning to it in JavaScript changes an object's prototype and keeps no value", "rename it"}
	}
	return checkPOSIXName(name)
}

func checkDotenv(e Entry) problem {
	if p := checkText(e.Value); p != (problem{}) {
		return p
	}
	if dotenvFormOf(e.Value) == dotenvNone {
		return problem{
			"the value mixes quotes, dollars, backslashes or line breaks in a way that dotenv libraries read differently",
			hintDrop,
		}
	}
	return problem{}
}

func appendDotenv(dst []byte, e Entry) []byte {
	dst = append(dst, e.Name...)
	dst = append(dst, '=')
	switch dotenvFormOf(e.Value) {
	case dotenvSingle:
		dst = append(dst, '\'')
		dst = append(dst, e.Value...)
		return append(dst, '\'')
	case dotenvDouble:
		dst = append(dst, '"')
		for i := range len(e.Value) {
			switch c := e.Value[i]; c {
			case '\n':
				dst = append(dst, `\n`...)
			case '\r':
				dst = append(dst, `\r`...)
			default:
				dst = append(dst, c)
			}
		}
		return append(dst, '"')
	default:
		return append(dst, e.Value...)
	}
}

type dotenvForm uint8

const (
	dotenvNone dotenvForm = iota
	dotenvSingle
	dotenvDouble
	dotenvBare
)

// dotenvFormOf chooses the form that all readers take for the value:
//
//   - 'single': everything is literal, but a quote has no escape that all
//     know, a backslash before the closing quote escapes it in godotenv, and
//     dotenv for Node.js turns CR into LF.
//   - "double": \n and \r are the only escapes that all know. godotenv and
//     compose expand $NAME, each with its own way to prevent it.
//   - bare, to the end of the line: quotes and backslashes inside are literal.
//     godotenv and compose expand $NAME, "#" may be a comment, blanks are
//     trimmed at both ends.
func dotenvFormOf(value string) dotenvForm {
	switch {
	case !strings.ContainsAny(value, "'\r") && !strings.HasSuffix(value, `\`):
		return dotenvSingle
	case !strings.ContainsAny(value, `"\$`):
		return dotenvDouble
	case isBareDotenv(value):
		return dotenvBare
	}
	return dotenvNone
}

func isBareDotenv(value string) bool {
	for _, r := range value {
		switch r {
		case '#', '$', '\u2028', '\u2029': // the latter two end a line in JavaScript
			return false
		}
		if r < ' ' || r == '\x7f' {
			return false
		}
	}
	// Unicode knows many blanks and the readers trim different ones.
	return value != "" && isGraphic(value[0]) && isGraphic(value[len(value)-1]) &&
		strings.IndexByte("'\"`", value[0]) < 0
}

func isGraphic(c byte) bool { return '!' <= c && c <= '~' }
