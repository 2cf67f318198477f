package main

import (
	"context"
	"errors"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
)

func (p *program) runCommand() *cobra.Command {
	var o outputFlags
	var access accessFlags
	var beside besideFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Write the outputs and keep them current, as a sidecar",
		Long: `run writes the outputs like init, and again whenever a fact changes. An output
that fails keeps its last good file and is tried again. SIGTERM ends it, SIGHUP
makes it read the configuration and its templates again and render anew.

What notify: in the configuration asks for happens after publishing; what could
not be done is tried again, also after a restart. With --listen, /startupz,
/readyz and /livez tell how it does (see podfacts probe), and /metrics counts.`,
		Example: `  podfacts run -c /etc/podfacts/podfacts.yaml
  podfacts run --template app.conf.tmpl:/run/podfacts/app.conf`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			load := func() (*config.Config, error) {
				c, err := p.loadOutputs(cmd, &o, config.Loader{})
				return c, watch.Join(err, beside.add(c))
			}
			c, err := load()
			if err != nil {
				return err
			}
			return p.runBeside(cmd.Context(), &beside, &access, c, load)
		},
	}
	p.registerFacts(cmd.Flags())
	p.registerState(cmd.Flags())
	o.register(cmd.Flags())
	access.register(cmd.Flags())
	beside.register(cmd.Flags())
	return cmd
}

// follow runs the agent until ctx ends, and starts it anew with each SIGHUP.
// Until a new configuration is known to work, the one that runs goes on.
func (p *program) follow(ctx context.Context, access *accessFlags, c *config.Config, load func() (*config.Config, error), others company) error {
	log := p.log()
	defer p.catchHangups()()
	s := settle(others.report(), giveBack(c))
	defer s.stop()
	open := func(c *config.Config) ([]watch.Source, error) {
		return p.withAPI(ctx, access, c, allNeedsOf(c), apiserver.Follow, p.sources(ctx, c))
	}
	sources, err := open(c)
	if err != nil {
		return err
	}
	for {
		others.watch(sources, c)
		a := agent.Agent{Sources: sources, Outputs: c.Outputs, Hooks: c.Hooks, StateDir: c.StateDir, Needs: c.Serve.Needs(), Timing: c.Timing, Log: log, Report: s.report}
		var renewed *config.Config
		err := until(ctx, p.hangups, a.Run, func() bool {
			log.Info("reading the configuration again")
			next, err := load()
			var opened []watch.Source
			if err == nil {
				opened, err = open(next)
			}
			for _, e := range watch.Errors(err) {
				log.Error("configuration is wrong; the last good one stays", "error", e)
			}
			if err == nil {
				renewed, sources = next, opened
			}
			return err == nil
		})
		if exit, ok := errors.AsType[*notify.ExitError](err); ok {
			return &failure{code: exit.Code} // the hook has said why
		}
		if err != nil || renewed == nil {
			return failed(err)
		}
		if renewed.Listen != c.Listen {
			log.Warn("the address to listen on stays as it was; a new one takes a restart", "listen", renewed.Listen)
		}
		if renewed.Serve.Listen != c.Serve.Listen || renewed.Serve.SocketMode != c.Serve.SocketMode {
			log.Warn("the address to serve facts on and the mode of its socket stay as they were; others take a restart", "serve", renewed.Serve.Listen)
		}
		if renewed.Proxy.Listen != c.Proxy.Listen || renewed.Proxy.SocketMode != c.Proxy.SocketMode {
			log.Warn("the address of the proxy stays as it was; a new one takes a restart", "proxy", renewed.Proxy.Listen)
		}
		c = renewed
	}
}

// catchHangups keeps the signal that has run read its configuration again from
// ending it, until stop is called. What came before run is ready is heeded then.
func (p *program) catchHangups() (stop func()) {
	if p.hangups != nil || len(hangupSignals()) == 0 {
		return func() {}
	}
	p.hangups = make(chan os.Signal, 1)
	signal.Notify(p.hangups, hangupSignals()...)
	return func() { signal.Stop(p.hangups) }
}

// until runs f until ctx ends, or until a signal comes and done says that it is
// to end.
func until(ctx context.Context, signals <-chan os.Signal, f func(context.Context) error, done func() bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	for {
		select {
		case <-signals:
			if done() {
				cancel()
				return <-ended
			}
		case err := <-ended:
			return err
		}
	}
}
