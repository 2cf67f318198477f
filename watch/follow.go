package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Timing says how fast Follow goes. Zero fields mean the defaults.
type Timing struct {
	// Window is the least time between two rounds: the first change after
	// quiet is taken up at once, further ones within the window together at
	// its end. Default 100 ms.
	Window time.Duration
	// Resync is how often every source is read again although nothing was
	// noticed, as a safety net. Default 1 minute, negative never.
	Resync time.Duration
	// Retry is how long after a failed round the next one is tried; it
	// doubles with each failure up to RetryMax. Defaults 1 s and 1 minute.
	Retry, RetryMax time.Duration
	// Patience is how long a round waits for slow sources, once every source
	// has answered or failed for the first time. Default 50 ms.
	Patience time.Duration
}

func (t Timing) withDefaults() Timing {
	t.Window = cmp.Or(t.Window, 100*time.Millisecond)
	t.Resync = cmp.Or(t.Resync, time.Minute)
	t.Retry = cmp.Or(t.Retry, time.Second)
	t.RetryMax = cmp.Or(t.RetryMax, time.Minute)
	t.Patience = cmp.Or(t.Patience, 50*time.Millisecond)
	return t
}

// Stop, returned by the function given to [Follow], ends it without error.
var Stop = errors.New("stop following")

// Follow reads the sources, calls fn with the merged snapshot, and does so
// again whenever a source has changed. It is level-triggered: a round may
// find nothing new (see [Snapshot.Equal]), but the last state is always
// seen. fn also gets what the sources complained of; the snapshot holds
// their last words all the same. An error of fn makes Follow try again
// later; [Stop] ends it.
//
// Follow blocks until ctx ends, and then returns its error. It has joined
// all its goroutines when it returns, so Read and Watch must heed ctx.
func Follow(ctx context.Context, t Timing, fn func(*Snapshot, error) error, sources ...Source) error {
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{
		timing:  t.withDefaults(),
		sources: sources,
		merger:  newMerger(sources),
		asks:    make([]chan struct{}, len(sources)),
		reading: make([]bool, len(sources)),
		results: make(chan result, len(sources)),
		wake:    make(chan struct{}, 1),
		dirty:   make([]bool, len(sources)),
		faults:  make([]error, len(sources)),
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for i, s := range sources {
		f.asks[i] = make(chan struct{}, 1)
		wg.Go(func() { f.read(ctx, i) })
		if w, ok := s.(Watcher); ok {
			wg.Go(func() { f.watch(ctx, i, w) })
		}
		f.changed(i)
	}
	return f.run(ctx, fn)
}

// follower is one run of Follow. Its main loop owns everything but the
// fields under mu.
type follower struct {
	timing  Timing
	sources []Source
	merger  *merger
	asks    []chan struct{} // one read each
	reading []bool          // asked, and not yet answered
	results chan result
	wake    chan struct{} // something is dirty

	mu     sync.Mutex
	dirty  []bool
	faults []error // why a watch is down
}

// changed marks a source to be read in the next round.
func (f *follower) changed(i int) {
	f.mu.Lock()
	f.dirty[i] = true
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// read serves one source, so that a slow one holds up nobody else.
func (f *follower) read(ctx context.Context, i int) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.asks[i]:
		}
		f.results <- read(ctx, i, f.sources[i]) // never blocks: one ask, one result
	}
}

// watch keeps a source's watch up.
func (f *follower) watch(ctx context.Context, i int, w Watcher) {
	backoff := backoff{first: f.timing.Retry, limit: f.timing.RetryMax}
	for {
		err := w.Watch(ctx, func() {
			f.fault(i, nil)
			f.changed(i)
		})
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("watch ended")
		}
		if f.fault(i, fmt.Errorf("%s: %w", f.sources[i], err)) == nil {
			backoff.reset() // it had begun to watch
		}
		f.changed(i)
		if !sleep(ctx, backoff.next()) {
			return
		}
	}
}

// fault notes why a watch is down and returns what was noted before.
func (f *follower) fault(i int, err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.faults[i]
	f.faults[i] = err
	return before
}

// run is the main loop: a round, then wait for a reason for the next.
func (f *follower) run(ctx context.Context, fn func(*Snapshot, error) error) error {
	retry := backoff{first: f.timing.Retry, limit: f.timing.RetryMax}
	resync := newTimer(f.timing.Resync)
	defer resync.Stop()
	for first := true; ; first = false {
		began := time.Now()
		if err := f.gather(ctx, first); err != nil {
			return err
		}
		failed := newTimer(-1)
		switch err := fn(f.merger.snapshot(), f.err()); {
		case errors.Is(err, Stop):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failed = newTimer(retry.next())
		default:
			retry.reset()
		}
		f.merger.tick()

		select {
		case <-ctx.Done():
			failed.Stop()
			return ctx.Err()
		case <-f.wake:
		case r := <-f.results: // too late for its round
			f.take(r)
		case <-failed.C:
		case <-resync.C:
			f.all()
			resync.Reset(f.timing.Resync)
		}
		failed.Stop()
		if !sleep(ctx, f.timing.Window-time.Since(began)) {
			return ctx.Err()
		}
	}
}

// gather reads what is dirty and merges it. In the first round it waits for
// every source, later only as long as its patience lasts.
func (f *follower) gather(ctx context.Context, first bool) error {
	select {
	case <-f.wake: // what woke us is dirty by now
	default:
	}
	f.mu.Lock()
	for i := range f.dirty {
		if f.dirty[i] && !f.reading[i] {
			f.dirty[i], f.reading[i] = false, true
			f.asks[i] <- struct{}{}
		}
	}
	f.mu.Unlock()
	patience := newTimer(-1)
	if !first {
		patience = newTimer(f.timing.Patience)
	}
	defer patience.Stop()
	for f.waiting() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r := <-f.results:
			f.take(r)
		case <-patience.C:
			return nil
		}
	}
	return nil
}

func (f *follower) waiting() bool {
	for _, r := range f.reading {
		if r {
			return true
		}
	}
	return false
}

// take merges one answer. A source that changed while it was read is read
// again.
func (f *follower) take(r result) {
	f.reading[r.source] = false
	f.merger.update(r, time.Now())
	f.mu.Lock()
	again := f.dirty[r.source]
	f.mu.Unlock()
	if again {
		f.changed(r.source)
	}
}

// all marks every source.
func (f *follower) all() {
	for i := range f.sources {
		f.changed(i)
	}
}

// err joins what the last reads and the watches complain of.
func (f *follower) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return joinErrors(append([]error{f.merger.err()}, f.faults...)...)
}

// backoff doubles from first to limit, with up to a quarter of jitter, so
// that ten thousand sidecars do not come back together.
type backoff struct {
	first, limit, wait time.Duration
}

func (b *backoff) next() time.Duration {
	b.wait = min(max(2*b.wait, b.first), b.limit)
	return b.wait - rand.N(b.wait/4+1)
}

func (b *backoff) reset() { b.wait = 0 }

// sleep waits, and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// newTimer is time.NewTimer; a negative duration never fires.
func newTimer(d time.Duration) *time.Timer {
	if d >= 0 {
		return time.NewTimer(d)
	}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return timer
}
