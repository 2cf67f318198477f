package apiserver

import (
	"cmp"
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podfacts/podfacts/watch/object"
)

// Timing says how patient a watch is. Zero fields mean the defaults.
type Timing struct {
	// Watch is how long a watch lasts before it is begun anew, up to twice
	// that. Default 30 minutes.
	Watch time.Duration
	// Refresh is how often is read what cannot be watched. Where there are
	// several such things, they share it. Default 5 minutes.
	Refresh time.Duration
	// Silence is how long a server that sends bookmarks may be silent. Servers
	// send one each minute. Over HTTP/2, a connection that nobody answers is
	// found out sooner, by pings. Default 3 minutes.
	Silence time.Duration
	// Retry is the first pause after a failure; it doubles up to RetryMax.
	// Defaults 500 ms and 30 s.
	Retry, RetryMax time.Duration
}

func (t Timing) withDefaults() Timing {
	t.Watch = cmp.Or(t.Watch, 30*time.Minute)
	t.Refresh = cmp.Or(t.Refresh, 5*time.Minute)
	t.Silence = cmp.Or(t.Silence, 3*time.Minute)
	t.Retry = cmp.Or(t.Retry, 500*time.Millisecond)
	t.RetryMax = cmp.Or(t.RetryMax, 30*time.Second)
	return t
}

// Watch follows the API server until ctx ends. It calls changed when it has
// begun, and whenever Read may say something new.
func (s *Source) Watch(ctx context.Context, changed func()) error {
	s.asking.Lock() // what is being asked just now need not be asked again
	s.mu.Lock()
	if time.Since(s.asked) > time.Minute {
		s.answers = make(map[question]answer)
	}
	// Failures are to be tried again.
	maps.DeleteFunc(s.answers, func(_ question, a answer) bool { return a.err != nil })
	s.watching = true
	s.mu.Unlock()
	s.asking.Unlock()

	ctx, cancel := context.WithCancel(withoutRetries(ctx)) // there are pauses here
	w := &watcher{Source: s, timing: s.Timing.withDefaults(), kick: make(chan struct{}, 1), changed: changed}
	defer s.stopWatching()
	defer w.group.Wait()
	defer cancel()
	changed()
	return w.run(ctx)
}

func (s *Source) stopWatching() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watching, s.asked = false, time.Time{}
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}

// watcher is one run of Watch.
type watcher struct {
	*Source

	timing  Timing
	changed func()
	kick    chan struct{} // the questions may have changed
	group   sync.WaitGroup
	polled  atomic.Int64 // how many questions are read now and then
}

// run keeps one goroutine for each question that is to be asked.
func (w *watcher) run(ctx context.Context) error {
	running := make(map[question]context.CancelFunc)
	for {
		wanted := w.picture().questions()
		for q, stop := range running {
			if !slices.Contains(wanted, q) {
				stop()
				delete(running, q)
			}
		}
		w.forget(wanted)
		for _, q := range wanted {
			if running[q] == nil {
				ctx, stop := context.WithCancel(ctx) // stopped above, or with ctx
				running[q] = stop
				w.group.Go(func() { w.follow(ctx, q) })
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.kick:
		}
	}
}

// forget drops answers to what is no longer asked.
func (w *watcher) forget(wanted []question) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.answers, func(q question, _ answer) bool { return !slices.Contains(wanted, q) })
}

// update takes in an answer and tells those who wait for it.
func (w *watcher) update(ctx context.Context, q question, a answer) {
	w.mu.Lock()
	old, known := w.answers[q]
	if ctx.Err() != nil { // the question is not asked any more
		w.mu.Unlock()
		return
	}
	same := known && old.live == a.live && reasonOf(old.err) == reasonOf(a.err) && (old.err == nil) == (a.err == nil) &&
		old.text == a.text && sameObjects(old.objects, a.objects)
	w.set(q, a)
	w.mu.Unlock()
	if same {
		return
	}
	select {
	case w.kick <- struct{}{}:
	default:
	}
	w.changed()
}

// sameObjects compares without what changes with every write.
func sameObjects(a, b []map[string]any) bool {
	return slices.EqualFunc(a, b, func(x, y map[string]any) bool {
		x, y = maps.Clone(x), maps.Clone(y)
		for _, o := range []map[string]any{x, y} {
			metadata := maps.Clone(object.Map(o, "metadata"))
			delete(metadata, "resourceVersion")
			o["metadata"] = metadata
		}
		return reflect.DeepEqual(x, y)
	})
}

func (w *watcher) known(q question) (answer, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a, ok := w.answers[q]
	return a, ok
}

// follow keeps the answer to one question up to date.
func (w *watcher) follow(ctx context.Context, q question) {
	const forever = math.MaxInt
	switch q.part {
	case partOwners, partClusterUID: // what does not change is asked until it is known
		w.poll(ctx, q, 0, 1)
	case partVersion:
		w.poll(ctx, q, time.Hour, forever)
	case partNodeStatus: // nodes report often, mostly what is no fact
		w.poll(ctx, q, w.timing.Refresh, forever)
	case partWorkload:
		if between(q.apiVersion, q.kind) { // a Job of its own, not worth one more permission for every workload
			w.poll(ctx, q, w.timing.Refresh, forever)
			return
		}
		w.follows(ctx, q)
	default:
		w.follows(ctx, q)
	}
}

// poll reads every so often, until it has succeeded so many times. What is
// known already counts, and is read again when its time has come.
func (w *watcher) poll(ctx context.Context, q question, every time.Duration, times int) {
	if every == w.timing.Refresh {
		w.polled.Add(1)
		defer w.polled.Add(-1)
	}
	retry := backoff{first: w.timing.Retry, limit: w.timing.RetryMax}
	a, known := w.known(q)
	for done := 0; ctx.Err() == nil; {
		if !known {
			a = w.Client.answer(ctx, q)
			w.update(ctx, q, a)
		}
		known = false
		if a.err != nil {
			w.holdOff(ctx, a.err, retry.next(a.err))
			continue
		}
		retry.reset()
		retry.worked = true
		if done++; done >= times {
			return
		}
		w.pause(ctx, every)
	}
}

// holdOff waits after a failure, no longer than it takes to replace credentials
// that are the reason.
func (w *watcher) holdOff(ctx context.Context, err error, pause time.Duration) {
	if !slices.Contains([]Reason{Unauthorized, Expired, Untrusted}, reasonOf(err)) {
		wait(ctx, pause)
		return
	}
	const look = time.Second
	for used := w.Client.credentials(); pause > 0 && wait(ctx, min(pause, look)); pause -= look {
		if w.Client.credentials() != used {
			return
		}
	}
}

// pause waits for the next refresh, with jitter.
func (w *watcher) pause(ctx context.Context, every time.Duration) bool {
	if every == w.timing.Refresh {
		every *= time.Duration(max(1, w.polled.Load()))
	}
	return wait(ctx, every+rand.N(every/5+1))
}

// wait waits, and reports whether ctx is still alive.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
