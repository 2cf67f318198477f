package envfile

import (
	"math/rand/v2"
	"strings"
)

// awkward is the table behind the golden file, the fuzz seeds and the shells.
// Every value is there because some reader gets it wrong.
func awkward() []struct{ what, value string } {
	return []struct{ what, value string }{
		{"a plain value", "web-0"},
		{"empty", ""},
		{"a number that starts with zeros", "007"},
		{"YAML's idea of false", "no"},
		{"blanks inside", "a b  c"},
		{"blanks at the ends", " a "},
		{"a no-break space at the end", "a\u00a0"},
		{"a tab", "a\tb"},
		{"one single quote", "it's"},
		{"only single quotes", "''"},
		{"double quotes", `say "hi"`},
		{"both quotes", `it's "fine"`},
		{"both quotes and a dollar", `it's "$5"`},
		{"a JSON annotation", `{"a":"b","c":["d"]}`},
		{"a variable", "$HOME ${HOME}"},
		{"a command", "$(touch canary)`touch canary`"},
		{"a command after a closing quote", "'; touch canary; '"},
		{"a command after a closing double quote", `"; touch canary; "`},
		{"a second variable", "a\nEVIL=1"},
		{"a second variable after a closing quote", "a'\nEVIL='1"},
		{"a comment", "a #b"},
		{"a comment sign first", "#a"},
		{"a tilde", "~/x"},
		{"an exclamation mark", "!!"},
		{"an equals sign", "a=b"},
		{"a Windows path", `C:\new\table`},
		{"a backslash at the end", `C:\new\`},
		{"a backslash and a quote", `\'`},
		{"two lines", "one\ntwo"},
		{"a newline at the end", "one\n"},
		{"a newline at the start", "\none"},
		{"CR LF", "one\r\ntwo"},
		{"CR at the end", "one\r"},
		{"CR inside", "one\rtwo"},
		{"not ASCII", "Größe ✓"},
		{"beyond the basic plane", "😀"},
		{"a line separator of Unicode", "a\u2028b"},
		{"a byte order mark", "\ufeffa"},
		{"a noncharacter of Unicode", "a\uffff"},
		{"an escape sequence of a terminal", "\x1b[31mred"},
		{"DEL and a C1 control", "\x7f\u0085"},
		{"invalid UTF-8", "a\xff\x80"},
		{"a NUL byte", "a\x00b"},
	}
}

// nasty returns n values made of the pieces that readers care about. The same
// seed gives the same values.
func nasty(n int) []string {
	pieces := []string{
		"'", `"`, "`", `\`, "$", "${A}", "$(touch canary)", "`touch canary`", "#", " #", " ", "\t", "\n", "\r", "\r\n",
		"=", "A=", "\nA='b'\n", "export ", ";", "&", "|", ">canary", "<", "(", ")", "{", "}", "[", "]", "*", "?", "~", "!",
		"\x01", "\x1b", "\x7f", "\x80", "\x81", "\x88", "\xc3", "\xff", "\u00a0", "\u0085", "\u2028", "\ufeff", "\ufffe", "é", "😀",
		"a", "n", "u0041", "0", "<<", ": ", "- ", "---",
	}
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]string, n)
	for i := range values {
		var b strings.Builder
		for range r.IntN(9) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		values[i] = b.String()
	}
	return values
}
