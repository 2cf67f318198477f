package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"

	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/serve"
	"github.com/podfacts/podfacts/watch"
)

// besideFlags say what a sidecar does beside following the facts: it tells how it
// does, and answers other containers.
type besideFlags struct {
	listen listenFlags
	serve  serveFlags
	proxy  proxyFlags
}

func (b *besideFlags) register(flags *pflag.FlagSet) {
	b.listen.register(flags)
	b.serve.register(flags)
	b.proxy.register(flags)
}

// add puts what the flags say into a configuration.
func (b *besideFlags) add(c *config.Config) error {
	err := watch.Join(b.serve.add(c), b.proxy.add(c))
	if len(b.serve.expose) > 0 && c != nil && c.Serve.Listen == "" {
		err = watch.Join(err, errors.New("--expose belongs to --serve"))
	}
	return err
}

// open starts all of it. What has been started is stopped where something cannot
// be.
func (b *besideFlags) open(ctx context.Context, p *program, access *accessFlags, c *config.Config) (company, error) {
	var all company
	log := p.log()
	observer, err := b.listen.observe(ctx, c.Listen, log)
	if err == nil && observer != nil {
		all = append(all, observer)
	}
	if err == nil && c.Serve.Listen != "" {
		var s *serving
		if s, err = openServing(ctx, c, log); err == nil {
			all = append(all, s)
		}
	}
	if err == nil && c.Proxy.Listen != "" {
		var s *passing
		if s, err = p.openPassing(ctx, access, c); err == nil {
			all = append(all, s)
			observer.passing(s)
		}
	}
	if err != nil {
		return nil, errors.Join(err, all.close())
	}
	return all, nil
}

// runBeside follows the facts, and does beside it what the flags and the
// configuration ask for.
func (p *program) runBeside(ctx context.Context, b *besideFlags, access *accessFlags, c *config.Config, load func() (*config.Config, error)) error {
	others, err := b.open(ctx, p, access, c)
	if err != nil {
		return err
	}
	return errors.Join(p.follow(ctx, access, c, load, others), failed(others.close()))
}

// companion is what runs beside the agent.
type companion interface {
	// watch is told of each agent that is about to run: what it reads, and by what
	// configuration.
	watch(sources []watch.Source, c *config.Config)
	// report is for agent.Agent, nil where none are wanted.
	report() func(agent.Report)
	// close ends it.
	close() error
}

// company is all of them.
type company []companion

func (all company) watch(sources []watch.Source, c *config.Config) {
	for _, one := range all {
		one.watch(sources, c)
	}
}

func (all company) report() func(agent.Report) {
	var ears []func(agent.Report)
	for _, one := range all {
		if f := one.report(); f != nil {
			ears = append(ears, f)
		}
	}
	if len(ears) == 0 {
		return nil
	}
	return func(r agent.Report) {
		for _, f := range ears {
			f(r)
		}
	}
}

func (all company) close() error {
	var errs []error
	for _, one := range all {
		errs = append(errs, one.close())
	}
	return errors.Join(errs...)
}

// listenInPod opens an address for the other containers of the pod, of a
// configuration that has been checked.
func listenInPod(ctx context.Context, address string, mode fs.FileMode) (net.Listener, error) {
	a, err := serve.Parse(address, false)
	if err != nil {
		return nil, err
	}
	l, err := a.WithMode(mode).Listen(ctx)
	return l, failed(err)
}

// server is one that answers until it is closed.
type server struct {
	cancel context.CancelFunc
	done   chan error
}

// begin lets s answer.
func begin(ctx context.Context, s interface {
	Serve(context.Context, net.Listener) error
}, log *slog.Logger, l net.Listener,
) *server {
	ctx, cancel := context.WithCancel(ctx)
	answering := &server{cancel: cancel, done: make(chan error, 1)}
	go func() {
		err := s.Serve(ctx, l)
		if err != nil {
			log.Error("nobody is answered any more", "address", l.Addr().String(), "error", err)
		}
		answering.done <- err
	}()
	return answering
}

func (s *server) close() error {
	s.cancel()
	return <-s.done
}
