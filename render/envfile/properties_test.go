package envfile

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
)

// readProperties follows the documentation of java.util.Properties.load: one
// byte is one ISO-8859-1 character, natural lines make logical ones, and
// escapes are resolved at the end, in key and value alike.
func readProperties(file string) ([]Entry, error) {
	var entries []Entry
	lines := strings.FieldsFunc(file, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := 0; i < len(lines); i++ {
		line := strings.TrimLeft(lines[i], " \t\f")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for strings.HasSuffix(line, `\`) && !endsEscaped(line) {
			if i++; i == len(lines) {
				return nil, errors.New("continues into nothing")
			}
			line = line[:len(line)-1] + strings.TrimLeft(lines[i], " \t\f")
		}
		end := 0
		for end < len(line) && !strings.ContainsRune("=: \t\f", rune(line[end])) {
			if line[end] == '\\' {
				end++
			}
			end++
		}
		rest := strings.TrimLeft(line[end:], " \t\f")
		if rest != "" && (rest[0] == '=' || rest[0] == ':') {
			rest = strings.TrimLeft(rest[1:], " \t\f")
		}
		name, err1 := unescapeProperty(line[:end])
		value, err2 := unescapeProperty(rest)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		entries = append(entries, Entry{name, value})
	}
	return entries, nil
}

// endsEscaped reports whether the backslash at the end of s is itself escaped.
func endsEscaped(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 0
}

func unescapeProperty(s string) (string, error) {
	var units []uint16
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			units = append(units, uint16(s[i]))
			continue
		}
		i++
		switch c := s[i]; c {
		case 't', 'n', 'r', 'f':
			units = append(units, uint16(map[byte]rune{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f'}[c]))
		case 'u':
			if i+4 >= len(s) {
				return "", errors.New("short \\u")
			}
			unit, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
			if err != nil {
				return "", err
			}
			units = append(units, uint16(unit))
			i += 4
		default:
			units = append(units, uint16(c))
		}
	}
	return string(utf16.Decode(units)), nil
}
