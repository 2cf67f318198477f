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
files and does not hold up the others, nor does one whose check is slow. What
could not be written, or was removed by others, is written again within seconds
of when it can be.
*/
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// Output is one file, or whatever else takes the content, and what fills it.
type Output struct {
	File     publish.File
	Renderer render.Renderer
	// CheckTimeout is that of File.Check. Zero: it takes seconds.
	CheckTimeout time.Duration
	// Group names the outputs that are published together. They lie in one
	// directory. Empty: alone.
	Group string
	// Take, where set, gets the content in place of a file, and reports whether
	// that changed anything. File.Path then is no more than the output's name.
	Take func(content []byte) (changed bool)
}

// Agent renders outputs from sources.
type Agent struct {
	Sources []watch.Source // best first
	Outputs []Output
	// Hooks are told when outputs have changed.
	Hooks []Hook
	// StateDir is where it is kept what hooks were told. Empty: beside the outputs.
	StateDir string
	// Needs are those of whoever gets the facts by Report, beside what the outputs
	// need. They are passed on in Started.
	Needs  watch.Needs
	Timing watch.Timing
	// Wait is how long Once waits for facts that are missing. Zero: not at all.
	Wait time.Duration
	Log  *slog.Logger // nil: silent
	// Report, where set, is told what the agent does as it happens, also by
	// several goroutines at the same time. It must not block.
	Report func(Report)
}

// Once collects, renders and publishes, and then runs the hooks that are due,
// save those that would end the process. Missing facts are waited for as long as
// Wait says; then the error names each of them. Hooks that fail are tried again
// as long, and where Wait is zero not at all.
func (a *Agent) Once(ctx context.Context) error {
	r := a.round()
	// What an init container is followed by has not read the files yet, so that
	// nothing need be started again.
	r.herald.SpareExits = true
	r.clean()
	waiting, cancel := a.wait(ctx) // bounds sources; what is published is published in full
	defer cancel()
	snapshot, err := watch.Collect(waiting, a.Sources...)
	r.looked(snapshot, err)
	err = r.all(ctx, snapshot)
	switch {
	case err == nil:
		return a.notify(ctx, r)
	case !mends(err) || a.Wait <= 0:
		return err
	}
	r.log.Info("waiting for facts", "wait", a.Wait.String(), "missing", missing(err))

	last := err
	err = watch.Follow(waiting, a.Timing, func(snapshot *watch.Snapshot, err error) error {
		r.looked(snapshot, err)
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
	if err := watch.Join(err, last); err != nil {
		return err
	}
	return a.notify(ctx, r)
}

// wait bounds ctx by Wait, where there is one.
func (a *Agent) wait(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.Wait <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, a.Wait)
}

// notify runs the hooks that are due, and waits for them.
func (a *Agent) notify(ctx context.Context, r *round) error {
	if len(a.Hooks) == 0 {
		return nil
	}
	if a.Wait <= 0 {
		return r.herald.Try(ctx, notify.Publication{})
	}
	ctx, cancel := context.WithTimeoutCause(ctx, a.Wait, fmt.Errorf("no success within %v", a.Wait))
	defer cancel()
	return r.herald.Once(ctx, notify.Publication{}) // the rounds have told what is published
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
// has changed, until ctx ends. It returns nil then. A hook may end it with a
// [*notify.ExitError].
func (a *Agent) Run(ctx context.Context) error {
	r := a.round()
	r.clean()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heralded := make(chan error, 1)
	go func() {
		err := r.herald.Run(ctx)
		if err != nil {
			cancel()
		}
		heralded <- err
	}()
	err := watch.Keep(ctx, a.Timing, func(snapshot *watch.Snapshot, err error) error {
		r.looked(snapshot, err)
		return r.each(ctx, snapshot)
	}, r.amiss, a.Sources...)
	cancel()
	if told := <-heralded; told != nil {
		return told
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
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
