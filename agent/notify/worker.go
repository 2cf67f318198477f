package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// worker runs one hook.
type worker struct {
	*state
	hook    Hook
	name    string
	timeout time.Duration
	exits   bool // the action is Exit
	spared  bool // it is one that does not happen
	single  bool // what fails is not tried again
	log     *slog.Logger
	backoff backoff
	record  record
	trouble trouble
	started func(hook string, at time.Time, limit time.Duration)
	done    func(Delivery)
}

// follow works until ctx ends, or the hook asks to exit.
func (w *worker) follow(ctx context.Context) error {
	for {
		if err := w.settle(ctx); isExit(err) {
			return err
		}
		if ctx.Err() != nil || !w.idle(ctx) {
			return nil
		}
	}
}

// settle works until nothing is due. The error of one that ctx ended says what
// was in the way.
func (w *worker) settle(ctx context.Context) error {
	w.remember()
	for w.look() {
		_ = w.save() // it complains
		if ctx.Err() != nil {
			return w.unfinished(ctx)
		}
		event, ok := w.begin()
		if !ok {
			w.idle(ctx)
			continue
		}
		err := w.attempt(ctx, event)
		if isExit(err) {
			return err
		}
		switch {
		case err == nil || ctx.Err() != nil:
		case w.single:
			return w.unfinished(ctx)
		default:
			w.rest(ctx)
		}
	}
	_ = w.save() // of what is not for the hook
	return nil
}

func (w *worker) unfinished(ctx context.Context) error {
	err := w.pending().Err
	if err == nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("hook %s: %w", w.name, err)
}

// attempt runs the hook once. That what it knows is uncertain is saved before,
// and what it was told of after. An exit is saved when all others have ended; see
// Notifier.run.
func (w *worker) attempt(ctx context.Context, e Event) error {
	saved := w.save()
	at := time.Now()
	if w.started != nil {
		w.started(w.name, at, w.timeout)
	}
	err := w.do(ctx, e)
	quiet := w.spared // nothing has been done
	if isExit(err) {
		holds, _ := w.record.state()
		switch {
		case saved != nil && (holds || !w.skip):
			err = fmt.Errorf("not done, since it could not be remembered and would be done at each start: %w", saved)
		case w.again(e.Outputs):
			err, quiet = nil, true
			w.log.Warn("not done again, since it was done at an earlier start for the same contents", "outputs", e.Outputs,
				"hint", "have the init container write the same, by the same configuration")
		}
	}
	d := Delivery{Hook: w.name, Took: time.Since(at), Err: err}
	switch {
	case err == nil:
		d.Noticed = w.succeed()
		w.backoff.reset()
		_ = w.save() // it complains
		if !quiet {
			w.trouble.over(w.log, e, d.Noticed)
		}
	case isExit(err):
		w.trouble.leave(w.log, e)
		d.Noticed, d.Err = w.fail(nil, false), nil
	default:
		d.Noticed = w.fail(err, ctx.Err() != nil)
		if ctx.Err() == nil && !w.single { // else its caller tells
			w.trouble.complain(w.log, err)
		}
	}
	if w.done != nil {
		w.done(d)
	}
	return err
}

// do runs the action in its time.
func (w *worker) do(ctx context.Context, e Event) (err error) {
	if w.spared {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v; please report this", p)
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, w.timeout, fmt.Errorf("no answer within %v", w.timeout))
	defer cancel()
	if w.hook.Body != nil {
		if e.Body, err = w.hook.Body(ctx); err != nil {
			return fmt.Errorf("body: %w", err)
		}
	}
	if w.hook.Header != nil {
		if e.Header, err = w.hook.Header(ctx); err != nil {
			return fmt.Errorf("header %w", err)
		}
	}
	return w.hook.Action.Do(ctx, e)
}

// exit remembers that the hook has been told by the end of the process.
func (w *worker) exit() {
	w.leave()
	_ = w.save() // it complains
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
			if w.newer() {
				w.backoff.reset()
				timer.Reset(w.backoff.first - time.Since(ended))
			}
		}
	}
}

// idle waits for a publication, and for the time to try once more to save what
// could not be saved. It reports whether ctx is still alive.
func (w *worker) idle(ctx context.Context) bool {
	var again <-chan time.Time
	if _, failed := w.record.state(); failed {
		timer := time.NewTimer(w.backoff.limit)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-w.wake:
	case <-again:
	}
	return true
}

func isExit(err error) bool {
	_, ok := errors.AsType[*ExitError](err)
	return ok
}
