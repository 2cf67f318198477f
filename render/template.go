package render

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/template/parse"

	"github.com/podfacts/podfacts/render/funcs"
	"github.com/podfacts/podfacts/render/template"
	"github.com/podfacts/podfacts/watch"
)

// Template renders a template in the language of text/template. Its dot is the view as a tree
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
	set       *template.Set
	main      *parse.Tree
	needs     watch.Needs
	sites     map[site]watch.Path // what expressions stand for, to explain errors
	changes   bool                // it may change what dot holds
	groups    []string            // of the vocabulary

	mu       sync.Mutex
	snapshot *watch.Snapshot // while rendering
	run      template.Run
	defined  *template.Set // what include sees: set, or a copy inside tpl
	depth    int           // of include and tpl
	size     int           // of the last result
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
	t.set = &template.Set{LeftDelim: options.LeftDelim, RightDelim: options.RightDelim, Funcs: funcs.Map()}
	maps.Copy(t.set.Funcs, t.bound())
	var err error
	if t.main, err = t.set.Parse(name, text); err != nil {
		return nil, t.explain(err)
	}
	a, err := analyze(t.set, t.main, t.container)
	if err != nil {
		return nil, err
	}
	t.needs, t.sites, t.changes, t.groups = a.needs, a.sites, a.changes, groups()
	return t, nil
}

// Needs lists what the template mentions. Required is what it is sure to fail
// without; in a branch that may not run, and with a default, a need is optional.
func (t *Template) Needs() watch.Needs { return t.needs }

// maxSize is how long a text may be, in bytes: the output, with what nested
// templates write at the time. Nothing that podfacts is for comes near; a loop
// that never ends does.
const maxSize = 64 << 20

// Render executes the template. An error leaves nothing written.
func (t *Template) Render(ctx context.Context, w io.Writer, s *watch.Snapshot) error {
	if t.set == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.snapshot, t.defined = s, t.set
	t.run = template.Run{Context: ctx, Max: maxSize, Out: room(w, t.size)}
	defer func() { t.snapshot, t.defined, t.run = nil, nil, template.Run{} }()
	if err := t.run.Execute(t.set, t.main, t.dot(s)); err != nil {
		return t.explain(err)
	}
	t.size = len(t.run.Out)
	if _, err := w.Write(t.run.Out); err != nil {
		return &TemplateError{Where: t.name, Reason: err.Error(), err: err}
	}
	return nil
}

// room is where as much as the last time can be written: in the buffer itself,
// if that is what takes it.
func room(w io.Writer, size int) []byte {
	if b, ok := w.(*bytes.Buffer); ok {
		b.Grow(size)
		return b.AvailableBuffer()
	}
	return make([]byte, 0, size)
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
func (t *Template) bound() map[string]any {
	env := func(name string, otherwise ...any) (any, error) {
		return t.lookup(watch.Path("env").Key(name), otherwise)
	}
	return map[string]any{
		"fact":         t.fact,
		"hasFact":      t.hasFact,
		"env":          func(name string) (any, error) { return env(name, "") },
		"mustEnv":      func(name string) (any, error) { return env(name) },
		"envOrDefault": func(name, otherwise string) (any, error) { return env(name, otherwise) },
		"file":         func(path string) (any, error) { return t.lookup(watch.Path("files").Key(path), nil) },
		"include":      t.include,
		"tpl":          t.tpl,
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
	tree := t.defined.Lookup(name)
	if tree == nil {
		return "", fmt.Errorf("template %q is not defined", name)
	}
	if t.depth == maxDepth {
		return "", errTooDeep
	}
	text, err := t.nested(t.defined, tree, data)
	if err != nil {
		return "", t.explain(err)
	}
	return text, nil
}

// tpl executes text that may define and include templates of its own.
func (t *Template) tpl(text string, data any) (string, error) {
	if t.depth == maxDepth {
		return "", errTooDeep
	}
	outer := t.defined
	defer func() { t.defined = outer }()
	t.defined = outer.Clone()
	tree, err := t.defined.Parse(tplName, text)
	if err == nil {
		text, err = t.nested(t.defined, tree, data)
	}
	if err != nil {
		return "", t.explainTpl(err)
	}
	return text, nil
}

func (t *Template) nested(set *template.Set, tree *parse.Tree, data any) (string, error) {
	t.depth++
	defer func() { t.depth-- }()
	return t.run.Text(set, tree, data)
}

var errTooDeep = fmt.Errorf("templates include each other more than %d deep; look for one that includes itself", maxDepth)
