/*
Package agent puts the parts together: it collects a snapshot, renders the
outputs from it, and publishes them.

# Outputs and units

An [Output] is a renderer and the file that it fills. Outputs with the same
group are one unit, which changes as a whole or not at all. Within a round
everything is rendered before anything is written, so a template that fails
half-way leaves no trace.

# Once and always

[Agent.Once] is for init containers: all outputs or none, then done. Facts
that are missing are waited for. [Agent.Run] is for sidecars: it follows the
sources and publishes what has changed; a unit that fails keeps its last good
files and does not hold up the others, nor does one whose check is slow.
*/
package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// Output is one file and what fills it.
type Output struct {
	File     publish.File
	Renderer render.Renderer
	// Group names the outputs that are published together. They lie in one
	// directory. Empty: alone.
	Group string
}

// Agent renders outputs from sources.
type Agent struct {
	Sources []watch.Source // best first
	Outputs []Output
	Timing  watch.Timing
	// Wait is how long Once waits for facts that are missing. Zero: not at all.
	Wait time.Duration
	Log  *slog.Logger // nil: silent
}

// Once collects, renders and publishes. Missing facts are waited for as long
// as Wait says; then the error names each of them.
func (a *Agent) Once(ctx context.Context) error {
	r := a.round()
	r.clean()
	waiting := ctx // bounds sources; what is published is published in full
	if a.Wait > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, a.Wait)
		defer cancel()
	}
	snapshot, err := watch.Collect(waiting, a.Sources...)
	r.complain(snapshot, err)
	err = r.all(ctx, snapshot)
	if !mends(err) || a.Wait <= 0 {
		return err
	}
	r.log.Info("waiting for facts", "wait", a.Wait.String(), "missing", missing(err))

	last := err
	err = watch.Follow(waiting, a.Timing, func(snapshot *watch.Snapshot, err error) error {
		r.complain(snapshot, err)
		if last = r.all(ctx, snapshot); mends(last) {
			return nil // until something changes
		}
		return watch.Stop
	}, a.Sources...)
	switch {
	case ctx.Err() != nil:
		return prefix("stopped while waiting", last)
	case errors.Is(err, context.DeadlineExceeded):
		return prefix(fmt.Sprintf("after waiting %v", a.Wait), last)
	}
	return watch.Join(err, last)
}

// mends reports whether time may mend an error: facts are missing, and nothing
// else is wrong.
func mends(err error) bool {
	return err != nil && !slices.ContainsFunc(watch.Errors(err), func(e error) bool { return !watch.IsMissing(e) })
}

// prefix puts what errors have in common before each of an aggregate.
func prefix(what string, err error) error {
	errs := watch.Errors(err)
	told := make([]error, len(errs))
	for i, e := range errs {
		told[i] = fmt.Errorf("%s: %w", what, e)
	}
	return watch.Join(told...)
}

