package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// worker runs one hook. Its goroutine is the only one that changes what the hook
// has been told; others publish and ask.
type worker struct {
	hook    Hook
	name    string
	on      []string // sorted
	timeout time.Duration
	exits   bool // the action is Exit
	started func(hook string, at time.Time, limit time.Duration)
	done    func(Delivery)
	wake    chan struct{} // something has been published

	mu    sync.Mutex
	known map[string]Digest // what is published
	moved map[string]bool   // that which was something else before
	told  ledger            // what the hook knows; nil: not loaded yet
	doubt bool              // an attempt began and none has succeeded since
	now   ledger            // what the attempt that is running tells; nil: none is
	fresh news              // since the last attempt began
	news  news              // since the last success, until then
	err   error             // of the last attempt

	// Of the goroutine alone.
	log     *slog.Logger
	backoff backoff
	record  record
	skip    bool // what the store knows nothing of is known
	trouble trouble
}

func (w *worker) published(p Publication) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := false
	for _, path := range w.on {
		digest, ok := p.Digests[path]
		old, had := w.known[path]
		if !ok || had && old == digest {
			continue
		}
		w.known[path], changed = digest, true
		if had { // who reads the file by itself may have seen either
			w.moved[path] = true
			delete(w.now, path)
		}
	}
	if !changed {
		return
	}
	w.fresh.add(news{facts: p.Facts, noticed: p.Noticed, since: time.Now()})
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *worker) pending() (Due, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := Due{Hook: w.name, Outputs: w.due(), Err: w.err, Since: oldest(w.news.since, w.fresh.since)}
	return d, len(d.Outputs) > 0
}

// due names the outputs that the hook has not been told of.
func (w *worker) due() (outputs []string) {
	for _, path := range w.on {
		digest, published := w.known[path]
		if published && (w.moved[path] || w.told[path] != (mark{digest: digest, sure: true})) {
			outputs = append(outputs, path)
		}
	}
	return outputs
}

// follow works until ctx ends, or the hook asks to exit.
func (w *worker) follow(ctx context.Context) error {
	for {
		if err := w.settle(ctx); ctx.Err() != nil || isExit(err) {
			return onlyExit(err)
		}
		if !w.idle(ctx) {
			return nil
		}
	}
}

// settle works until nothing is due. The error of one that ctx ended says what
// was in the way.
func (w *worker) settle(ctx context.Context) error {
	w.load()
	for w.look() {
		if ctx.Err() != nil {
			return w.unfinished(ctx)
		}
		err := w.attempt(ctx)
		if isExit(err) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			w.rest(ctx)
		}
	}
	return nil
}

func (w *worker) unfinished(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.err
	if err == nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("hook %s: %w", w.name, err)
}

// look reports whether something is due.
func (w *worker) look() bool {
	w.mu.Lock()
	select {
	case <-w.wake: // it is seen now
	default:
	}
	w.note()
	due := len(w.due()) > 0
	if !due {
		w.news, w.fresh, w.err = news{}, news{}, nil
	}
	w.mu.Unlock()
	_ = w.save() // it has complained
	return due
}

// note brings what the hook knows up to date with what has been published.
func (w *worker) note() {
	for path, digest := range w.known {
		if _, had := w.told[path]; w.moved[path] {
			w.told[path] = mark{}
		} else if !had && w.skip {
			w.told[path] = mark{digest: digest, sure: true}
		}
	}
	clear(w.moved)
}

// attempt runs the hook once.
func (w *worker) attempt(ctx context.Context) error {
	event := w.begin()
	saved := w.save()
	at := time.Now()
	if w.started != nil {
		w.started(w.name, at, w.timeout)
	}
	err := w.do(ctx, event)
	if isExit(err) && saved != nil && (w.record.holds || !w.skip) {
		err = fmt.Errorf("not done, since it could not be remembered and would be done at each start: %w", saved)
	}
	delivery := Delivery{Hook: w.name, Took: time.Since(at), Noticed: w.finish(ctx, event, err), Err: err}
	if isExit(err) {
		delivery.Err = nil
	}
	if w.done != nil {
		w.done(delivery)
	}
	return err
}

// begin says what to tell, and that what the hook knows is uncertain from now
// on: even an attempt that fails may have told.
func (w *worker) begin() Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note()
	w.news.add(w.fresh)
	w.fresh = news{}
	e := Event{Outputs: w.due(), Facts: slices.Clone(w.news.facts)}
	w.now, w.doubt = w.target(e.Outputs), true
	for _, path := range e.Outputs {
		w.told[path] = mark{}
	}
	return e
}

// target is what a hook knows when it has been told of some outputs.
func (w *worker) target(outputs []string) ledger {
	l := make(ledger, len(outputs))
	for _, path := range outputs {
		l[path] = mark{digest: w.known[path], sure: true}
	}
	return l
}

// do runs the action in its time.
func (w *worker) do(ctx context.Context, e Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v; please report this", p)
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, w.timeout, fmt.Errorf("no answer within %v", w.timeout))
	defer cancel()
	if w.hook.Body != nil {
		if e.Body, err = w.hook.Body(); err != nil {
			return fmt.Errorf("body: %w", err)
		}
	}
	return w.hook.Action.Do(ctx, e)
}

// finish notes how an attempt went, and says since when that was awaited. An
// exit is noted when all others have ended; see Notifier.run.
func (w *worker) finish(ctx context.Context, e Event, err error) (noticed time.Time) {
	noticed = w.conclude(err, ctx.Err() != nil)
	switch {
	case err == nil:
		w.backoff.reset()
		_ = w.save() // it has complained
		w.trouble.over(w.log, e, noticed)
	case isExit(err), ctx.Err() != nil:
	default:
		w.trouble.complain(w.log, err)
	}
	return noticed
}

func (w *worker) conclude(err error, stopped bool) (noticed time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	noticed = w.news.noticed
	switch {
	case err == nil:
		maps.Copy(w.told, w.now)
		w.news, w.err, w.doubt = news{}, nil, false
	case stopped && w.err != nil: // the older reason tells more
	default:
		w.err = err
	}
	w.now = nil
	w.note()
	return noticed
}

// exited notes that the end of the process will tell of all that is published.
func (w *worker) exited() {
	w.mu.Lock()
	w.note()
	w.now = w.target(w.due())
	w.mu.Unlock()
	w.conclude(nil, false)
	_ = w.save() // it has complained
}

// rest waits after a failure. Newer news cut that down to the first wait of
// all, counted from now.
func (w *worker) rest(ctx context.Context) {
	ended := time.Now()
	timer := time.NewTimer(w.backoff.next())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-w.wake:
			w.backoff.reset()
			timer.Reset(w.backoff.first - time.Since(ended))
		}
	}
}

// idle waits for a publication, and tries to save meanwhile what could not be
// saved. It reports whether ctx is still alive.
func (w *worker) idle(ctx context.Context) bool {
	var again <-chan time.Time
	if w.record.failed {
		timer := time.NewTimer(w.backoff.limit)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-w.wake:
	case <-again: // look saves
	}
	return true
}

func isExit(err error) bool {
	_, ok := errors.AsType[*ExitError](err)
	return ok
}

func onlyExit(err error) error {
	if isExit(err) {
		return err
	}
	return nil
}
