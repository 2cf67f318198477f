package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// soaked is what a long life may cost: less than what a heap that was just collected
// and one that is about to be differ by.
const soaked = 1_000_000 // bytes

// soak changes a label again and again, as fast as podfacts follows with a short
// window, and has a hook touch a file and another make a request for each
// publication. What podfacts holds at the end is held against what it held after a
// tenth, when all that it ever does had been done: before, it gives back what only
// starting took, and takes anew what following takes.
func (b *bench) soak(ctx context.Context) ([]row, error) {
	b.step("a soak of %d changes", b.effort.soak)
	memory, err := os.MkdirTemp("/dev/shm", "podfacts-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(memory)
	requests, stop, err := count(filepath.Join(memory, "app"))
	if err != nil {
		return nil, err
	}
	defer stop()
	o, err := b.observe(ctx, filepath.Join(memory, "run"), fmt.Sprintf(`timing: {window: 1ms}
notify:
- {touch: %q}
- {http: {url: "http://app/-/reload", socket: %q, body: "{{ .pod.labels.version }}"}}
`, filepath.Join(memory, "run", "out", "stamp"), filepath.Join(memory, "app")))
	if err != nil {
		return nil, err
	}
	defer o.stop()

	var before state
	first := b.effort.soak / 10
	for range 2 {
		if err := b.change(ctx, o, first/2); err != nil {
			return nil, err
		}
		if before, err = o.rested(ctx); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	if err := b.change(ctx, o, b.effort.soak-first); err != nil {
		return nil, err
	}
	took := time.Since(began)
	after, err := o.rested(ctx)
	if err != nil {
		return nil, err
	}
	m, err := o.metrics()
	if err != nil {
		return nil, err
	}
	published, told := int(m["podfacts_publishes_total/changed"]), int(m["podfacts_notifications_total/success"])
	if failed := m["podfacts_publishes_total/failure"] + m["podfacts_notifications_total/failure"]; failed > 0 || requests.Load() == 0 {
		o.stop()
		return nil, fmt.Errorf("%.0f failures, %d requests\n%s", failed, requests.Load(), o.end())
	}
	figure := fmt.Sprintf("soak of %d changes (%.0f/s, %d published, %d hooks run), ",
		b.effort.soak, float64(b.effort.soak-first)/took.Seconds(), published, told)
	bytes := func(what string, before, after int) row {
		return row{
			figure: figure + what, ours: megabytes(after), peer: megabytes(before) + " after a tenth", ratio: times(float64(after), float64(before)),
			goal: "<= +" + megabytes(soaked), reached: after <= before+soaked,
		}
	}
	number := func(what string, before, after int) row {
		return row{
			figure: figure + what, ours: fmt.Sprint(after), peer: fmt.Sprint(before) + " after a tenth", ratio: none,
			goal: fmt.Sprintf("<= %d", before), reached: after <= before,
		}
	}
	return []row{
		bytes("RSS", before.rss, after.rss), bytes("private", before.private, after.private),
		number("goroutines", before.goroutines, after.goroutines), number("file descriptors", before.descriptors, after.descriptors),
	}, nil
}

// change swaps the volume so many times, and lets podfacts come after every few.
func (b *bench) change(ctx context.Context, o *observed, times int) error {
	const few = 10
	for n := range times {
		if n%(times/5+1) == 0 {
			held, err := o.state()
			if err != nil {
				return err
			}
			b.step("%d of %d changes: RSS %s, private %s, %d goroutines", n, times, megabytes(held.rss), megabytes(held.private), held.goroutines)
		}
		if err := o.volume.flip(); err != nil {
			return err
		}
		if n%few == few-1 || n == times-1 {
			if err := o.arrives(ctx, 30*time.Second); err != nil {
				return err
			}
		}
	}
	return nil
}

// rested is what it holds when it has been left alone for a while.
func (o *observed) rested(ctx context.Context) (state, error) {
	select {
	case <-ctx.Done():
		return state{}, ctx.Err()
	case <-time.After(5 * time.Second):
	}
	return o.state()
}

// count answers requests on a socket, and counts them.
func count(socket string) (requests *atomic.Int64, stop func(), err error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, nil, err
	}
	requests = new(atomic.Int64)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) })}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return requests, func() {
		server.Close() //nolint:errcheck // nothing is asked any more
		<-done         //nolint:errcheck // it is closed
	}, nil
}
