package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/watch"
)

// round is what one Once or Run remembers between its rounds.
type round struct {
	log    *slog.Logger
	tell   func(Report)
	units  []unit
	source string // what the sources last complained of
	herald *herald

	states []state // by unit
}

// state is what is remembered of a unit.
type state struct {
	last    *watch.Snapshot // the one that its files hold; nil: not known
	noticed time.Time       // when the oldest change was noticed that is not published yet
	err     error           // of the last attempt
	skipped string          // what it last left out
}

func (a *Agent) round() *round {
	r := &round{log: a.Log, tell: a.Report, units: units(a.Outputs)}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.tell == nil {
		r.tell = func(Report) {}
	}
	r.states = make([]state, len(r.units))
	started := Started{At: time.Now(), Needs: slices.Clone(a.Needs), Every: a.Timing.Longest(), Limit: roundLimit}
	for _, u := range r.units {
		started.Outputs = append(started.Outputs, u.name())
		started.Needs = append(started.Needs, u.needs...)
		started.Limit = max(started.Limit, roundLimit+u.limit())
	}
	for _, h := range a.Hooks {
		started.Needs = append(started.Needs, h.Needs()...)
	}
	r.herald = newHerald(a, r)
	started.Hooks = notify.Names(r.herald.Hooks)
	r.tell(started)
	return r
}

// roundLimit is how long a round may take, but for the checks of its files.
const roundLimit = 5 * time.Minute

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
	r.tell(Began{time.Now()})
	outcomes := r.render(ctx, s)
	err := failures(outcomes)
	if err == nil {
		r.publish(ctx, outcomes, s)
		err = failures(outcomes)
	}
	r.tell(Ended{time.Now(), err})
	return err
}

// each publishes every unit that it can.
func (r *round) each(ctx context.Context, s *watch.Snapshot) error {
	r.tell(Began{time.Now()})
	outcomes := r.render(ctx, s)
	r.publish(ctx, outcomes, s)
	for i, o := range outcomes {
		switch {
		case o.err == nil:
			r.states[i].err = nil
		case ctx.Err() == nil:
			r.complainOf(i, o.err)
		}
	}
	err := failures(outcomes)
	r.tell(Ended{time.Now(), err})
	return err
}

// outcome is what became of a unit in a round.
type outcome struct {
	contents [][]byte // of its files
	err      error
	changed  bool         // what the files held was replaced
	facts    []watch.Path // that have changed; nil where nobody knows what was before
	noticed  time.Time    // when the oldest of the changes was noticed
}

func failures(outcomes []outcome) error {
	var errs []error
	for _, o := range outcomes {
		errs = append(errs, o.err)
	}
	return watch.Join(errs...)
}

// render gives what each unit's files will hold, or its error.
func (r *round) render(ctx context.Context, s *watch.Snapshot) []outcome {
	outcomes := make([]outcome, len(r.units))
	for i, u := range r.units {
		o := &outcomes[i]
		began := time.Now()
		o.contents, o.err = u.render(ctx, s)
		r.tell(Rendered{Output: u.name(), Took: time.Since(began), Err: o.err})
		if o.err == nil {
			r.complainOfSkipped(i, s)
		}
		if u := &r.states[i]; u.noticed.IsZero() {
			u.noticed = s.Noticed()
		}
	}
	return outcomes
}

// publish writes the units that have no error yet, and tells the hooks, all at
// the same time: the check of one may be slow, and the others do not wait for it.
func (r *round) publish(ctx context.Context, outcomes []outcome, s *watch.Snapshot) {
	r.herald.newest.Store(s)
	var all sync.WaitGroup
	for i, u := range r.units {
		o := &outcomes[i]
		if o.err != nil {
			continue
		}
		done := r.herald.publishing(u, o)
		all.Go(func() {
			defer done()
			r.publishUnit(ctx, i, o, s)
			r.herald.published(u, o)
		})
	}
	all.Wait()
}

// publishUnit writes one unit and logs what led to it.
func (r *round) publishUnit(ctx context.Context, i int, o *outcome, s *watch.Snapshot) {
	u, state := r.units[i], &r.states[i]
	o.noticed = state.noticed
	o.changed, o.err = u.publish(ctx, o.contents)
	if o.changed {
		facts := changed(u, state.last, s)
		r.logPublished(u, facts, state.last != nil)
		if state.last != nil {
			o.facts = facts
		}
	}
	r.tell(Published{Output: u.name(), Changed: o.changed, Noticed: o.noticed, Err: o.err})
	if o.err == nil {
		state.last, state.noticed = s, time.Time{}
	}
}

// changed names the facts that a unit uses and that have changed.
func changed(u unit, last, s *watch.Snapshot) []watch.Path {
	return slices.DeleteFunc(s.Changed(last), func(p watch.Path) bool { return !u.needs.Wants(p) })
}

func (r *round) logPublished(u unit, facts []watch.Path, again bool) {
	if again && len(facts) == 0 {
		r.log.Warn("output restored; others had removed or changed it", "output", u.name())
		return
	}
	const most = 10
	attrs := []any{"output", u.name(), "changed", facts[:min(most, len(facts))]}
	if more := len(facts) - most; more > 0 {
		attrs = append(attrs, "more", more)
	}
	r.log.Info("published", attrs...)
}

// amiss reports whether an output is not there, or could not be written. What
// cannot be rendered is no concern of the files, and a check that has failed is
// not run again as often.
func (r *round) amiss() bool {
	for i, u := range r.units {
		err := r.states[i].err
		_, barred := errors.AsType[*publish.Error](err)
		if barred && !errors.Is(err, publish.ErrCheck) || err == nil && !u.exists() {
			return true
		}
	}
	return false
}
