package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/manifest"
)

// accessFlags say whether and how to reach the API server.
type accessFlags struct {
	mode   string // empty: the configuration's
	access apiserver.Access
	// all asks for what local sources know too, to compare.
	all bool
}

func (a *accessFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&a.mode, "api", "", "API server: `auto` (what is missing is asked for), never, required (default: the configuration's api.mode, else auto)")
	a.registerAccess(flags)
}

func (a *accessFlags) registerAccess(flags *pflag.FlagSet) {
	flags.StringVar(&a.access.Kubeconfig, "kubeconfig", "", "kubeconfig `file` (default: KUBECONFIG, the pod's service account, ~/.kube/config)")
	flags.StringVar(&a.access.Context, "context", "", "`name` of the kubeconfig's context (default: the current one)")
	flags.StringVar(&a.access.Server, "api-server", "", "`URL` of the API server, or of a proxy such as http://127.0.0.1:8001")
	flags.StringVar(&a.access.TokenFile, "token-file", "", "`file` with the token for the API server, read again when it changes")
	flags.StringVar(&a.access.CAFile, "certificate-authority", "", "`file` with the CA of the API server")
	flags.BoolVar(&a.access.InsecureSkipTLSVerify, "insecure-skip-tls-verify", false, "trust any API server; refused with a pod's own credentials")
}

// named reports whether flags say how to reach an API server.
func (a *accessFlags) named() bool {
	x := a.access
	return x.Kubeconfig+x.Context+x.Server+x.TokenFile+x.CAFile != "" || x.InsecureSkipTLSVerify
}

// asConfigured tells an access that is described wrong, which is wrong usage, from
// one that does not work.
func asConfigured(err error) error {
	if isAPIError(err) {
		return failed(err)
	}
	return err
}

func isAPIError(err error) bool {
	_, ok := errors.AsType[*apiserver.Error](err)
	return ok
}

// client makes the client that the flags ask for.
func (a *accessFlags) client(p *program, log *slog.Logger) (*apiserver.Client, error) {
	access := a.access
	access.Getenv = p.getenv
	access.UserAgent = "podfacts/" + buildVersion()
	access.Log = log
	return access.Client()
}

func (p *program) getenv(name string) string {
	for _, kv := range p.environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v
		}
	}
	return ""
}

// modeOf is the flag's mode, else the configuration's.
func (a *accessFlags) modeOf(c *config.Config) (string, error) {
	mode := cmp.Or(a.mode, c.API.Mode, "auto")
	if !slices.Contains(config.APIModes(), mode) {
		return "", fmt.Errorf("--api is %q, but must be %s", mode, strings.Join(config.APIModes(), ", "))
	}
	return mode, nil
}

// withAPI puts the API server before the local sources, if the needs take it:
// what they know themselves is not asked for. In mode auto, being without an
// API server is said once and is no error.
func (p *program) withAPI(ctx context.Context, a *accessFlags, c *config.Config, needs watch.Needs, mode apiserver.Mode, local []watch.Source) ([]watch.Source, error) {
	return p.asking(ctx, a, c, needs, mode, local, func(snapshot *watch.Snapshot, plan apiserver.Plan) (*apiserver.Source, error) {
		return p.apiSource(a, snapshot, plan, p.log())
	})
}

// asking is withAPI, with the API server that open opens for a pod of which the
// local sources know that much.
func (p *program) asking(ctx context.Context, a *accessFlags, c *config.Config, needs watch.Needs, mode apiserver.Mode, local []watch.Source,
	open func(*watch.Snapshot, apiserver.Plan) (*apiserver.Source, error),
) ([]watch.Source, error) {
	use, err := a.modeOf(c)
	if err != nil || use == "never" {
		return local, err
	}
	log := p.log()
	snapshot, _ := watch.Collect(ctx, local...) // what is wrong with them comes up when they are used
	if !a.all {
		needs = missing(needs, snapshot)
	}
	plan := apiserver.NewPlan(needs, c.API.Objects, mode, told(snapshot)...)
	if plan.Empty() && use == "auto" {
		return local, nil
	}
	source, err := open(snapshot, plan)
	if err == nil && mode == apiserver.Follow {
		source.Seen = teach(local)
	}
	if err == nil && use == "required" {
		err = source.Client.Available(ctx)
	}
	switch {
	case err == nil:
		return append([]watch.Source{source}, local...), nil
	case a.named() && !isAPIError(err) && !errors.Is(err, apiserver.ErrNoAccess): // what somebody named is wrong, and would be in any mode
		return nil, err
	case use == "required":
		return nil, failed(fmt.Errorf("api.mode is required: %w", err))
	case errors.Is(err, apiserver.ErrNoAccess):
		log.Debug("no API server", "reason", err)
		return append(local, absent{plan, err}), nil
	}
	log.Warn("the API server is not used", "reason", err)
	return append(local, absent{plan, err}), nil
}

