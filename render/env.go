package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/environ"
)

// Env writes variables in a dialect.
type Env struct {
	Name    string // the output's name in errors and needs
	Dialect envfile.Dialect
	// Presets come first; an entry of the same name replaces theirs.
	Presets []Preset
	Entries []Entry
	// Container is what a path without container means, such as
	// limits.memory; empty: the pod's default container.
	Container string
	// SkipInvalid leaves out what the dialect cannot hold, instead of failing.
	SkipInvalid bool
}

// Entry is one variable. Either From or Value is set.
type Entry struct {
	Name string
	From watch.Path
	// Value is literal text, in which $(NAME) stands for an earlier variable
	// of the same file, as in a pod's env.
	Value string
	// Default is written where the fact is missing, or where Percent refuses
	// it; nil makes it required.
	Default *string
	// Divisor divides a quantity. The result is a whole number, rounded up
	// as Kubernetes does, or down where Percent is set. Zero: no division,
	// the result is a quantity such as 2500m.
	Divisor resource.Quantity
	// Percent takes a share of a quantity, for headroom under a limit; it
	// refuses a limit that nobody set, and while a resize is pending takes the
	// smaller one. Zero: all of it.
	Percent float64
	// AllowUnset lets Percent use the node's allocatable for an unset limit.
	AllowUnset bool
	// Where is the place in the configuration, for errors: "podfacts.yaml:12".
	Where string
}

// Needs lists the facts of the presets and entries.
func (e *Env) Needs() watch.Needs {
	var needs watch.Needs
	for _, p := range e.Presets {
		for _, path := range p.paths {
			needs = append(needs, watch.Need{Path: e.path(path), Optional: true, By: e.Name + ": preset " + p.name})
		}
	}
	for _, entry := range e.Entries {
		if entry.From != "" {
			needs = append(needs, watch.Need{Path: e.path(entry.From), Optional: entry.Default != nil, By: e.Name + ": " + entry.Name})
		}
	}
	return needs
}

// Render writes the file. It reports everything that is wrong at once.
func (e *Env) Render(_ context.Context, w io.Writer, s *watch.Snapshot) error {
	variables, errs := e.variables(s)
	out, invalid := e.Dialect.Append(nil, entries(variables))
	if !e.SkipInvalid {
		for _, i := range invalid {
			errs = append(errs, invalidVariable(i, variables))
		}
	}
	if len(errs) > 0 {
		return joined(errs)
	}
	_, err := w.Write(out)
	return err
}

// Skipped says which variables Render leaves out because of SkipInvalid, and
// why. Where Render fails, it says nothing.
func (e *Env) Skipped(s *watch.Snapshot) []error {
	variables, errs := e.variables(s)
	if !e.SkipInvalid || len(errs) > 0 {
		return nil
	}
	_, invalid := e.Dialect.Append(nil, entries(variables))
	for _, i := range invalid {
		errs = append(errs, invalidVariable(i, variables))
	}
	return errs
}

// VariableName is a variable that a file may hold.
type VariableName struct {
	Name     string
	Optional bool // it may be absent
}

// Names lists the variables that the file can hold, as far as they do not
// depend on the pod: what the labels preset writes does.
func (e *Env) Names() []VariableName {
	var all []VariableName
	for _, p := range e.Presets {
		for _, name := range p.names {
			if !e.sets(name) && !slices.Contains(all, VariableName{name, true}) {
				all = append(all, VariableName{name, true})
			}
		}
	}
	for _, entry := range e.Entries {
		all = append(all, VariableName{entry.Name, e.SkipInvalid})
	}
	return all
}

// Variable is one variable with the fact it was made from, if any.
type Variable struct {
	Name, Value string
	From        watch.Path
	Where       string
}

// Variables evaluates presets and entries, without a dialect. Names are
// distinct.
func (e *Env) Variables(s *watch.Snapshot) ([]Variable, error) {
	variables, errs := e.variables(s)
	return variables, joined(errs)
}

