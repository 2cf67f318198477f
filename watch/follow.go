package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
	// Patience is how long a round waits for the sources it reads, once every
	// source has answered or failed for the first time. What comes later gets
	// a round of its own. Default 50 ms.
	Patience time.Duration
}

// Longest is the most time between the end of a round and the beginning of the
// next, as far as that depends on Follow. Zero: a round may never come.
func (t Timing) Longest() time.Duration {
	t = t.withDefaults()
	if t.Resync < 0 {
		return 0
	}
	return t.Resync + max(t.Window, 0) + max(t.Patience, 0)
}

func (t Timing) withDefaults() Timing {
	t.Window = cmp.Or(t.Window, 100*time.Millisecond)
	t.Resync = cmp.Or(t.Resync, time.Minute)
	t.Retry = cmp.Or(t.Retry, time.Second)
	t.RetryMax = cmp.Or(t.RetryMax, time.Minute)
	t.Patience = cmp.Or(t.Patience, 50*time.Millisecond)
	return t
}

// Stop ends [Follow] without error where the function given to it returns it.
var Stop = errors.New("stop following")

// Follow reads the sources, calls fn with the merged snapshot, and does so
// again whenever a source has changed. It is level-triggered: a round may
// find nothing new (see [Snapshot.Equal]), but the last state is always
// seen. fn also gets what the sources complained of; the snapshot holds
// their last words all the same. An error of fn makes Follow read every
// source and try again later; [Stop] ends it.
//
// Follow blocks until ctx ends, and then returns its error. It has joined
// all its goroutines when it returns, so Read and Watch must heed ctx.
func Follow(ctx context.Context, t Timing, fn func(*Snapshot, error) error, sources ...Source) error {
	return Keep(ctx, t, fn, nil, sources...)
}

// Keep is Follow for an fn whose work can be undone by others, or hindered by
// what no source knows of. While nothing else happens, amiss is asked every few
// seconds whether that is so; if it is, fn is called again, and no source is
// read for it.
func Keep(ctx context.Context, t Timing, fn func(*Snapshot, error) error, amiss func() bool, sources ...Source) error {
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{
		timing:  t.withDefaults(),
		amiss:   amiss,
		sources: sources,
		merger:  newMerger(sources),
		asks:    make([]chan struct{}, len(sources)),
		asked:   make([]uint64, len(sources)),
		since:   make([]time.Time, len(sources)),
		noticed: make([]time.Time, len(sources)),
		taking:  make([]time.Time, len(sources)),
		results: make(chan result, len(sources)),
		wake:    make(chan struct{}, 1),
		dirty:   make([]bool, len(sources)),
		faults:  make([]error, len(sources)),
		ended:   make([]uint64, len(sources)),
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
	amiss   func() bool // nil: never
	sources []Source
	merger  *merger
	asks    []chan struct{} // one read each
	asked   []uint64        // in which round, and not yet answered; else 0
	since   []time.Time     // when that was
	taking  []time.Time     // when what is being read was noticed
	oldest  time.Time       // when the oldest change that this round took in was noticed
	round   uint64
	results chan result
	wake    chan struct{} // something is dirty

	mu      sync.Mutex
	dirty   []bool
	noticed []time.Time // when a dirty source was first marked
	faults  []error     // why a watch is down
	ended   []uint64    // how often it has gone down
}

// changed marks a source to be read in the next round.
func (f *follower) changed(i int) {
	f.mu.Lock()
	f.dirty[i] = true
	if f.noticed[i].IsZero() {
		f.noticed[i] = time.Now()
	}
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
	retry := backoff{first: f.timing.Retry, limit: f.timing.RetryMax}
	for {
		err := f.watchOnce(ctx, i, w)
		if ctx.Err() != nil {
			return
		}
		if f.fault(i) == nil {
			retry.reset() // it had begun to watch
		}
		f.setFault(i, err)
		f.changed(i)
		if !sleep(ctx, retry.next()) {
			return
		}
	}
}

// watchOnce watches until that fails, and says why.
func (f *follower) watchOnce(ctx context.Context, i int, w Watcher) (err error) {
	s := f.sources[i]
	defer catch(s, &err)
	err = w.Watch(ctx, func() {
		f.setFault(i, nil)
		f.changed(i)
	})
	switch {
	case err == nil:
		return fmt.Errorf("%s: watch ended", s)
	case strings.HasPrefix(err.Error(), s.String()):
		return err
	}
	return fmt.Errorf("%s: %w", s, err)
}

// setFault notes why a watch is down; nil says that it is up.
func (f *follower) setFault(i int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[i] = err
	if err != nil {
		f.ended[i]++
	}
}

func (f *follower) fault(i int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults[i]
}

// run is the main loop: a round, then wait for a reason for the next.
func (f *follower) run(ctx context.Context, fn func(*Snapshot, error) error) error {
	retry := backoff{first: f.timing.Retry, limit: f.timing.RetryMax}
	resync := newTimer(f.timing.Resync)
	defer resync.Stop()
	for {
		began := time.Now()
		if err := f.gather(ctx); err != nil {
			return err
		}
		failed := newTimer(-1)
		switch err := fn(f.snapshot(), f.err()); {
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

		f.wait(ctx, failed, resync)
		failed.Stop()
		if !sleep(ctx, f.timing.Window-time.Since(began)) {
			return ctx.Err()
		}
	}
}

// glance is how often amiss is asked.
const glance = 5 * time.Second

// wait returns when there is a reason for the next round, or ctx has ended.
func (f *follower) wait(ctx context.Context, failed, resync *time.Timer) {
	look := newTimer(-1)
	if f.amiss != nil {
		look = newTimer(glance)
	}
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
		case <-f.wake:
		case r := <-f.results: // too late for its round
			f.take(r)
		case <-failed.C:
			f.all()
		case <-resync.C:
			f.all()
			resync.Reset(f.timing.Resync)
		case <-look.C:
			if !f.amiss() {
				look.Reset(glance)
				continue
			}
		}
		return
	}
}