// Run collects, renders and publishes, and does so again whenever something
// has changed, until ctx ends. It returns nil then.
func (a *Agent) Run(ctx context.Context) error {
	r := a.round()
	r.clean()
	err := watch.Follow(ctx, a.Timing, func(snapshot *watch.Snapshot, err error) error {
		r.complain(snapshot, err)
		return r.each(ctx, snapshot)
	}, a.Sources...)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// round is what one Once or Run remembers between its rounds.
type round struct {
	log     *slog.Logger
	units   []unit
	last    *watch.Snapshot
	source  string         // what the sources last complained of
	failed  map[int]string // what each unit last failed with
	skipped map[int]string // what each unit last left out
}

func (a *Agent) round() *round {
	r := &round{log: a.Log, failed: make(map[int]string), skipped: make(map[int]string), last: &watch.Snapshot{}}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.units = units(a.Outputs)
	return r
}

// clean removes what a killed process has left.
func (r *round) clean() {
	for _, u := range r.units {
		if err := u.clean(); err != nil {
			r.log.Debug("could not clean up", "output", u.name(), "error", err)
		}
	}
}

// all publishes every unit, or none if any cannot be rendered.
func (r *round) all(ctx context.Context, s *watch.Snapshot) error {
	contents, errs := r.render(s)
	if err := watch.Join(errs...); err != nil {
		return err
	}
	r.publish(ctx, contents, errs, s)
	return watch.Join(errs...)
}

// each publishes every unit that it can.
func (r *round) each(ctx context.Context, s *watch.Snapshot) error {
	contents, errs := r.render(s)
	r.publish(ctx, contents, errs, s)
	for i, err := range errs {
		if err == nil {
			delete(r.failed, i)
			continue
		}
		if ctx.Err() == nil {
			r.complainOf(i, err)
		}
	}
	return watch.Join(errs...)
}

// render gives what each unit's files will hold, or its error.
func (r *round) render(s *watch.Snapshot) (contents [][][]byte, errs []error) {
	contents, errs = make([][][]byte, len(r.units)), make([]error, len(r.units))
	for i, u := range r.units {
		if contents[i], errs[i] = u.render(s); errs[i] == nil {
			r.complainOfSkipped(i, s)
		}
	}
	return contents, errs
}

// publish writes the units that have no error yet, all at the same time: the
// check of one may be slow, and the others do not wait for it.
func (r *round) publish(ctx context.Context, contents [][][]byte, errs []error, s *watch.Snapshot) {
	var all sync.WaitGroup
	for i, u := range r.units {
		if errs[i] == nil {
			all.Go(func() { errs[i] = r.publishUnit(ctx, u, contents[i], s) })
		}
	}
	all.Wait()
	r.last = s
}

// publishUnit writes one unit and logs what led to it.
func (r *round) publishUnit(ctx context.Context, u unit, contents [][]byte, s *watch.Snapshot) error {
	changed, err := u.publish(ctx, contents)
	if changed {
		facts := s.Changed(r.last)
		const most = 10
		attrs := []any{"output", u.name(), "changed", facts[:min(most, len(facts))]}
		if more := len(facts) - most; more > 0 {
			attrs = append(attrs, "more", more)
		}
		r.log.Info("published", attrs...)
	}
	return err
}

// unit is what changes as a whole: one output, or a group.
type unit struct {
	group   string
	outputs []Output
}

func units(outputs []Output) []unit {
	var all []unit
	for _, o := range outputs {
		i := slices.IndexFunc(all, func(u unit) bool { return o.Group != "" && u.group == o.Group })
		if i < 0 {
			all = append(all, unit{group: o.Group, outputs: []Output{o}})
			continue
		}
		all[i].outputs = append(all[i].outputs, o)
	}
	return all
}

func (u unit) name() string {
	if u.group != "" {
		return "group " + u.group
	}
	return u.outputs[0].File.Path
}

func (u unit) render(s *watch.Snapshot) ([][]byte, error) {
	var errs []error
	contents := make([][]byte, len(u.outputs))
	for i, o := range u.outputs {
		var b bytes.Buffer
		errs = append(errs, prefix(o.File.Path, o.Renderer.Render(&b, s)))
		contents[i] = b.Bytes()
	}
	return contents, watch.Join(errs...)
}

func (u unit) files() publish.Group {
	var g publish.Group
	for _, o := range u.outputs {
		g.Files = append(g.Files, o.File)
	}
	return g
}

func (u unit) publish(ctx context.Context, contents [][]byte) (bool, error) {
	if u.group != "" {
		return u.files().Publish(ctx, contents)
	}
	return u.outputs[0].File.Publish(ctx, contents[0])
}

func (u unit) clean() error {
	if u.group != "" {
		return u.files().Clean()
	}
	return u.outputs[0].File.Clean()
}

// missing names the facts that are waited for.
func missing(err error) []watch.Path {
	var paths []watch.Path
	for _, e := range watch.Errors(err) {
		var m *watch.MissingError
		if errors.As(e, &m) && !slices.Contains(paths, m.Path) {
			paths = append(paths, m.Path)
		}
	}
	return paths
}
