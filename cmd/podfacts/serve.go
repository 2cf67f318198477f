package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/metadata"
	"github.com/podfacts/podfacts/agent/serve"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

func (p *program) serveCommand() *cobra.Command {
	var access accessFlags
	var beside besideFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer other containers, as a sidecar that writes no file",
		Long: `serve follows the facts like run, and tells the other containers of the pod
when they ask, over HTTP on loopback or a unix socket:

  curl http://127.0.0.1:9301/v1/facts/node/zone
  curl --unix-socket /run/podfacts/facts.sock http://localhost/v1/view

It writes no outputs and runs no hooks, also where the configuration has some;
podfacts run --serve does both. /openapi.json describes what can be asked, and /
shows it to a browser.

Shown are the facts that --expose and serve.expose name, which are asked of the
API server like those of an output. Where they name none, it is who the pod is,
and what the outputs are made of that everybody may read, as far as that is known.
Secrets are shown where they are named, and not with a group that they belong to.
In a pod with hostNetwork, loopback is the node's: there a socket is the way.

With --proxy, the API server itself is passed on, over plain HTTP and with the
pod's credentials, as kubectl proxy does:

  curl http://127.0.0.1:8001/api/v1/namespaces/shop/pods

Whoever asks acts as the pod's service account, so that only reads are passed on,
and neither Secrets nor what runs commands, unless the --proxy-… flags say so.`,
		Example: `  podfacts serve --serve 127.0.0.1:9301
  podfacts serve --serve unix:///run/podfacts/facts.sock --expose pod,node.zone
  podfacts serve --proxy 127.0.0.1:8001
  podfacts serve -c /etc/podfacts/podfacts.yaml`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			load := func() (*config.Config, error) {
				c, err := p.load(nil, config.Loader{})
				if err = watch.Join(err, beside.add(c)); err != nil {
					return nil, err
				}
				return p.withoutOutputs(cmd, c)
			}
			c, err := load()
			if err != nil {
				return err
			}
			return p.runBeside(cmd.Context(), &beside, &access, c, load)
		},
	}
	p.registerFacts(cmd.Flags())
	access.register(cmd.Flags())
	beside.register(cmd.Flags())
	return cmd
}

// withoutOutputs makes a configuration one that is only served.
func (p *program) withoutOutputs(cmd *cobra.Command, c *config.Config) (*config.Config, error) {
	if c.Serve.Listen == "" && c.Proxy.Listen == "" {
		where := cmp.Or(p.config, "a configuration")
		return nil, fmt.Errorf("nobody is served; say where with --serve 127.0.0.1:9301 or --proxy 127.0.0.1:8001, or in %s under serve: or proxy: {listen: …}; see %s --help", where, cmd.CommandPath())
	}
	c.Serve.Expose = c.Shown() // while the outputs are known
	c.Outputs, c.Hooks = nil, nil
	return c, nil
}

// serveFlags say where other containers may ask for facts, and for which.
type serveFlags struct {
	address string
	expose  list
}

func (s *serveFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&s.address, "serve", "", "`address` to serve facts on to other containers: 127.0.0.1:9301 or unix:///run/podfacts/facts.sock (default: the configuration's serve.listen, else none)")
	s.registerExpose(flags)
}

func (s *serveFlags) registerExpose(flags *pflag.FlagSet) {
	flags.Var(&s.expose, "expose", "`facts` to serve, repeatable: pod,node.zone (default: the configuration's serve.expose, else who the pod is and what its outputs are made of)")
}

// add puts what the flags say into a configuration.
func (s *serveFlags) add(c *config.Config) error {
	if c == nil {
		return nil
	}
	var errs []error
	if s.address != "" {
		c.Serve.Listen = s.address
		if err := config.CheckServe(s.address); err != nil {
			errs = append(errs, fmt.Errorf("--serve: %w", err))
		}
	}
	for _, name := range s.expose {
		e, err := c.Expose(name, "--expose")
		if err != nil {
			errs = append(errs, fmt.Errorf("--expose: %w", err))
			continue
		}
		c.Serve.Expose = append(c.Serve.Expose, e)
	}
	return watch.Join(errs...)
}

// serving answers other containers.
type serving struct {
	facts  metadata.Service
	server *server
}

// openServing opens the address that the configuration, which has been checked,
// names.
func openServing(ctx context.Context, c *config.Config, log *slog.Logger) (*serving, error) {
	listener, err := listenInPod(ctx, c.Serve.Listen, c.Serve.SocketMode)
	if err != nil {
		return nil, err
	}
	s := &serving{}
	s.server = begin(ctx, &serve.Server{Handler: &s.facts, Connections: metadata.Connections, Log: log}, log, listener)
	log.Info("serving facts", "address", listener.Addr().String())
	return s, nil
}

// watch says what is shown from now on.
func (s *serving) watch(_ []watch.Source, c *config.Config) {
	if c.Serve.Listen == "" { // it is there until a restart, but nobody wants it any more
		s.facts.Set(metadata.Settings{})
		return
	}
	s.facts.Set(settingsOf(c))
}

func settingsOf(c *config.Config) metadata.Settings {
	settings := metadata.Settings{Container: c.Container}
	for _, e := range c.Shown() {
		settings.Expose = append(settings.Expose, metadata.Exposed{Path: e.Path, Named: e.Asked})
	}
	return settings
}

func (s *serving) report() func(agent.Report) { return s.facts.Report }
func (s *serving) close() error               { return s.server.close() }

// shown renders what other containers are shown, for commands that but look. Of
// Secrets it is silent.
type shown struct {
	settings metadata.Settings
	needs    watch.Needs
}

func (s shown) Needs() watch.Needs { return s.needs }

func (s shown) Render(_ context.Context, w io.Writer, all *watch.Snapshot) error {
	return render.Encode(w, "json", s.settings.Show(all).Public())
}
