package render

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch"
)

// withhold drops the reason for a failure where it may quote a sensitive
// value, as it is or transformed: text/template and most functions quote what
// they cannot use.
func (t *Template) withhold(e *TemplateError, at string) {
	name, values := t.sensitive()
	if name == "" || t.quotesNothing(e) && !slices.ContainsFunc(values, func(v string) bool { return strings.Contains(e.Reason, v) }) {
		return
	}
	if at == "" || strings.HasPrefix(e.Where, tplName+":") {
		at = "an expression" // the text of tpl may be sensitive itself
	}
	e.Reason = fmt.Sprintf("%s failed; why is not shown, for it may quote the sensitive %s", at, name)
	e.Hint = ""
	if watch.IsMissing(e.err) {
		e.err = &watch.MissingError{Path: watch.Path(at)}
	} else {
		e.err = nil
	}
}

// sensitive names a sensitive fact that the template uses, and gives the
// values of all of them.
func (t *Template) sensitive() (name watch.Path, values []string) {
	if t.snapshot == nil {
		return "", nil
	}
	for f := range t.snapshot.Facts() {
		if f.Sensitive && t.needs.Wants(f.Path) {
			name, values = f.Path, appendStrings(values, f.Value)
		}
	}
	return name, values
}

// appendStrings appends every text in a value that is worth hiding.
func appendStrings(to []string, value any) []string {
	switch v := value.(type) {
	case string:
		if v != "" {
			to = append(to, v)
		}
	case []string:
		for _, item := range v {
			to = appendStrings(to, item)
		}
	case []any:
		for _, item := range v {
			to = appendStrings(to, item)
		}
	case map[string]any:
		for _, item := range v {
			to = appendStrings(to, item)
		}
	}
	return to
}

// quotesNothing reports whether a message is made of the template's own words,
// of types and of the names of facts.
func (t *Template) quotesNothing(e *TemplateError) bool {
	if watch.IsMissing(e.err) || e.Where == t.name { // the writer's error has no place
		return true
	}
	return regexp.MustCompile(`^(can't evaluate field|wrong number of args|wrong type for value|exceeded maximum|\w+: templates include)|: there is no dot here$`).MatchString(e.Reason)
}
