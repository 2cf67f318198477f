package render

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/template"

	"github.com/podfacts/podfacts/render/funcs"
	"github.com/podfacts/podfacts/watch"
)

// Template renders a text/template. Its dot is the view as a tree
// ([watch.Snapshot.Tree]), in which a group that nothing is known of is empty.
// A key that does not exist is an error, also for index. Beside the functions
// of package funcs it has
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
// The zero Template writes nothing.
type Template struct {
	name      string
	container string
	parsed    *template.Template
	needs     watch.Needs
	sites     map[site]watch.Path // what expressions stand for, to explain errors
	changes   bool                // it may change what dot holds
	groups    []string            // of the vocabulary

	mu       sync.Mutex
	snapshot *watch.Snapshot    // while rendering
	defined  *template.Template // what include sees: parsed, or a copy inside tpl
	depth    int                // of include and tpl
	size     int                // of the last result
	paths    map[string]watch.Path
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
	a, err := analyze(t.parsed, t.container)
	if err != nil {
		return nil, err
	}
	t.needs, t.sites, t.changes, t.groups = a.needs, a.sites, a.changes, groups()
	return t, nil
}

// Needs lists what the template mentions. Required is what it is sure to fail
// without; in a branch that may not run, and with a default, a need is optional.
func (t *Template) Needs() watch.Needs { return t.needs }

// Render executes the template.
func (t *Template) Render(w io.Writer, s *watch.Snapshot) error {
	if t.parsed == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.snapshot, t.defined = s, t.parsed
	defer func() { t.snapshot, t.defined = nil, nil }()
	to, direct := w.(buffer)
	if !direct {
		to = new(bytes.Buffer)
	}
	to.Grow(t.size)
	start := len(to.Bytes())
	if err := t.parsed.Execute(to, t.dot(s)); err != nil {
		return t.explain(err)
	}
	t.size = len(to.Bytes()) - start
	if direct {
		return nil
	}
	if _, err := to.(*bytes.Buffer).WriteTo(w); err != nil {
		return t.explain(err)
	}
	return nil
}

// buffer is a [bytes.Buffer], or one that knows when it is enough. Others get
// all of a template or nothing.
type buffer interface {
	io.Writer
	Grow(n int)
	Bytes() []byte
}

// dot is the tree with every group there is. Where the template calls set or
// its like, it is a copy down to the maps of strings, which no function
// changes.
func (t *Template) dot(s *watch.Snapshot) map[string]any {
	tree := s.Tree()
	if t.changes {
		tree = own(tree).(map[string]any)
	} else {
		tree = maps.Clone(tree)
	}
	for _, group := range t.groups {
		if _, known := tree[group]; !known {
			tree[group] = map[string]any{}
		}
	}
	return tree
}

// changesMaps reports whether a function works in place, or runs text that may
// call one that does.
func changesMaps(function string) bool {
	switch strings.TrimPrefix(function, "sprig_") {
	case "set", "unset", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite", "mergeMap", "mergeMapWithOverride", "tpl":
		return true
	}
	return false
}

// groups lists the groups that dot always holds.
func groups() []string {
	var all []string
	for _, f := range watch.Vocabulary() {
		group, _, ok := strings.Cut(f.Pattern, ".")
		if ok && !aliasGroup(watch.Path(group)) && !slices.Contains(all, group) {
			all = append(all, group)
		}
	}
	return all
}

// aliasGroup reports whether a path means the default container's: a name for
// facts that the tree holds under containers.
func aliasGroup(p watch.Path) bool {
	return watch.Path("limits").Covers(p) || watch.Path("requests").Covers(p)
}

// own copies what functions may change.
func own(value any) any {
	switch v := value.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			m[key] = own(value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, value := range v {
			list[i] = own(value)
		}
		return list
	}
	return value
}

// bound makes the functions that see the snapshot.
func (t *Template) bound() template.FuncMap {
	env := func(name string, otherwise ...any) (any, error) {
		return t.lookup(watch.Path("env").Key(name), otherwise)
	}
	return template.FuncMap{
		"fact":         t.fact,
		"hasFact":      t.hasFact,
		"env":          func(name string) (any, error) { return env(name, "") },
		"mustEnv":      func(name string) (any, error) { return env(name) },
		"envOrDefault": func(name, otherwise string) (any, error) { return env(name, otherwise) },
		"file":         func(path string) (any, error) { return t.lookup(watch.Path("files").Key(path), nil) },
		"include":      t.include,
		"tpl":          t.tpl,
		"index":        strictIndex,
	}
}

func (t *Template) fact(name string, otherwise ...any) (any, error) {
	if len(otherwise) > 1 {
		return nil, fmt.Errorf("takes a path and one default, not %d", len(otherwise))
	}
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	return t.lookup(path, otherwise)
}

// path reads a fact's path, and remembers it: a template names the same few at
// each render. Paths that data makes are not let to pile up.
func (t *Template) path(name string) (watch.Path, error) {
	if p, known := t.paths[name]; known {
		return p, nil
	}
	p, err := watch.ParsePath(name)
	if err != nil {
		return "", err
	}
	const most = 1000
	if t.paths == nil || len(t.paths) >= most {
		t.paths = make(map[string]watch.Path)
	}
	t.paths[name] = InContainer(p, t.container)
	return t.paths[name], nil
}

func (t *Template) lookup(p watch.Path, otherwise []any) (any, error) {
	f, err := t.snapshot.Lookup(p)
	if watch.IsMissing(err) && len(otherwise) > 0 {
		return otherwise[0], nil
	}
	if err != nil {
		return nil, err
	}
	if !t.changes {
		return f.Value, nil
	}
	return own(f.Value), nil
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
	if t.defined.Lookup(name) == nil {
		return "", fmt.Errorf("template %q is not defined", name)
	}
	return t.nested(func(b *strings.Builder) error {
		if err := t.defined.ExecuteTemplate(b, name, data); err != nil {
			return t.explain(err)
		}
		return nil
	})
}

// tpl executes text that may define and include templates of its own.
func (t *Template) tpl(text string, data any) (string, error) {
	outer := t.defined
	defer func() { t.defined = outer }()
	return t.nested(func(b *strings.Builder) error {
		clone, err := outer.Clone()
		if err != nil {
			return err
		}
		t.defined = clone
		parsed, err := clone.New(tplName).Parse(text)
		if err == nil {
			err = parsed.Execute(b, data)
		}
		if err != nil {
			return t.explainTpl(err)
		}
		return nil
	})
}

func (t *Template) nested(execute func(*strings.Builder) error) (string, error) {
	if t.depth++; t.depth > maxDepth {
		t.depth--
		return "", fmt.Errorf("templates include each other more than %d deep; look for one that includes itself", maxDepth)
	}
	defer func() { t.depth-- }()
	var b strings.Builder
	err := execute(&b)
	return b.String(), err
}
