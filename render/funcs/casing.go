package funcs

import (
	"slices"
	"strings"
	"unicode"

	"github.com/huandu/xstrings"
)

func casingFuncs() []Func {
	return []Func{
		{"title", "", "each word with a capital first letter", `{{ title "hello world" }}`, "Hello World", title},
		{"untitle", "", "each word with a small first letter", `{{ untitle "Hello World" }}`, "hello world", untitle},
		{"swapcase", "", "small letters as capitals and the reverse; a small first letter as title case", `{{ swapcase "This Is a.Test" }}`, "tHIS iS A.tEST", swapCase},
		{"camelcase", "", "http_server as HttpServer", `{{ camelcase "http_server" }}`, "HttpServer", xstrings.ToPascalCase},
		{"snakecase", "", "FirstName as first_name", `{{ snakecase "FirstName" }}`, "first_name", xstrings.ToSnakeCase},
		{"kebabcase", "", "FirstName as first-name", `{{ kebabcase "FirstName" }}`, "first-name", xstrings.ToKebabCase},
		{"nospace", "", "without any white space", `{{ nospace "h e l l o" }}`, "hello", noSpace},
		{"wrap", "", "lines of at most so many characters; long words stay whole", `{{ wrap 5 "Hello World" }}`, "Hello\nWorld", func(width any, s string) (string, error) { return wrapText(width, "\n", s, false) }},
		{"wrapWith", "", "as wrap, with this between the lines; long words are cut", `{{ wrapWith 5 "\t" "Hello World" }}`, "Hello\tWorld", wrapWith},
	}
}

func title(s string) string { return mapFirst(s, isSeparator, unicode.ToTitle) }

func untitle(s string) string { return mapFirst(s, unicode.IsSpace, unicode.ToLower) }

// mapFirst changes the first character of each word.
func mapFirst(s string, separates func(rune) bool, change func(rune) rune) string {
	first := true
	return strings.Map(func(r rune) rune {
		wasFirst := first
		if first = separates(r); !first && wasFirst {
			return change(r)
		}
		return r
	}, s)
}

// isSeparator says what ends a word for strings.Title, which sprig uses.
func isSeparator(r rune) bool {
	if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' {
		return false
	}
	return r < unicode.MaxASCII || unicode.IsSpace(r)
}

func swapCase(s string) string {
	wordStart := true
	return strings.Map(func(r rune) rune {
		atStart := wordStart
		switch {
		case unicode.IsUpper(r), unicode.IsTitle(r):
			wordStart = false
			return unicode.ToLower(r)
		case unicode.IsLower(r):
			wordStart = false
			if atStart {
				return unicode.ToTitle(r)
			}
			return unicode.ToUpper(r)
		}
		wordStart = unicode.IsSpace(r)
		return r
	}, s)
}

func noSpace(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func wrapWith(width any, sep, s string) (string, error) {
	if sep == "" {
		sep = "\n"
	}
	return wrapText(width, sep, s, true)
}

func wrapText(width any, sep, s string, cutWords bool) (string, error) {
	n, err := asInt(width)
	if err != nil {
		return "", err
	}
	n = max(n, 1)
	if lines := len(s)/n + 1; len(sep) > 0 && lines > maxText/len(sep) {
		return "", checkText(maxText + 1)
	}
	var b strings.Builder
	rest := []rune(s)
	for len(rest) > n {
		if rest[0] == ' ' {
			rest = rest[1:]
			continue
		}
		line, skip := n, 0
		if i := lastSpace(rest[:n+1]); i >= 0 {
			line, skip = i, 1
		} else if !cutWords {
			if line = nextSpace(rest, n); line < len(rest) {
				skip = 1
			} else {
				break
			}
		}
		b.WriteString(string(rest[:line]))
		b.WriteString(sep)
		rest = rest[line+skip:]
	}
	b.WriteString(string(rest))
	return b.String(), nil
}

func lastSpace(s []rune) int {
	for i, r := range slices.Backward(s) {
		if r == ' ' {
			return i
		}
	}
	return -1
}

func nextSpace(s []rune, from int) int {
	for from < len(s) && s[from] != ' ' {
		from++
	}
	return from
}
