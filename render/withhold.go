package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/render/template"
	"github.com/podfacts/podfacts/watch"
)

// withhold drops the reason for a failure where it may quote a sensitive
// value, as it is or transformed: most functions quote what they cannot use.
func (t *Template) withhold(e *TemplateError, failed *template.Error) {
	name, values := t.sensitive()
	if name == "" || quotesNothing(e, failed) && !slices.ContainsFunc(values, func(v string) bool { return strings.Contains(e.Reason, v) }) {
		return
	}
	at := failed.Expression
	if at == "" || failed.Name == tplName {
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
func quotesNothing(e *TemplateError, failed *template.Error) bool {
	executing := failed.Expression != "" // the parser quotes the text, which tpl may have from a fact
	return watch.IsMissing(e.err) || executing && failed.Function == "" || errors.Is(failed, errTooDeep) || errors.Is(failed, template.ErrTooLong)
}
