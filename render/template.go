package render

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/template"

	"github.com/podfacts/podfacts/render/funcs"
	"github.com/podfacts/podfacts/watch"
)

// Template renders a text/template. Its dot is the view as a tree
// ([watch.Snapshot.Tree]); a key that does not exist is an error, also for
// index. Beside the functions of package funcs it has
//
//	fact "pod.labels['app']"          any fact; an error where it is missing
//	fact "node.zone" "unknown"        with a default
//	hasFact "node.zone"               whether it is known
//	env "NAME"                        the fact env.NAME, empty where missing
//	mustEnv, envOrDefault             as in consul-template
//	file "ca.crt"                     the fact files['ca.crt']
//	include "name" .                  a named template as a string, as in Helm
//	tpl "{{ … }}" .                   a string as a template, as in Helm
//
// A Template may be used from several goroutines, which wait for each other.
type Template struct {
	name      string
	container string
	parsed    *template.Template
	needs     watch.Needs

	mu       sync.Mutex
	snapshot *watch.Snapshot // while rendering
	depth    int             // of include and tpl
}

// TemplateOptions change how a template is read.
type TemplateOptions struct {
	// LeftDelim and RightDelim replace {{ and }}.
	LeftDelim, RightDelim string
	// Container is what a fact path without container means.
	Container string
}

// ParseTemplate reads a template. The name stands in errors, and is best the
// file's path. An error names the line, and what to write instead.
func ParseTemplate(name, text string, options TemplateOptions) (*Template, error) {
	t := &Template{name: name, container: options.Container}
	t.parsed = template.New(name).
		Delims(options.LeftDelim, options.RightDelim).
		Option("missingkey=error").
		Funcs(funcs.Map()).Funcs(t.bound())
	if _, err := t.parsed.Parse(text); err != nil {
		return nil, t.explain(err)
	}
	needs, err := analyze(t)
	if err != nil {
		return nil, err
	}
	t.needs = needs
	return t, nil
}

// Needs lists what the template mentions. Since a template's branches may
// not run, its needs are optional: what is missing shows when it renders.
func (t *Template) Needs() watch.Needs { return t.needs }

// Render executes the template.
func (t *Template) Render(w io.Writer, s *watch.Snapshot) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.snapshot = s
	defer func() { t.snapshot = nil }()
	if err := t.parsed.Execute(w, s.Tree()); err != nil {
		return t.explain(err)
	}
	return nil
}

// bound makes the functions that see the snapshot.
func (t *Template) bound() template.FuncMap {
	return template.FuncMap{
		"fact":         t.fact,
		"hasFact":      t.hasFact,
		"env":          func(name string) (any, error) { return t.fact("env."+name, "") },
		"mustEnv":      func(name string) (any, error) { return t.fact("env." + name) },
		"envOrDefault": func(name, otherwise string) (any, error) { return t.fact("env."+name, otherwise) },
		"file":         func(path string) (any, error) { return t.fact(string(watch.Path("files").Key(path))) },
		"include":      t.include,
		"tpl":          t.tpl,
		"index":        strictIndex,
	}
}

func (t *Template) fact(name string, otherwise ...any) (any, error) {
	path, err := watch.ParsePath(name)
	if err != nil {
		return nil, err
	}
	f, err := t.snapshot.Lookup(InContainer(path, t.container))
	if watch.IsMissing(err) && len(otherwise) > 0 {
		return otherwise[0], nil
	}
	if err != nil {
		return nil, err
	}
	return f.Value, nil
}

func (t *Template) hasFact(name string) (bool, error) {
	_, err := t.fact(name)
	if watch.IsMissing(err) {
		return false, nil
	}
	return err == nil, err
}

// maxDepth bounds templates that include themselves.
const maxDepth = 100

func (t *Template) include(name string, data any) (string, error) {
	return t.nested(func(b *strings.Builder) error { return t.parsed.ExecuteTemplate(b, name, data) })
}

func (t *Template) tpl(text string, data any) (string, error) {
	return t.nested(func(b *strings.Builder) error {
		clone, err := t.parsed.Clone()
		if err != nil {
			return err
		}
		parsed, err := clone.New("tpl").Parse(text)
		if err != nil {
			return err
		}
		return parsed.Execute(b, data)
	})
}

func (t *Template) nested(execute func(*strings.Builder) error) (string, error) {
	if t.depth++; t.depth > maxDepth {
		return "", fmt.Errorf("templates include each other more than %d deep", maxDepth)
	}
	defer func() { t.depth-- }()
	var b strings.Builder
	err := execute(&b)
	return b.String(), err
}

