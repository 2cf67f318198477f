package envfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// The three readers behind Dotenv. Where a real one expands a variable or knows
// an escape that the others do not, these fail: nothing like that may be written.

const jsSpace = `[\t\n\v\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}]`

var (
	dotenvNodeLine = regexp.MustCompile(strings.ReplaceAll("(?m)"+
		`^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|`+
		"\\s*`(?:\\\\`|[^`])*`"+`|[^#\r\n]+)?\s*(?:#.*)?$`, `\s`, jsSpace))
	dotenvNodeTrim = regexp.MustCompile(`^` + jsSpace + `+|` + jsSpace + `+$`)

	godotenvComment = regexp.MustCompile(`[\t\v\f\r \x{85}\x{a0}]#.*$`)
	composeComment  = regexp.MustCompile(` #.*$`)
)

// readDotenvNode follows parse in lib/main.js of motdotla/dotenv 16 and 17. The
// expression is theirs, with JavaScript's white space spelled out. Go's $ does
// not match before U+2028, which matters to bare values only: see isBareDotenv.
func readDotenvNode(file string) ([]Entry, error) {
	if !utf8.ValidString(file) {
		return nil, errors.New("bytes would become U+FFFD")
	}
	file = strings.ReplaceAll(strings.ReplaceAll(file, "\r\n", "\n"), "\r", "\n")
	var entries []Entry
	for _, m := range dotenvNodeLine.FindAllStringSubmatch(file, -1) {
		name, value := m[1], dotenvNodeTrim.ReplaceAllString(m[2], "")
		if name == "__proto__" {
			continue
		}
		quote := byte(0)
		if value != "" && strings.IndexByte("'\"`", value[0]) >= 0 {
			quote = value[0]
		}
		if quote != 0 && len(value) > 1 && value[len(value)-1] == quote {
			value = value[1 : len(value)-1]
		}
		if quote == '"' {
			value = strings.ReplaceAll(strings.ReplaceAll(value, `\n`, "\n"), `\r`, "\r")
		}
		entries = append(entries, Entry{name, value})
	}
	return entries, nil
}

// readGodotenv follows parser.go of joho/godotenv 1.5.1.
func readGodotenv(file string) ([]Entry, error) {
	p := goDotenv{
		src: strings.ReplaceAll(file, "\r\n", "\n"),
		inName: func(r rune) bool {
			return r < utf8.RuneSelf && (isLetter(byte(r)) || isDigit(byte(r)) || r == '_' || r == '.')
		},
		lineEnd: "\n\r",
		comment: godotenvComment,
		// The first quote without a backslash before it ends the value.
		quoted: func(src string, quote byte) int {
			for i := 1; i < len(src); i++ {
				if src[i] == quote && src[i-1] != '\\' {
					return i
				}
			}
			return -1
		},
		// All quotes at both ends are taken off.
		unquote: func(value string, quote byte) string { return strings.Trim(value, string(quote)) },
	}
	return p.read()
}

// readComposeDotenv follows dotenv/parser.go of compose-spec/compose-go 2.
func readComposeDotenv(file string) ([]Entry, error) {
	p := goDotenv{
		src: strings.TrimPrefix(file, "\ufeff"),
		inName: func(r rune) bool {
			return unicode.IsLetter(r) || unicode.IsNumber(r) || strings.ContainsRune("_.-[]", r)
		},
		lineEnd: "\n",
		comment: composeComment,
		// A backslash escapes the character after it, itself included.
		quoted: func(src string, quote byte) int {
			for i := 1; i < len(src); i++ {
				switch src[i] {
				case quote:
					return i
				case '\\':
					i++
				}
			}
			return -1
		},
		unquote: func(value string, quote byte) string {
			return strings.ReplaceAll(value, `\`+string(quote), string(quote))
		},
	}
	return p.read()
}

// goDotenv is what the two Go libraries have in common: one began as the other.
type goDotenv struct {
	src     string
	inName  func(rune) bool
	lineEnd string         // of a bare value
	comment *regexp.Regexp // in a bare value
	quoted  func(src string, quote byte) int
	unquote func(value string, quote byte) string
}

const goDotenvSpace = "\t\v\f\r \u0085\u00a0"

func (p *goDotenv) read() ([]Entry, error) {
	var entries []Entry
	for {
		p.src = strings.TrimLeftFunc(p.src, unicode.IsSpace)
		if p.src == "" {
			return entries, nil
		}
		if p.src[0] == '#' {
			_, p.src, _ = strings.Cut(p.src, "\n")
			continue
		}
		if after, ok := strings.CutPrefix(p.src, "export"); ok && strings.IndexAny(after, goDotenvSpace) == 0 {
			p.src = strings.TrimLeft(after, goDotenvSpace)
		}
		end := strings.IndexAny(p.src, "=:\n")
		if end < 0 || p.src[end] == '\n' {
			return nil, errors.New("no separator in " + p.src)
		}
		name := strings.TrimRightFunc(p.src[:end], unicode.IsSpace)
		if strings.ContainsFunc(name, func(r rune) bool { return !p.inName(r) }) {
			return nil, fmt.Errorf("bad name %q", name)
		}
		p.src = strings.TrimLeft(p.src[end+1:], goDotenvSpace)
		value, err := p.value()
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{name, value})
	}
}

func (p *goDotenv) value() (string, error) {
	if p.src == "" || p.src[0] != '\'' && p.src[0] != '"' {
		end := strings.IndexAny(p.src+"\n", p.lineEnd)
		value := p.comment.ReplaceAllString(p.src[:end], "")
		p.src = p.src[end:]
		if strings.Contains(value, "$") {
			return "", errors.New("expands " + value)
		}
		return strings.TrimRightFunc(value, unicode.IsSpace), nil
	}
	quote := p.src[0]
	end := p.quoted(p.src, quote)
	if end < 0 {
		return "", errors.New("unterminated " + p.src)
	}
	value := p.unquote(p.src[1:end], quote)
	p.src = p.src[end+1:]
	if quote == '\'' {
		return value, nil
	}
	value = strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(value)
	if strings.ContainsAny(value, `$\`) {
		return "", errors.New("expands " + value)
	}
	return value, nil
}

// TestDotenvForms holds values to their form, and so keeps the refused ones few.
func TestDotenvForms(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                 "A=''\n",
		"a b":              "A='a b'\n",
		`{"a":"$b"}`:       `A='{"a":"$b"}'` + "\n",
		"one\ntwo":         "A='one\ntwo'\n",
		"it's":             `A="it's"` + "\n",
		"it's\none\r\ntwo": `A="it's\none\r\ntwo"` + "\n",
		`{"a":"it's"}`:     `A={"a":"it's"}` + "\n",
		`C:\dir\`:          `A=C:\dir\` + "\n",
		`"it's"`:           "",
		"it's \"$5\"":      "",
		"it's \"#5\"":      "",
		" it's \"5":        "",
		"it's\u2028\"b\"":  "", // dotenv for Node.js would take the quotes off the b
	} {
		if file, _ := Dotenv.Append(nil, []Entry{{"A", value}}); string(file) != want {
			t.Errorf("%q is written as %q, want %q", value, file, want)
		}
	}
}