// snapshot merges what this round took in.
func (f *follower) snapshot() *Snapshot {
	s := f.merger.snapshot()
	if f.round > 1 {
		s.noticed = f.oldest
	}
	f.oldest = time.Time{}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range s.sources {
		if f.asked[i] != 0 {
			s.sources[i].Asked = f.since[i]
		}
		s.sources[i].Restarts = f.ended[i]
	}
	return s
}

// gather reads what is dirty and merges it. In the first round it waits for
// every source, later only as long as its patience lasts, and not for those
// that were slow already.
func (f *follower) gather(ctx context.Context) error {
	f.round++
	select {
	case <-f.wake: // what woke us is dirty by now
	default:
	}
	f.ask()
	patience := newTimer(-1)
	if f.round > 1 {
		patience = newTimer(f.timing.Patience)
	}
	defer patience.Stop()
	for slices.Contains(f.asked, f.round) {
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

// ask has every dirty source read, unless it is being read.
func (f *follower) ask() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.dirty {
		if f.dirty[i] && f.asked[i] == 0 {
			f.dirty[i], f.asked[i], f.since[i] = false, f.round, time.Now()
			f.taking[i], f.noticed[i] = f.noticed[i], time.Time{}
			f.asks[i] <- struct{}{} // never blocks: the last one was answered
		}
	}
}

// take merges one answer. A source that changed while it was read is read
// again.
func (f *follower) take(r result) {
	f.asked[r.source] = 0
	f.merger.update(r, time.Now())
	f.mu.Lock()
	again := f.dirty[r.source]
	f.mu.Unlock()
	if noticed := f.taking[r.source]; f.oldest.IsZero() || noticed.Before(f.oldest) {
		f.oldest = noticed
	}
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
	return Join(append([]error{f.merger.err()}, f.faults...)...)
}

// backoff doubles from first to limit, with up to a quarter of jitter, so
// that ten thousand sidecars do not come back together.
type backoff struct {
	first, limit, wait time.Duration
}

func (b *backoff) next() time.Duration {
	b.wait = max(0, min(max(2*b.wait, b.first), b.limit))
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