// strictIndex is text/template's index, but a key that a map lacks is an
// error and not an empty value.
func strictIndex(item any, keys ...any) (any, error) {
	v := reflect.ValueOf(item)
	for _, key := range keys {
		for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.Map:
			k := reflect.ValueOf(key)
			if !k.IsValid() || !k.CanConvert(v.Type().Key()) || k.Kind() != v.Type().Key().Kind() {
				return nil, fmt.Errorf("index: a key of this map is a %s, not %v", v.Type().Key(), key)
			}
			value := v.MapIndex(k)
			if !value.IsValid() {
				return nil, &keyError{fmt.Sprint(key)}
			}
			v = value
		case reflect.Slice, reflect.Array, reflect.String:
			k := reflect.ValueOf(key)
			if !k.IsValid() || !k.CanInt() {
				return nil, fmt.Errorf("index: a list is indexed by a number, not %v", key)
			}
			if i := k.Int(); i < 0 || i >= int64(v.Len()) {
				return nil, fmt.Errorf("index: %d is out of range, the list has %d", i, v.Len())
			}
			v = v.Index(int(k.Int()))
		default:
			return nil, fmt.Errorf("index: %s has no entries", describeKind(v))
		}
	}
	if !v.IsValid() {
		return nil, nil
	}
	return v.Interface(), nil
}

func describeKind(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	return "a " + v.Kind().String()
}

// keyError is a map without a key.
type keyError struct{ key string }

func (e *keyError) Error() string { return fmt.Sprintf("map has no entry for key %q", e.key) }

// TemplateError is what is wrong with a template, and where.
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

// What text/template says: "template: NAME:3:10: executing "NAME" at
// <.node.zone>: map has no entry for key "zone"".
func (t *Template) explain(err error) error {
	var nested *TemplateError
	if errors.As(err, &nested) {
		return nested
	}
	e := &TemplateError{Where: t.name, Reason: err.Error(), err: err}
	message := strings.TrimPrefix(err.Error(), "template: ")
	if m := regexp.MustCompile(`^(.*?:\d+(?::\d+)?): (?s)(.*)$`).FindStringSubmatch(message); m != nil {
		e.Where, e.Reason = m[1], m[2]
	}
	at := ""
	if m := regexp.MustCompile(`^executing .*? at <(.*?)>: (?s)(.*)$`).FindStringSubmatch(e.Reason); m != nil {
		at, e.Reason = m[1], m[2]
	}
	// A function's error stands behind the call it came from.
	if m := regexp.MustCompile(`^error calling (\w+): (?s)(.*)$`).FindStringSubmatch(e.Reason); m != nil {
		e.Reason = m[1] + ": " + strings.TrimPrefix(m[2], m[1]+": ")
	}
	var missing *watch.MissingError
	switch {
	case errors.As(err, &missing):
		e.Reason = missing.Error()
	case strings.Contains(e.Reason, "map has no entry for key"):
		e.err, e.Reason, e.Hint = t.missing(at, e.Reason)
	case strings.Contains(e.Reason, "not defined"):
		e.Hint = t.undefined(e.Reason)
	}
	return e
}

// missing turns text/template's word on a missing key into ours: the fact's
// path where the expression tells it.
func (t *Template) missing(at, reason string) (err error, text, hint string) {
	hint = `{{ fact "…" "default" }}, get and dig take a default`
	fields := strings.TrimLeft(at, "$")
	if strings.HasPrefix(fields, ".") && t.snapshot != nil {
		path, parseErr := watch.ParsePath(fields[1:])
		var unknown *watch.UnknownFactError
		if errors.As(parseErr, &unknown) {
			return parseErr, fmt.Sprintf("%s: %s", at, unknown), ""
		}
		if parseErr == nil {
			if _, lookupErr := t.snapshot.Lookup(path); watch.IsMissing(lookupErr) {
				return lookupErr, lookupErr.Error(), fmt.Sprintf(`or give it a default: {{ fact %q "default" }}`, string(path))
			}
		}
	}
	missing := &watch.MissingError{Path: watch.Path(at), Reason: reason}
	if at == "" {
		missing.Path = "key"
	}
	return missing, strings.TrimSpace(at + ": " + reason), hint
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
	names := slices.Concat(slices.Collect(maps.Keys(funcs.Map())), slices.Collect(maps.Keys(t.bound())))
	slices.Sort(names)
	if near := watch.Nearest(m[1], names); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}
