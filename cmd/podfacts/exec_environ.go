package main

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// variables are what a command finds in its environment: podfacts' own, and
// those that were made of facts.
type variables struct {
	own  []string
	keep bool // own ones win

	mu    sync.Mutex
	taken []byte // in the dialect environ; nil: none so far
}

// take is for agent.Output. The first time is none that has changed anything:
// there is no command yet.
func (v *variables) take(content []byte) (changed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	changed = v.taken != nil && !bytes.Equal(v.taken, content)
	v.taken = append([]byte{}, content...)
	return changed
}

// environ is the whole environment.
func (v *variables) environ() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	base, over := v.own, splitEnviron(v.taken)
	if v.keep {
		base, over = over, base
	}
	set := make(map[string]bool, len(over))
	for _, variable := range over {
		set[nameOf(variable)] = true
	}
	environ := slices.DeleteFunc(slices.Clone(base), func(variable string) bool { return set[nameOf(variable)] })
	return append(environ, over...)
}

// splitEnviron takes the dialect environ apart.
func splitEnviron(content []byte) []string {
	if len(content) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(content), "\x00"), "\x00")
}

func nameOf(variable string) string {
	name, _, _ := strings.Cut(variable, "=")
	return name
}

// kept is e without the need for facts of which the environment holds the
// variable already: in their place is the text, for others to refer to.
func kept(e *render.Env, environ []string) *render.Env {
	set := make(map[string]string, len(environ))
	for _, variable := range slices.Backward(environ) { // the first of a name counts, as for getenv
		name, value, _ := strings.Cut(variable, "=")
		set[name] = value
	}
	k := *e
	k.Entries = slices.Clone(e.Entries)
	for _, v := range e.Names() {
		value, ok := set[v.Name]
		if !ok {
			continue
		}
		literal := render.Entry{Name: v.Name, Value: strings.ReplaceAll(value, "$", "$$")}
		if i := slices.IndexFunc(k.Entries, func(entry render.Entry) bool { return entry.Name == v.Name }); i >= 0 {
			k.Entries[i] = literal
		} else {
			k.Entries = slices.Insert(k.Entries, 0, literal) // before those that refer to it
		}
	}
	return &k
}

// environment is the environment of a command where files are expected: to be
// read by people, each variable as a shell would have it.
type environment struct{ *render.Env }

// Render writes a line for each variable, unless a value has several.
func (e environment) Render(ctx context.Context, w io.Writer, s *watch.Snapshot) error {
	var raw, lines bytes.Buffer
	if err := e.Env.Render(ctx, &raw, s); err != nil {
		return err
	}
	for _, variable := range splitEnviron(raw.Bytes()) {
		name, value, _ := strings.Cut(variable, "=")
		lines.WriteString(name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n")
	}
	_, err := w.Write(lines.Bytes())
	return err
}
