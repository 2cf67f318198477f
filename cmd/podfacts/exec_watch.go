package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/child"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/watch/apiserver"
)

// watching is one exec --watch.
type watching struct {
	*program
	config    *config.Config
	access    *accessFlags
	listen    *listenFlags
	variables *variables
	parent    *child.Parent

	mu sync.Mutex
	// What has changed in the round that is going on:
	environ, files bool
}

// run writes the outputs once, starts the command, and follows the facts until
// it has ended.
func (w *watching) run(ctx context.Context, timeout time.Duration) error {
	c, log := w.config, w.log()
	w.parent.Log = log
	// A signal ends ctx, but not the command, which may take its time to end.
	lasting := context.WithoutCancel(ctx)
	beside := besideFlags{listen: *w.listen} // the rest is the configuration's to say
	others, err := beside.open(lasting, w.program, w.access, c)
	if err != nil {
		return err
	}
	s := settle(others.report(), giveBack(c))
	defer s.stop()
	sources, err := w.withAPI(ctx, w.access, c, allNeedsOf(c), apiserver.Follow, w.sources(ctx, c))
	if err == nil {
		others.watch(sources, c)
		a := agent.Agent{
			Sources: sources, Outputs: c.Outputs, Needs: c.Serve.Needs(), Timing: c.Timing, Wait: timeout, Log: log,
			Report: w.report(s.report),
		}
		if err = failed(a.Once(ctx)); err == nil {
			a.Hooks, a.StateDir = c.Hooks, c.StateDir // before, there is nobody to tell
			err = w.follow(ctx, lasting, a)
		}
	}
	return errors.Join(err, failed(others.close()))
}

// follow starts the command and runs the agent until the command has ended.
func (w *watching) follow(ctx, lasting context.Context, a agent.Agent) error {
	following, stop := context.WithCancel(w.parent.Context(lasting))
	var agents sync.WaitGroup
	agents.Go(func() {
		err := a.Run(following)
		if exit, ok := errors.AsType[*notify.ExitError](err); ok {
			w.parent.End(exit.Code)
		} else if err != nil {
			a.Log.Error("nothing is kept current any more", "error", err)
		}
	})
	code, err := w.parent.Run(ctx, w.variables.environ())
	stop()
	agents.Wait()
	return ended(code, err)
}

// report tells the parent at the end of a round, when everything that has
// changed is in place.
func (w *watching) report(observe func(agent.Report)) func(agent.Report) {
	return func(r agent.Report) {
		observe(r)
		w.mu.Lock()
		defer w.mu.Unlock()
		switch r := r.(type) {
		case agent.Published:
			w.environ = w.environ || r.Changed && r.Output == config.ExecName
			w.files = w.files || r.Changed && r.Output != config.ExecName
		case agent.Ended:
			if w.environ || w.files {
				w.parent.Change(w.variables.environ(), w.files)
			}
			w.environ, w.files = false, false
		}
	}
}
