package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/render/funcs"
	"github.com/podfacts/podfacts/render/template"
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

// site is an expression, and where it stands.
type site struct{ where, at string }

const tplName = "tpl"

// explain turns an error of package template into one for who wrote the
// template. What has been explained within it says more.
func (t *Template) explain(err error) error {
	if inner, ok := errors.AsType[*TemplateError](err); ok {
		if failed, ok := errors.AsType[*template.Error](err); ok && inner.Where == "" { // inside tpl
			inner.Where = failed.Where()
		}
		return inner
	}
	failed, ok := errors.AsType[*template.Error](err)
	if !ok { // no template was executed
		return &TemplateError{Where: t.name, Reason: err.Error(), err: err}
	}
	e := &TemplateError{Where: failed.Where(), Reason: failed.Err.Error(), err: failed.Err}
	if failed.Function != "" {
		e.Reason = failed.Function + ": " + e.Reason
	}
	t.word(e, failed)
	t.withhold(e, failed)
	return e
}

// word finds the words for what podfacts knows more of than package template.
func (t *Template) word(e *TemplateError, failed *template.Error) {
	var (
		missing   *watch.MissingError
		key       *template.MissingKeyError
		noData    *template.NoDataError
		undefined *template.UndefinedError
	)
	switch {
	case errors.As(failed, &missing):
		e.Reason = missing.Error()
	case errors.As(failed, &key):
		t.explainKey(e, key, failed.Expression)
	case errors.As(failed, &noData):
		e.Reason, e.Hint = failed.Expression+": there is no dot here", `pass one, as in {{ template "name" . }}`
	case errors.As(failed, &undefined):
		e.Hint = t.instead(undefined.Function)
	case errors.Is(failed, template.ErrTooLong):
		e.Reason, e.Hint = fmt.Sprintf("the text is more than %d MiB", maxSize>>20), "does a loop in the template end?"
	}
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
func (t *Template) explainKey(e *TemplateError, key *template.MissingKeyError, at string) {
	if path, ok := t.sites[site{e.Where, at}]; ok && path != "" {
		if _, err := t.snapshot.Lookup(path); watch.IsMissing(err) {
			e.err = err
			e.Reason, e.Hint = withDefault(err, path)
			return
		}
	}
	e.err = &watch.MissingError{Path: watch.Path(at), Reason: key.Error()}
	e.Reason, e.Hint = at+": "+key.Error(), "get and dig take a default"
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

// instead says what to use in place of a function that does not exist.
func (t *Template) instead(function string) string {
	if why, ok := funcs.Unavailable(function); ok {
		return why
	}
	names := slices.Concat(template.Builtins(), funcs.Names(), slices.Collect(maps.Keys(t.bound())))
	slices.Sort(names)
	if near := watch.Nearest(function, names); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}
