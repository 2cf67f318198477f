package notify

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestName is how long a name may be, in characters, for a log or a metric to
// bear it.
const longestName = 100

// Names gives each hook a name of its own for logs and metrics: the one that it
// was given, else that of its action, with a number where that one is taken.
func Names(hooks []Hook) []string {
	names := make([]string, len(hooks))
	taken := make(map[string]bool)
	for _, h := range hooks {
		taken[h.Name] = true
	}
	for i, h := range hooks {
		if names[i] = h.Name; h.Name != "" || h.Action == nil { // without action, Run will say so
			continue
		}
		action := h.Action.String()
		names[i] = action
		for n := 2; taken[names[i]]; n++ {
			names[i] = fmt.Sprintf("%s (%d)", action, n)
		}
		taken[names[i]] = true
	}
	return names
}

// checkName says what is wrong with a name that somebody gave.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("the name %q is not one line of text", name)
	case name != "" && strings.TrimSpace(name) == "":
		return errors.New("the name is blank; leave it out, or name the hook")
	case utf8.RuneCountInString(name) > longestName:
		return fmt.Errorf("the name %.20q… has more than %d characters", name, longestName)
	}
	return nil
}

// quoteWord makes the borders of a word visible where they are not.
func quoteWord(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r == '\'' || r == '"' || r == 0x7f }) {
		return word
	}
	quoted := strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(word)
	return "'" + strings.ReplaceAll(quoted, "'", `'\''`) + "'"
}

// shorten keeps a name such as a log or a metric can bear.
func shorten(name string) string {
	if utf8.RuneCountInString(name) <= longestName {
		return name
	}
	return string([]rune(name)[:longestName-1]) + "…"
}