func (e *Env) variables(s *watch.Snapshot) ([]Variable, []error) {
	var errs []error
	var variables []Variable
	var claims []envfile.Claim
	index := make(map[string]int)
	add := func(v Variable) {
		if i, ok := index[v.Name]; ok {
			variables[i] = v
			return
		}
		index[v.Name] = len(variables)
		variables = append(variables, v)
	}
	for _, p := range e.Presets {
		made, problems := p.make(presetContext{s: s, env: e})
		for _, err := range problems {
			errs = append(errs, fmt.Errorf("preset %s: %w", p.name, err))
		}
		for _, v := range made {
			claim := envfile.Claim{Name: v.Name, By: string(v.From)}
			if !e.sets(v.Name) && !slices.Contains(claims, claim) {
				claims = append(claims, claim)
			}
			add(v)
		}
	}
	for _, collision := range envfile.Collisions(claims) {
		errs = append(errs, fmt.Errorf("%w, or say by an env entry %s which it is", collision, collision.Name))
	}
	for _, entry := range e.Entries {
		v, err := e.value(s, entry, variables)
		if err != nil {
			errs = append(errs, located(entry.Where, fmt.Errorf("%s: %w", entry.Name, err)))
			continue
		}
		add(Variable{Name: entry.Name, Value: v, From: entry.From, Where: entry.Where})
	}
	return variables, sayOnce(errs)
}

// sayOnce keeps one of the errors that the choice of a container mends.
func sayOnce(errs []error) []error {
	said := false
	return slices.DeleteFunc(errs, func(err error) bool {
		_, ambiguous := errors.AsType[*watch.ContainerError](err)
		again := ambiguous && said
		said = said || ambiguous
		return again
	})
}

// sets reports whether an entry sets a variable, and so overrides presets.
func (e *Env) sets(name string) bool {
	return slices.ContainsFunc(e.Entries, func(entry Entry) bool { return entry.Name == name })
}

// value evaluates one entry.
func (e *Env) value(s *watch.Snapshot, entry Entry, earlier []Variable) (string, error) {
	if entry.From == "" {
		return environ.Expand(entry.Value, valueIn(earlier)), nil
	}
	look := s.Lookup
	if entry.Percent != 0 {
		look = s.Headroom
	}
	fact, err := look(e.path(entry.From))
	refused := err == nil && entry.Percent != 0 && fact.Unset && !entry.AllowUnset
	switch {
	case entry.Default != nil && (refused || watch.IsMissing(err)):
		return *entry.Default, nil
	case err != nil:
		return "", err
	case refused:
		return "", fmt.Errorf("%s is not set on the pod, and a share of the node's allocatable is no headroom; set it, give a default, or say allowUnset: true", fact.Path)
	case entry.Percent == 0 && entry.Divisor.IsZero():
		return Text(fact)
	}
	return share(fact, entry.Percent, entry.Divisor)
}

// valueIn looks a variable up among earlier ones.
func valueIn(earlier []Variable) func(string) (string, bool) {
	return func(name string) (string, bool) {
		i := slices.IndexFunc(earlier, func(v Variable) bool { return v.Name == name })
		if i < 0 {
			return "", false
		}
		return earlier[i].Value, true
	}
}

// path gives a path without container the configured one.
func (e *Env) path(p watch.Path) watch.Path { return InContainer(p, e.Container) }

// InContainer turns limits.memory into containers.NAME.limits.memory; other
// paths, and all paths where name is empty, stay as they are.
func InContainer(p watch.Path, name string) watch.Path {
	if name != "" && (watch.Path("limits").Covers(p) || watch.Path("requests").Covers(p)) {
		below := watch.Path("containers").Key(name)
		for _, segment := range p.Segments() {
			below = below.Key(segment)
		}
		return below
	}
	return p
}

func entries(variables []Variable) []envfile.Entry {
	out := make([]envfile.Entry, len(variables))
	for i, v := range variables {
		out[i] = envfile.Entry{Name: v.Name, Value: v.Value}
	}
	return out
}

// invalidVariable says which fact and which line of the configuration made a
// variable that the dialect cannot hold.
func invalidVariable(i *envfile.InvalidError, variables []Variable) error {
	v := variables[i.Index]
	if v.From != "" {
		return located(v.Where, fmt.Errorf("%w (from %s)", i, v.From))
	}
	return located(v.Where, i)
}
