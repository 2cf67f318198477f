package watch

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Source gives one layer of facts.
type Source interface {
	// String names the source in origins and errors: "volume /etc/podinfo".
	String() string
	// Read says what the source knows now. A layer that comes with an error
	// is partial: what it lacks keeps its last value and turns stale.
	Read(context.Context) (Layer, error)
}

// Watcher is a Source that notices changes by itself.
type Watcher interface {
	// Watch calls changed once when it has begun to watch, so that nothing
	// falls between a first Read and the watch, and then whenever a Read may
	// give something new. It blocks until ctx ends, and returns early only
	// with an error.
	Watch(ctx context.Context, changed func()) error
}

// Explainer is a Source that can say why a fact it could give is missing
// and what to do about it.
type Explainer interface {
	// Explain returns empty strings for facts that the source never gives.
	// Where the last Read failed, it repeats the error for the facts that are
	// missing because of it; for any other Source the whole error counts as a
	// reason for whatever is missing. It may be called at any time, also while
	// the source is read.
	Explain(p Path) (reason, hint string)
}

// Collect reads every source once, all at the same time, and merges what
// they say. Sources come best first. The snapshot holds what could be read
// also when the error, which joins those of the sources, is not nil. No
// goroutine outlives the call.
func Collect(ctx context.Context, sources ...Source) (*Snapshot, error) {
	m := newMerger(sources)
	results := make([]result, len(sources))
	var wg sync.WaitGroup
	for i, s := range sources {
		wg.Go(func() { results[i] = read(ctx, i, s) })
	}
	wg.Wait()
	now := time.Now()
	for _, r := range results {
		m.update(r, now)
	}
	return m.snapshot(), m.err()
}

// result is the outcome of one Read.
type result struct {
	source int
	layer  Layer
	err    error
}

// read calls Read.
func read(ctx context.Context, i int, s Source) (r result) {
	r.source = i
	defer catch(s, &r.err)
	r.layer, r.err = s.Read(ctx)
	return r
}

// catch, deferred, turns a panic into an error: one broken source must not end
// a sidecar.
func catch(s Source, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: internal error: %v; please report this", s, p)
	}
}
