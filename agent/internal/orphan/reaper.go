// Package orphan takes leave of the dead that nobody waits for.
//
// The first process of a container inherits every process whose parent ends
// before it. Each stays a zombie until the first process has waited for it. To
// wait for whoever comes would do, as small inits have it, if the first process
// did not start programs itself: os/exec would then find that the status of its
// own program is gone.
//
// So a [Reaper] looks before it takes, with waitid(2) and WNOWAIT, and leaves
// those alone that were started by [Reaper.Start]: somebody waits for them.
// What is started deep below finds the reaper in its context, see [From].
package orphan

import (
	"context"
	"os/exec"
	"sync"
	"time"
)

// Reaper reaps orphans while its Run runs. There can be but one in a process. A
// nil *Reaper starts programs as os/exec does. Get one from [New].
type Reaper struct {
	mu       sync.Mutex
	starting int          // programs that are being started: their numbers are not known yet
	waited   map[int]bool // numbers of programs that somebody waits for
	kick     chan struct{}

	// The dead program of our own process group that was seen last, and since
	// when; see ours.
	suspect int
	since   time.Time
}

// New returns a reaper.
func New() *Reaper {
	return &Reaper{waited: make(map[int]bool), kick: make(chan struct{}, 1)}
}

// Start starts a program that nobody but the caller takes the status of, by
// wait, which is to be called.
func (r *Reaper) Start(cmd *exec.Cmd) (wait func() error, err error) {
	if r == nil {
		return cmd.Wait, cmd.Start()
	}
	r.mu.Lock()
	r.starting++
	r.mu.Unlock()
	err = cmd.Start()
	r.mu.Lock()
	r.starting--
	if err == nil {
		r.waited[cmd.Process.Pid] = true
	}
	r.mu.Unlock()
	r.look()
	if err != nil {
		return nil, err
	}
	return func() error {
		err := cmd.Wait()
		r.mu.Lock()
		delete(r.waited, cmd.Process.Pid)
		r.mu.Unlock()
		r.look()
		return err
	}, nil
}

// look has Run look again: whoever stood in its way is gone.
func (r *Reaper) look() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

type contextKey struct{}

// With gives a context to those that start programs beside the reaper.
func With(ctx context.Context, r *Reaper) context.Context {
	return context.WithValue(ctx, contextKey{}, r)
}

// From returns the context's reaper, or nil.
func From(ctx context.Context) *Reaper {
	r, _ := ctx.Value(contextKey{}).(*Reaper)
	return r
}
