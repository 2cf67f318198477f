package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/health"
	"github.com/podfacts/podfacts/agent/metrics"
	"github.com/podfacts/podfacts/agent/proxy"
	"github.com/podfacts/podfacts/agent/serve"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
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

// observer watches an agent for those who ask over HTTP. Nil is nobody, and costs
// nothing.
type observer struct {
	monitor health.Monitor
	metrics metrics.Metrics
	api     atomic.Pointer[apiserver.Client] // of the agent that runs
	proxy   atomic.Pointer[proxy.Proxy]      // if one runs
	mux     *http.ServeMux
	server  *server
}

// observe opens the server, if one is asked for: by the flag, else by the
// configuration.
func (l *listenFlags) observe(ctx context.Context, configured string, log *slog.Logger) (*observer, error) {
	s := cmp.Or(l.address, configured)
	if s == "" {
		return nil, nil
	}
	address, err := serve.Parse(s, l.anywhere || l.address == "") // the configuration has been checked
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
	o.metrics = metrics.Metrics{Version: buildVersion(), Health: o.health, API: o.requests, Proxy: o.passed}
	o.routes()
	o.server = begin(ctx, &serve.Server{Handler: o.mux, Log: log}, log, listener)
	log.Info("listening", "address", listener.Addr().String())
	return o, nil
}

// routes says what is answered.
func (o *observer) routes() {
	for _, p := range health.Probes() {
		o.mux.Handle("GET "+probePath(p), o.monitor.Handler(p))
	}
	o.mux.Handle("GET /metrics", &o.metrics)
}

// probePath is where a probe is answered.
func probePath(p health.Probe) string { return "/" + string(p) + "z" }

// watch says which sources the agent reads that runs next, and how old a fact of
// theirs may be; see [health.Monitor.SetMaxAge].
func (o *observer) watch(sources []watch.Source, c *config.Config) {
	if o == nil {
		return
	}
	o.monitor.SetMaxAge(c.MaxAge)
	o.api.Store(nil)
	for _, s := range sources {
		if s, ok := s.(*apiserver.Source); ok {
			o.api.Store(s.Client)
		}
	}
}

// report is for agent.Agent; it is nil where nobody watches.
func (o *observer) report() func(agent.Report) {
	if o == nil {
		return nil
	}
	return func(r agent.Report) {
		o.monitor.Report(r)
		o.metrics.Report(r)
	}
}

// close ends the server.
func (o *observer) close() error {
	if o == nil {
		return nil
	}
	return o.server.close()
}

// health answers all probes for the metrics.
func (o *observer) health() []metrics.Probe {
	var probes []metrics.Probe
	for _, p := range health.Probes() {
		probes = append(probes, metrics.Probe{Name: string(p), OK: o.monitor.Now(p).OK})
	}
	return probes
}

// requests tells the metrics what was asked of the API server.
func (o *observer) requests() metrics.API {
	client := o.api.Load()
	if client == nil {
		return metrics.API{}
	}
	stats := client.Stats()
	api := metrics.API{Source: new(apiserver.Source).String(), Restarts: stats.Restarts}
	for r, count := range stats.Requests {
		api.Requests = append(api.Requests, metrics.Request{Verb: r.Verb, Code: r.Code, Count: count})
	}
	return api
}

// passing has the metrics count what a proxy does.
func (o *observer) passing(s *passing) {
	if o != nil {
		o.proxy.Store(&s.proxy)
	}
}

// passed tells the metrics what the proxy was asked.
func (o *observer) passed() *metrics.Proxy {
	p := o.proxy.Load()
	if p == nil {
		return nil
	}
	stats := p.Stats()
	told := &metrics.Proxy{InFlight: stats.InFlight}
	for r, count := range stats.Requests {
		told.Requests = append(told.Requests, metrics.Request{Verb: r.Verb, Code: r.Code, Count: count})
	}
	return told
}
