package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
	"unicode/utf8"
)

const defaultTimeout = 10 * time.Second

// Notifier runs hooks when what they are for has been published. It is not
// copied, and its fields do not change, once it is in use.
type Notifier struct {
	Hooks []Hook
	// Store remembers across a restart. Nil: nothing is remembered.
	Store Store
	// Dir is the directory to remember in. Empty: that of a hook's first output.
	Dir string
	// Outputs are all that this process publishes. What hooks on none but these
	// were told, that are hooks no more, Run forgets.
	Outputs []string
	// SpareExits has each [Exit] count as told, and not happen.
	SpareExits bool
	// Retry is how long after a failed attempt the next one is made; it
	// doubles with each failure up to RetryMax. Defaults 1 s and 1 minute.
	Retry, RetryMax time.Duration
	Log             *slog.Logger // nil: silent
	// Started is called when an attempt begins, which limit bounds, and Done
	// when it is over. Hooks call them at the same time. Nil: nobody is told.
	Started func(hook string, at time.Time, limit time.Duration)
	Done    func(Delivery)

	once    sync.Once
	workers []*worker
}

// Delivery is one attempt that is over.
type Delivery struct {
	Hook string // as Names has it
	Took time.Duration
	// Noticed is when the oldest change was noticed that the hook was told of.
	// Zero: nobody knows.
	Noticed time.Time
	Err     error // nil: the hook knows
}

// Due is a hook that has not been told of everything.
type Due struct {
	Hook    string
	Outputs []string // that it has not been told of, sorted
	// Since is when the oldest of them was published.
	Since time.Time
	// Err is why the last attempt failed. Nil: there was none yet.
	Err error
}

// Validate reports all that is wrong with a hook.
func (h Hook) Validate() error {
	var errs []error
	if len(h.On) == 0 {
		errs = append(errs, errors.New("a hook names no output"))
	}
	for _, path := range h.On {
		if !utf8.ValidString(path) {
			errs = append(errs, fmt.Errorf("the path %q is not UTF-8, and could not be remembered", path))
		}
	}
	if err := checkName(h.Name); err != nil {
		errs = append(errs, err)
	}
	if h.Timeout < 0 {
		errs = append(errs, fmt.Errorf("the timeout %v is negative", h.Timeout))
	}
	switch action := h.Action.(type) {
	case nil:
		errs = append(errs, errors.New("a hook has no action"))
	case interface{ Validate() error }:
		errs = append(errs, action.Validate())
	}
	return errors.Join(errs...)
}

// Publishing says that the contents of outputs are about to change, until done
// is called, after Published. A hook that runs meanwhile may read the old or the
// new, so that it is run once more; one that is due waits for done instead.
//
// Who does without it loses a reload in one case: a hook reads a new content
// before Published tells of it, the process is killed just then, and the next one
// finds that the content is the old one again.
//
// For hooks that skip what is first, what is about to be published is remembered
// before Publishing returns.
func (n *Notifier) Publishing(next map[string]Digest) (done func()) {
	concerned := make([][]string, len(n.all()))
	for i, w := range n.all() {
		concerned[i] = w.ahead(next)
	}
	return func() {
		for i, w := range n.all() {
			if len(concerned[i]) > 0 {
				w.settled(concerned[i])
			}
		}
	}
}

// Published says what is published now. It does not block, and may be called at
// any time by anyone.
func (n *Notifier) Published(p Publication) {
	for _, w := range n.all() {
		w.published(p)
	}
}

// Restored says that somebody removed what had been published, and may have
// removed with it what the hooks were told: it is written down again.
func (n *Notifier) Restored() {
	for _, w := range n.all() {
		w.record.lost.Store(true)
		w.rouse()
	}
}

// Run runs the hooks that are due, until ctx ends, and then returns nil. A hook
// that is running then is stopped and counts as not told. When an [Exit] is
// due, Run stops all others in the same way and returns an [*ExitError].
func (n *Notifier) Run(ctx context.Context) error {
	if err := n.validate(); err != nil {
		return err
	}
	n.forget()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := n.run(ctx, func(w *worker, ctx context.Context) error {
		defer cancel() // who returns before ctx ends is to exit
		return w.follow(ctx)
	})
	if exit, ok := errors.AsType[*ExitError](err); ok {
		return exit
	}
	return err
}