func (p *program) apiSource(a *accessFlags, local *watch.Snapshot, plan apiserver.Plan, log *slog.Logger) (*apiserver.Source, error) {
	client, err := a.client(p, log)
	if err != nil {
		return nil, err
	}
	target := targetOf(local)
	plan.Namespace = target.Namespace
	return &apiserver.Source{Client: client, Pod: target, Plan: plan, Log: log}, nil
}

// teach tells the volumes among some sources what the pod's spec says of their
// files. The API server that was asked for the pod has said the same, and better;
// once it is away, the kubelet still writes.
func teach(local []watch.Source) func(pod map[string]any) {
	return func(pod map[string]any) {
		for _, s := range local {
			if v, ok := s.(*downward.Source); ok {
				v.Learn(manifest.ItemsAt(pod, cmp.Or(v.Dir, downward.DefaultDir)))
			}
		}
	}
}

// targetOf says which pod this is, by what the local sources know.
func targetOf(s *watch.Snapshot) apiserver.Target {
	var t apiserver.Target
	text := func(p watch.Path) string {
		f, err := s.Lookup(p)
		if err != nil {
			return ""
		}
		if p == watch.PodName {
			t.From = f.Origin.String()
		}
		value, _ := f.Value.(string)
		return value
	}
	t.Namespace, t.Name, t.UID, t.Node = text(watch.PodNamespace), text(watch.PodName), text(watch.PodUID), text(watch.PodNodeName)
	return t
}

// told is what spares asking for the pod where only its node is wanted.
func told(s *watch.Snapshot) []watch.Path {
	if _, err := s.Lookup(watch.PodNodeName); err != nil {
		return nil
	}
	return []watch.Path{watch.PodNodeName}
}

// missing leaves out the needs that a snapshot answers.
func missing(needs watch.Needs, s *watch.Snapshot) watch.Needs {
	var rest watch.Needs
	for _, need := range needs {
		if need.Path != "" {
			if _, isFact := watch.KindOf(need.Path); isFact {
				if _, err := s.Lookup(need.Path); err == nil {
					continue
				}
			}
		}
		rest = append(rest, need)
	}
	return rest
}

// absent explains what an API server would have answered.
type absent struct {
	plan apiserver.Plan
	err  error
}

func (absent) String() string                            { return "API server" }
func (absent) Read(context.Context) (watch.Layer, error) { return watch.Layer{}, nil }

func (a absent) Explain(p watch.Path) (reason, hint string) {
	if !a.plan.Covers(p) {
		return "", ""
	}
	reason, hint = apiserver.Explain(a.err)
	if f, ok := watch.FieldOf(p); ok && f.Sources != "API" {
		hint = "" // there are other ways, which need no token
	}
	return "the API server has it, but is not used: " + reason, hint
}

// needsOf joins what the outputs and the hooks need.
func needsOf(c *config.Config) watch.Needs {
	var needs watch.Needs
	for _, o := range c.Outputs {
		needs = append(needs, o.Renderer.Needs()...)
	}
	for _, h := range c.Hooks {
		needs = append(needs, h.Needs()...)
	}
	return needs
}

// allNeedsOf are needsOf, and what other containers ask for.
func allNeedsOf(c *config.Config) watch.Needs {
	return append(needsOf(c), c.Serve.Needs()...)
}
