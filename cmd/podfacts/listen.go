package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/health"
	"github.com/podfacts/podfacts/agent/serve"
)

// listenFlags say where to tell how a sidecar does.
type listenFlags struct {
	address  string // empty: the configuration's
	anywhere bool
}

func (l *listenFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&l.address, "listen", "", "`address` to serve health and metrics on: 127.0.0.1:9300 or unix:///run/podfacts/podfacts.sock (default: the configuration's listen, else none)")
	flags.BoolVar(&l.anywhere, "listen-any", false, "let --listen be reached from outside the pod, as :9300 is")
}

// observer is who watches an agent for those who ask over HTTP. Nil is nobody,
// and costs nothing.
type observer struct {
	monitor health.Monitor
	mux     *http.ServeMux
	stop    func() error
}

// observe opens the server, if one is asked for: by the flag, else by the
// configuration.
func (l *listenFlags) observe(ctx context.Context, configured string, log *slog.Logger) (*observer, error) {
	s := cmp.Or(l.address, configured)
	if s == "" {
		return nil, nil
	}
	address, err := serve.Parse(s, l.anywhere)
	if errors.Is(err, serve.ErrElsewhere) {
		err = fmt.Errorf("%w, or add --listen-any to be reached from outside the pod", err)
	}
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	listener, err := address.Listen(ctx)
	if err != nil {
		return nil, failed(err)
	}
	o := &observer{mux: http.NewServeMux()}
	o.routes()
	o.serve(ctx, listener, log)
	log.Info("listening", "address", listener.Addr().String())
	return o, nil
}

// routes says what is answered.
func (o *observer) routes() {
	for _, p := range health.Probes() {
		o.mux.Handle("GET "+probePath(p), o.monitor.Handler(p))
	}
}

// probePath is where a probe is answered.
func probePath(p health.Probe) string { return "/" + string(p) + "z" }

// serve answers until close is called.
func (o *observer) serve(ctx context.Context, listener net.Listener, log *slog.Logger) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		err := (&serve.Server{Handler: o.mux, Log: log}).Serve(ctx, listener)
		if err != nil {
			log.Error("nobody is answered any more", "address", listener.Addr().String(), "error", err)
		}
		done <- err
	}()
	o.stop = func() error {
		cancel()
		return <-done
	}
}

// report is for agent.Agent; it is nil where nobody watches.
func (o *observer) report() func(agent.Report) {
	if o == nil {
		return nil
	}
	return o.monitor.Report
}

// limit says how old a fact may be; see [health.Monitor.SetMaxAge].
func (o *observer) limit(maxAge time.Duration) {
	if o != nil {
		o.monitor.SetMaxAge(maxAge)
	}
}

// close ends the server.
func (o *observer) close() error {
	if o == nil {
		return nil
	}
	return o.stop()
}
