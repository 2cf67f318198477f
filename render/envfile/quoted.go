package envfile

import (
	"fmt"
	"unicode/utf8"
)

func jsonFormat() format {
	return format{
		name:       "json",
		doc:        "one JSON object of strings; no invalid UTF-8",
		before:     "{\n",
		between:    ",\n",
		after:      "\n}\n",
		empty:      "{}\n",
		checkName:  checkTextName,
		checkValue: checkUTF8,
		appendEntry: func(dst []byte, e Entry) []byte {
			return appendPair(append(dst, "  "...), e)
		},
	}
}

func yamlFormat() format {
	return format{
		name:        "yaml",
		doc:         "one YAML mapping of strings; no invalid UTF-8",
		between:     "\n",
		after:       "\n",
		empty:       "{}\n",
		checkName:   checkYAMLName,
		checkValue:  checkUTF8,
		appendEntry: appendPair,
	}
}

// maxImplicitKey is how long a key may be that has no "?" in front
// (https://yaml.org/spec/1.2.2/#742-flow-mappings), quotes and escapes included.
const maxImplicitKey = 1024

func checkYAMLName(name string) problem {
	if p := checkTextName(name); p != (problem{}) {
		return p
	}
	if len(appendQuoted(nil, name)) > maxImplicitKey {
		return problem{"YAML keys end after 1,024 characters", "shorten the name"}
	}
	return problem{}
}

func appendPair(dst []byte, e Entry) []byte {
	dst = appendQuoted(dst, e.Name)
	dst = append(dst, ": "...)
	return appendQuoted(dst, e.Value)
}

// appendQuoted appends s in double quotes, in the form that JSON, YAML 1.1 and
// YAML 1.2 read alike. Beyond JSON's own escapes it writes as \uXXXX what YAML
// takes for a line break, a byte order mark or not printable.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"', r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case isPlain(r):
			dst = utf8.AppendRune(dst, r)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
	}
	return append(dst, '"')
}

// isPlain reports whether r stands for itself. Everything beyond U+FFFF does:
// the surrogate pairs that JSON has for it are not known to YAML.
func isPlain(r rune) bool {
	switch {
	case r < ' ', '\x7f' <= r && r <= '\u00a0':
		return false
	case r == '\u2028', r == '\u2029', r == '\ufeff', r == '\ufffe', r == '\uffff':
		return false
	}
	return true
}