// Once runs the hooks that are due after p and waits until each has succeeded.
// When ctx ends before, the error joins what is wrong with each of the others.
// An [Exit] that is due is an [*ExitError], once the others are done.
func (n *Notifier) Once(ctx context.Context, p Publication) error { return n.settle(ctx, p, false) }

// Try is Once, but what fails is not tried again.
func (n *Notifier) Try(ctx context.Context, p Publication) error { return n.settle(ctx, p, true) }

func (n *Notifier) settle(ctx context.Context, p Publication, single bool) error {
	if err := n.validate(); err != nil {
		return err
	}
	n.Published(p)
	return n.run(ctx, func(w *worker, ctx context.Context) error {
		w.single = single
		return w.settle(ctx)
	})
}

// Pending names the hooks that are due, in the order of Hooks.
func (n *Notifier) Pending() []Due {
	var all []Due
	for _, w := range n.all() {
		if d := w.pending(); len(d.Outputs) > 0 {
			d.Hook = w.name
			all = append(all, d)
		}
	}
	return all
}

// StateDirs says for each hook in which directory it is kept what it was told.
func (n *Notifier) StateDirs() []string {
	dirs := ledgerPaths(n.Dir, n.Hooks)
	for i, path := range dirs {
		dirs[i] = filepath.Dir(path)
	}
	return dirs
}

func (n *Notifier) validate() error {
	var errs []error
	named := make(map[string]int)
	for i, h := range n.Hooks {
		if err := h.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("hook %d: %w", i+1, err))
		}
		if first, taken := named[h.Name]; taken && h.Name != "" {
			errs = append(errs, fmt.Errorf("hooks %d and %d are both named %s", first+1, i+1, h.Name))
		}
		named[h.Name] = i
	}
	return errors.Join(errs...)
}

// all makes a worker for each hook.
func (n *Notifier) all() []*worker {
	n.once.Do(func() {
		if n.validate() != nil {
			return // Run will say so
		}
		names, paths := Names(n.Hooks), ledgerPaths(n.Dir, n.Hooks)
		for i, h := range n.Hooks {
			n.workers = append(n.workers, n.worker(h, names[i], paths[i]))
		}
	})
	return n.workers
}

func (n *Notifier) worker(h Hook, name, path string) *worker {
	retry := cmp.Or(n.Retry, time.Second)
	w := &worker{
		state:   newState(h.On),
		hook:    h,
		name:    name,
		timeout: cmp.Or(h.Timeout, defaultTimeout),
		backoff: backoff{first: retry, limit: max(retry, cmp.Or(n.RetryMax, time.Minute))},
		started: n.Started,
		done:    n.Done,
	}
	w.record.store, w.record.path, w.record.turn = n.Store, path, make(chan struct{}, 1)
	w.log = n.log().With("hook", w.name)
	if _, exit := h.Action.(Exit); exit {
		w.exits, w.spared = !n.SpareExits, n.SpareExits
	}
	return w
}

func (n *Notifier) log() *slog.Logger {
	if n.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return n.Log
}

// run has each worker do its work, and sees to it that an exit is remembered as
// late as can be: until then a process that is killed exits at its next start.
func (n *Notifier) run(ctx context.Context, work func(*worker, context.Context) error) error {
	var all sync.WaitGroup
	errs := make([]error, len(n.all()))
	for i, w := range n.all() {
		all.Go(func() { errs[i] = work(w, ctx) })
	}
	all.Wait()
	err := errors.Join(errs...)
	if exit, ok := errors.AsType[*ExitError](err); ok {
		for i, w := range n.all() {
			own, _ := errors.AsType[*ExitError](errs[i])
			if own != nil && own.Code == exit.Code || w.hook.Action == (Exit{Code: exit.Code}) {
				w.exit()
			}
		}
	}
	return err
}
