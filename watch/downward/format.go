package downward

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/go-multierror"
)

const (
	maxComplaints = 10   // bad lines that are reported one by one
	maxSizeHint   = 8192 // entries that a map is sized for before they are seen
)

// LineError says what is wrong with one line of a labels or annotations file.
// It holds no part of the value, except for an escape that cannot be read.
type LineError struct {
	File   string // the path inside the volume; empty from ParseMap
	Line   int    // from 1
	Key    string // empty where the line has none
	Reason string
}

func (e *LineError) Error() string {
	at := fmt.Sprintf("line %d", e.Line)
	if e.File != "" {
		at = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Key != "" {
		at += fmt.Sprintf(": key %.80q", e.Key)
	}
	return at + ": " + e.Reason
}

// ParseMap reads a labels or annotations file, as [FormatMap] and the kubelet
// write it: key="value" lines with the value quoted as strconv.Quote does,
// each key once, in any order. One newline at the end is allowed, since
// editors put it there.
//
// The error, where not nil, is a *multierror.Error of [*LineError]: the first
// ten, and how many more there are. The map then holds the lines that are
// good, without keys that occur twice.
//
// The values share one copy of data.
func ParseMap(data []byte) (map[string]string, error) {
	text := strings.TrimSuffix(string(data), "\n")
	if text == "" {
		return map[string]string{}, nil
	}
	p := mapParser{
		valid: utf8.ValidString(text),
		size:  len(text),
		m:     make(map[string]string, min(strings.Count(text, "\n")+1, maxSizeHint)),
	}
	for more := true; more; {
		var line string
		line, text, more = strings.Cut(text, "\n")
		p.line++
		p.parse(line)
	}
	for _, key := range p.twice {
		delete(p.m, key)
	}
	return p.m, p.err()
}

// FormatMap writes a map as the kubelet does: sorted by the bytes of the
// keys, joined by newlines, with none at the end. Keys are written as they
// are; Kubernetes admits only qualified names.
// Kubernetes: pkg/fieldpath.FormatMap.
func FormatMap(m map[string]string) []byte {
	size := 0
	for key, value := range m {
		size += len(key) + len(value) + len("=\"\"\n")
	}
	data := make([]byte, 0, size)
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			data = append(data, '\n')
		}
		data = append(data, key...)
		data = append(data, '=')
		data = strconv.AppendQuote(data, m[key])
	}
	return data
}

type mapParser struct {
	m     map[string]string
	line  int
	valid bool // the whole text is UTF-8, so that no line needs looking at
	twice []string

	// unescaped collects the values that have escapes. It is made as large
	// as the text at the first of them and so never moves: unescaping only
	// shortens.
	unescaped strings.Builder
	size      int

	bad   []error
	count int
}

func (p *mapParser) parse(line string) {
	key, quoted, found := strings.Cut(line, "=")
	switch {
	case line == "":
		p.complain("", "is empty")
		return
	case !found:
		p.complain("", `has no "="`)
		return
	case key == "":
		p.complain("", `has no key before "="`)
		return
	case !p.valid && !utf8.ValidString(line):
		p.complain(strings.ToValidUTF8(key, "\uFFFD"), "holds bytes that are not UTF-8")
		return
	case quoted == "" || quoted[0] != '"':
		p.complain(key, "the value does not start with a double quote")
		return
	}
	value, reason := p.unquote(quoted[1:])
	if reason != "" {
		p.complain(key, reason)
		return
	}
	before := len(p.m)
	if p.m[key] = value; len(p.m) == before {
		p.twice = append(p.twice, key)
		p.complain(key, "occurs twice")
	}
}

// unquote reads a value up to its closing quote, which must end the line.
// Most values have no escape and are slices of the text.
func (p *mapParser) unquote(s string) (value, reason string) {
	end := strings.IndexByte(s, '"')
	if end < 0 {
		return "", truncated
	}
	if strings.IndexByte(s[:end], '\\') >= 0 {
		if value, end, reason = p.unescape(s); reason != "" {
			return "", reason
		}
	} else {
		value = s[:end]
	}
	switch s[end+1:] {
	case "":
		return value, ""
	case "\r":
		return "", "ends in a carriage return; convert the file to Unix line ends"
	}
	return "", "something follows the closing quote"
}

const truncated = "the value has no closing quote; the file seems cut off"

// unescape accepts what strconv.Unquote accepts. It returns where the closing
// quote stands.
func (p *mapParser) unescape(s string) (value string, end int, reason string) {
	b := &p.unescaped
	if b.Cap() == 0 {
		b.Grow(p.size)
	}
	start := b.Len()
	for i := 0; ; {
		plain := i
		for i < len(s) && s[i] != '"' && s[i] != '\\' {
			i++
		}
		b.WriteString(s[plain:i])
		if i == len(s) {
			return "", 0, truncated
		}
		if s[i] == '"' {
			return b.String()[start:], i, ""
		}
		if i+1 < len(s) {
			if c := simpleEscape(s[i+1]); c != 0 {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		r, multibyte, tail, err := strconv.UnquoteChar(s[i:], '"')
		if err != nil {
			return "", 0, "bad escape " + escapeAt(s[i:])
		}
		if r < utf8.RuneSelf || !multibyte {
			b.WriteByte(byte(r))
		} else {
			b.WriteRune(r)
		}
		i = len(s) - len(tail)
	}
}

// simpleEscape knows nearly all escapes there are: those of JSON in an
// annotation.
func simpleEscape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case 'n':
		return '\n'
	case 't':
		return '\t'
	}
	return 0
}

// escapeAt cuts out the escape that s starts with, for a message.
func escapeAt(s string) string {
	if len(s) < 2 {
		return s
	}
	length := map[byte]int{'x': 4, 'u': 6, 'U': 10}[s[1]]
	if length == 0 {
		_, length = utf8.DecodeRuneInString(s[1:])
		length++
	}
	return strings.TrimSuffix(s[:min(length, len(s))], `"`)
}

func (p *mapParser) complain(key, reason string) {
	if p.count++; p.count <= maxComplaints {
		p.bad = append(p.bad, &LineError{Line: p.line, Key: key, Reason: reason})
	}
}

func (p *mapParser) err() error {
	if p.count == 0 {
		return nil
	}
	all := &multierror.Error{Errors: p.bad}
	if more := p.count - len(p.bad); more > 0 {
		all = multierror.Append(all, fmt.Errorf("and %d more bad lines", more))
	}
	return all
}
