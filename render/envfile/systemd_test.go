package envfile

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// readSystemd reads as EnvironmentFile= does: the states that
// src/basic/env-file.c goes through, and then the variables dropped that
// env_assignment_is_valid refuses.
func readSystemd(file string) ([]Entry, error) {
	var (
		p       = systemdParser{rest: file}
		entries []Entry
	)
	for p.skipToName() {
		name, ok := p.name()
		if !ok {
			continue // a line without "="
		}
		value := p.value()
		if !utf8.ValidString(name + value) {
			return nil, fmt.Errorf("invalid UTF-8 in %q", name+value)
		}
		if isPOSIXName(name) && !strings.ContainsFunc(value, droppedBySystemd) {
			entries = append(entries, Entry{name, value})
		}
	}
	return entries, nil
}

// droppedBySystemd is string_has_cc of releases before control characters were
// allowed, and unichar_is_valid.
func droppedBySystemd(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' || r == '\x7f' || r&0xFFFE == 0xFFFE || 0xFDD0 <= r && r <= 0xFDEF
}

type systemdParser struct{ rest string }

// skipToName leaves out white space and comments, in which a backslash hides
// the character after it.
func (p *systemdParser) skipToName() bool {
	for {
		p.rest = strings.TrimLeft(p.rest, " \t\n\r")
		if p.rest == "" {
			return false
		}
		if p.rest[0] != '#' && p.rest[0] != ';' {
			return true
		}
		for p.rest != "" {
			c := p.take()
			if c == '\\' && p.rest != "" {
				c = p.take()
			}
			if c == '\n' || c == '\r' {
				break
			}
		}
	}
}

func (p *systemdParser) name() (name string, ok bool) {
	end := strings.IndexAny(p.rest, "=\n\r")
	if end < 0 {
		p.rest = ""
		return "", false
	}
	name = p.rest[:end]
	p.rest = p.rest[end:]
	return strings.TrimRight(name, " \t"), p.take() == '='
}

// value reads strings in quotes, between which white space is left out, up to
// the end of the line or a character outside quotes. From that on the line is
// literal, quotes included.
func (p *systemdParser) value() string {
	var value strings.Builder
	for p.rest != "" {
		start := p.rest
		switch p.take() {
		case '\n', '\r':
			return value.String()
		case ' ', '\t':
		case '\'':
			literal, after, _ := strings.Cut(p.rest, "'")
			value.WriteString(literal)
			p.rest = after
		case '"':
			p.doubleQuoted(&value)
		default:
			p.rest = start
			p.unquoted(&value)
			return value.String()
		}
	}
	return value.String()
}

func (p *systemdParser) doubleQuoted(value *strings.Builder) {
	for p.rest != "" {
		c := p.take()
		switch {
		case c == '"':
			return
		case c != '\\' || p.rest == "":
			value.WriteByte(c)
		default:
			switch escaped := p.take(); escaped {
			case '"', '\\', '`', '$':
				value.WriteByte(escaped)
			case '\n':
			default:
				value.WriteByte('\\')
				value.WriteByte(escaped)
			}
		}
	}
}

func (p *systemdParser) unquoted(value *strings.Builder) {
	blanks := "" // written once something follows
	for p.rest != "" {
		c := p.take()
		switch c {
		case '\n', '\r':
			return
		case ' ', '\t':
			blanks += string(c)
			continue
		}
		value.WriteString(blanks)
		blanks = ""
		if c == '\\' && p.rest != "" {
			if c = p.take(); c == '\n' || c == '\r' {
				continue
			}
		}
		value.WriteByte(c)
	}
}

func (p *systemdParser) take() byte {
	c := p.rest[0]
	p.rest = p.rest[1:]
	return c
}

// TestReadSystemd holds the reader to what systemd 252 gives for the same file
// (load_env_file of libsystemd-shared), because the other tests trust it.
func TestReadSystemd(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"A=b\n":                        "b",
		"A = b c \n":                   "b c",
		"A=\"b\" 'c'\n":                "bc",
		"A='it'\\''s'\n":               "it''s'",
		"A='it'\"'\"'s'\n":             "it's",
		"A=\"a\\$\\\\\\\"\\`\\n\\\n\"": "a$\\\"`\\n",
		"#x\\\nA=1\nA=b\n":             "b",
		"A=b\\\nc\n":                   "bc",
		"A=b\\ \n":                     "b ",
	} {
		entries, err := readSystemd(file)
		if err != nil || len(entries) == 0 || entries[len(entries)-1] != (Entry{"A", want}) {
			t.Errorf("%q reads %q, %v, want %q", file, entries, err, want)
		}
	}
}
