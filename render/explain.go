package render

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/render/funcs"
	"github.com/podfacts/podfacts/watch"
)

// TemplateError is what is wrong with a template, and where. It never quotes
// the value of a sensitive fact.
type TemplateError struct {
	Where  string // file:line:column
	Reason string
	Hint   string
	err    error
}

func (e *TemplateError) Error() string {
	s := e.Where + ": " + e.Reason
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap gives the cause, a [watch.MissingError] where a fact is missing.
func (e *TemplateError) Unwrap() error { return e.err }

// site is an expression as text/template names it in errors.
type site struct{ where, at string }

const (
	noEntry = "map has no entry for key" // text/template, evalField
	tplName = "tpl"
)

// explain turns an error of text/template into ours. It reads "template:
// NAME:3:10: executing "NAME" at <.node.zone>: map has no entry for key
// "zone"", and for functions "error calling NAME: …".
func (t *Template) explain(err error) error {
	e := &TemplateError{Where: t.name, Reason: err.Error(), err: err}
	of := func(name string) *regexp.Regexp {
		return regexp.MustCompile(`^template: (` + regexp.QuoteMeta(name) + `:\d+(?::\d+)?): ((?s).*)$`)
	}
	for _, name := range []string{t.name, tplName} {
		if m := of(name).FindStringSubmatch(e.Reason); m != nil {
			e.Where, e.Reason = m[1], m[2]
			break
		}
	}
	if inner, ok := errors.AsType[*TemplateError](err); ok {
		if inner.Where == "" { // inside tpl
			inner.Where = e.Where
		}
		return inner
	}
	at := ""
	if m := regexp.MustCompile(`^executing .*? at <(.*?)>: ((?s).*)$`).FindStringSubmatch(e.Reason); m != nil {
		at, e.Reason = m[1], m[2]
	}
	e.Reason = regexp.MustCompile(`^error calling (\w+): `).ReplaceAllString(e.Reason, "$1: ")

	var missing *watch.MissingError
	switch {
	case errors.As(err, &missing):
		e.Reason = missing.Error()
	case strings.Contains(e.Reason, noEntry):
		t.explainKey(e, at)
	case strings.HasPrefix(e.Reason, "nil data; no entry for key"):
		e.Reason, e.Hint = at+": there is no dot here", `pass one, as in {{ template "name" . }}`
	case strings.Contains(e.Reason, "not defined"):
		e.Hint = t.undefined(e.Reason)
	}
	t.withhold(e, at)
	return e
}

// explainTpl explains an error inside the text that tpl was given, whose place
// is that of the call.
func (t *Template) explainTpl(err error) error {
	var e *TemplateError
	if !errors.As(t.explain(err), &e) {
		return err
	}
	if line, ok := strings.CutPrefix(e.Where, tplName+":"); ok {
		e.Where, e.Reason = "", fmt.Sprintf("in the text of tpl, at %s: %s", line, e.Reason)
	}
	return e
}

// explainKey says which fact a missing key is, where the expression's place
// tells it.
func (t *Template) explainKey(e *TemplateError, at string) {
	if path, ok := t.sites[site{e.Where, at}]; ok && path != "" {
		if _, err := t.snapshot.Lookup(path); watch.IsMissing(err) {
			e.err = err
			e.Reason, e.Hint = withDefault(err, path)
			return
		}
	}
	reason := e.Reason[strings.Index(e.Reason, noEntry):]
	e.err = &watch.MissingError{Path: watch.Path(at), Reason: reason}
	e.Reason, e.Hint = at+": "+reason, "get and dig take a default"
}

// withDefault splits a missing fact into reason and hint, which shows how a
// default is written.
func withDefault(err error, path watch.Path) (reason, hint string) {
	const advice = "give it a default"
	missing, ok := errors.AsType[*watch.MissingError](err)
	if !ok {
		return err.Error(), ""
	}
	written := fmt.Sprintf(`%s, {{ fact %q "default" }}`, advice, string(path))
	before, after, advised := strings.Cut(missing.Hint, advice)
	switch {
	case advised:
		hint = before + written + after
	case missing.Hint != "":
		hint = missing.Hint + "; or " + written
	default:
		hint = written
	}
	return (&watch.MissingError{Path: missing.Path, Reason: missing.Reason}).Error(), hint
}

// undefined says what to use in place of a function that does not exist.
func (t *Template) undefined(reason string) string {
	m := regexp.MustCompile(`function "(.*?)" not defined`).FindStringSubmatch(reason)
	if m == nil {
		return ""
	}
	if why, ok := funcs.Unavailable(m[1]); ok {
		return why
	}
	// Those of text/template itself it does not list.
	builtin := []string{"and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf", "println", "slice", "urlquery"}
	names := slices.Concat(builtin, funcs.Names(), slices.Collect(maps.Keys(t.bound())))
	slices.Sort(names)
	if near := watch.Nearest(m[1], names); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}
