package agent

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// round is what one Once or Run remembers between its rounds.
type round struct {
	log    *slog.Logger
	tell   func(Report)
	units  []unit
	last   *watch.Snapshot
	source string // what the sources last complained of

	// By unit:
	failed  []string    // what it last failed with
	skipped []string    // what it last left out
	noticed []time.Time // when the oldest change was noticed that is not published yet
}

func (a *Agent) round() *round {
	r := &round{log: a.Log, tell: a.Report, units: units(a.Outputs), last: &watch.Snapshot{}}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.tell == nil {
		r.tell = func(Report) {}
	}
	r.failed, r.skipped, r.noticed = make([]string, len(r.units)), make([]string, len(r.units)), make([]time.Time, len(r.units))
	started := Started{At: time.Now(), Resync: a.Timing.Resync}
	for _, u := range r.units {
		started.Outputs = append(started.Outputs, u.name())
		started.Needs = append(started.Needs, u.needs...)
	}
	r.tell(started)
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
	r.tell(Began{time.Now()})
	contents, errs := r.render(s)
	err := watch.Join(errs...)
	if err == nil {
		r.publish(ctx, contents, errs, s)
		err = watch.Join(errs...)
	}
	r.tell(Ended{time.Now(), err})
	return err
}

// each publishes every unit that it can.
func (r *round) each(ctx context.Context, s *watch.Snapshot) error {
	r.tell(Began{time.Now()})
	contents, errs := r.render(s)
	r.publish(ctx, contents, errs, s)
	for i, err := range errs {
		switch {
		case err == nil:
			r.failed[i] = ""
		case ctx.Err() == nil:
			r.complainOf(i, err)
		}
	}
	err := watch.Join(errs...)
	r.tell(Ended{time.Now(), err})
	return err
}

// render gives what each unit's files will hold, or its error.
func (r *round) render(s *watch.Snapshot) (contents [][][]byte, errs []error) {
	contents, errs = make([][][]byte, len(r.units)), make([]error, len(r.units))
	for i, u := range r.units {
		began := time.Now()
		contents[i], errs[i] = u.render(s)
		r.tell(Rendered{Output: u.name(), Took: time.Since(began), Err: errs[i]})
		if errs[i] == nil {
			r.complainOfSkipped(i, s)
		}
		if r.noticed[i].IsZero() {
			r.noticed[i] = s.Noticed()
		}
	}
	return contents, errs
}

// publish writes the units that have no error yet, all at the same time: the
// check of one may be slow, and the others do not wait for it.
func (r *round) publish(ctx context.Context, contents [][][]byte, errs []error, s *watch.Snapshot) {
	var all sync.WaitGroup
	for i := range r.units {
		if errs[i] == nil {
			all.Go(func() { errs[i] = r.publishUnit(ctx, i, contents[i], s) })
		}
	}
	all.Wait()
	r.last = s
}

// publishUnit writes one unit and logs what led to it.
func (r *round) publishUnit(ctx context.Context, i int, contents [][]byte, s *watch.Snapshot) error {
	u := r.units[i]
	changed, err := u.publish(ctx, contents)
	if changed {
		facts := r.changed(u, s)
		const most = 10
		attrs := []any{"output", u.name(), "changed", facts[:min(most, len(facts))]}
		if more := len(facts) - most; more > 0 {
			attrs = append(attrs, "more", more)
		}
		r.log.Info("published", attrs...)
	}
	r.tell(Published{Output: u.name(), Changed: changed, Noticed: r.noticed[i], Err: err})
	if err == nil {
		r.noticed[i] = time.Time{}
	}
	return err
}

// changed names the facts that a unit uses and that have changed.
func (r *round) changed(u unit, s *watch.Snapshot) []watch.Path {
	return slices.DeleteFunc(s.Changed(r.last), func(p watch.Path) bool { return !u.needs.Wants(p) })
}
