package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/proxy"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
)

// proxyFlags say where the API server is passed on, and how much of it. They have
// kubectl proxy's names behind a prefix, since these commands serve more than that.
type proxyFlags struct {
	address, prefix                string
	writes                         optionalBool
	accept, reject, methods, hosts patterns
}

func (f *proxyFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "proxy", "", "`address` to pass the API server on at, over plain HTTP and as this pod: 127.0.0.1:8001 or unix:///run/podfacts/api.sock (default: the configuration's proxy.listen, else none)")
	flags.Var(&f.writes, "proxy-allow-writes", "pass on POST, PUT, PATCH and DELETE, too")
	flags.Lookup("proxy-allow-writes").NoOptDefVal = "true"
	flags.StringVar(&f.prefix, "proxy-api-prefix", "", "`path` to serve the API under (default: /)")
	flags.Var(&f.accept, "proxy-accept-paths", "regular `expressions` of the only paths to pass on (default: all)")
	flags.Var(&f.reject, "proxy-reject-paths", "regular `expressions` of paths not to pass on; \"default\" stands for Secrets, tokens, exec, attach and portforward of pods, nodes/proxy, /debug and /logs (default: default)")
	flags.Var(&f.methods, "proxy-reject-methods", "regular `expressions` of methods not to pass on")
	flags.Var(&f.hosts, "proxy-accept-hosts", "regular `expressions` of the names in the Host header to answer to (default: IP addresses and localhost)")
}

// add puts what the flags say into a configuration.
func (f *proxyFlags) add(c *config.Config) error {
	if c == nil {
		return nil
	}
	var errs []error
	p := &c.Proxy
	if f.address != "" {
		p.Listen = f.address
		if err := config.CheckProxy(f.address); err != nil {
			errs = append(errs, fmt.Errorf("--proxy: %w", err))
		}
	}
	p.Rules.APIPrefix = cmp.Or(f.prefix, p.Rules.APIPrefix)
	if f.writes.given {
		p.Rules.AllowWrites = f.writes.value
	}
	for _, one := range []struct {
		name string
		from patterns
		to   *[]string
	}{
		{"accept-paths", f.accept, &p.Rules.AcceptPaths}, {"reject-paths", f.reject, &p.Rules.RejectPaths},
		{"reject-methods", f.methods, &p.Rules.RejectMethods}, {"accept-hosts", f.hosts, &p.Rules.AcceptHosts},
	} {
		for _, s := range one.from {
			if err := proxy.CheckPattern(s); err != nil {
				errs = append(errs, fmt.Errorf("--proxy-%s: %w", one.name, err))
			}
		}
		if one.from != nil {
			*one.to = one.from
		}
	}
	if f.prefix != "" {
		if err := proxy.CheckPrefix(f.prefix); err != nil {
			errs = append(errs, fmt.Errorf("--proxy-api-prefix: %w", err))
		}
	}
	if p.Listen == "" && (f.writes.value || f.prefix != "" || f.accept != nil || f.reject != nil || f.methods != nil || f.hosts != nil) {
		errs = append(errs, fmt.Errorf("the --proxy-… flags belong to --proxy; add --proxy 127.0.0.1:8001"))
	}
	return watch.Join(errs...)
}

// optionalBool is a flag that, given, has the last word, also as --flag=false.
type optionalBool struct{ given, value bool }

func (b *optionalBool) String() string { return strconv.FormatBool(b.value) }
func (*optionalBool) Type() string     { return "bool" }

func (b *optionalBool) Set(s string) (err error) {
	b.given = true
	b.value, err = strconv.ParseBool(s)
	return err
}

// patterns is a flag that takes several regular expressions, separated by commas as
// those of kubectl proxy. Given and empty, it is not nil.
type patterns []string

func (p *patterns) String() string { return strings.Join(*p, ",") }
func (*patterns) Type() string     { return "patterns" }

func (p *patterns) Set(s string) error {
	if *p == nil {
		*p = patterns{}
	}
	for item := range strings.SplitSeq(s, ",") {
		if item != "" {
			*p = append(*p, item)
		}
	}
	return nil
}

// passing passes the API server on.
type passing struct {
	proxy     proxy.Proxy
	forwarder *apiserver.Forwarder
	server    *server
	log       *slog.Logger
}

// openPassing opens the address that the configuration, which has been checked,
// names.
func (p *program) openPassing(ctx context.Context, access *accessFlags, c *config.Config) (*passing, error) {
	log := p.log()
	filter, err := c.Proxy.Rules.Filter()
	if err != nil {
		return nil, err
	}
	client, err := access.client(p, log)
	if err != nil {
		return nil, fmt.Errorf("the proxy: %w", asConfigured(err))
	}
	forwarder, err := client.Forwarder()
	if err != nil {
		return nil, fmt.Errorf("the proxy: %w", err)
	}
	listener, err := listenInPod(ctx, c.Proxy.Listen, c.Proxy.SocketMode)
	if err != nil {
		return nil, err
	}
	s := &passing{forwarder: forwarder, log: log}
	s.proxy = proxy.Proxy{Server: forwarder.URL, Transport: forwarder, Log: log, Rest: giveBack(c)}
	if p.getenv("GOGC") == "" {
		debug.SetGCPercent(50) // what requests leave behind is most of the heap
	}
	s.proxy.Set(filter)
	s.server = begin(ctx, &s.proxy, log, listener)
	log.Info("passing the API server on", "address", listener.Addr().String(), "access", client.Origin, "server", client.Server)
	return s, nil
}

// watch says what is passed on from now on.
func (s *passing) watch(_ []watch.Source, c *config.Config) {
	rules := c.Proxy.Rules
	if c.Proxy.Listen == "" { // it is there until a restart, but nobody wants it any more
		rules = proxy.Rules{AcceptPaths: []string{"^$"}}
	}
	filter, err := rules.Filter()
	if err != nil { // the configuration has been checked
		s.log.Error("what the proxy passes on stays as it was", "error", err)
		return
	}
	s.proxy.Set(filter)
	if filter.LendsSecrets() {
		s.log.Warn("the proxy passes Secrets on to whoever asks, as far as this pod may read them; add default to --proxy-reject-paths to keep them")
	}
}

func (*passing) report() func(agent.Report) { return nil }

func (s *passing) close() error {
	defer s.forwarder.Close()
	return s.server.close()
}
