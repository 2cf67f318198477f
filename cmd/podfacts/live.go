package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
	"github.com/podfacts/podfacts/watch/manifest"
	"github.com/podfacts/podfacts/watch/object"
)

// live is a running pod, looked at from outside. Its object says which volumes and
// variables the kubelet gives it; for all else the API server is asked as it is
// from inside.
type live struct {
	client *apiserver.Client
	log    *slog.Logger
	ref    string
	target apiserver.Target

	objects []map[string]any // the pod, and what was fetched besides
	mounted bool             // the ConfigMaps that it mounts are among them
}

// live reads the pod that --live names, or an argument of the plugin.
func (p *program) live(ctx context.Context, d *dryFlags, a *accessFlags, set *stated) (*world, error) {
	parse, text := parseLive, d.live
	if d.running != "" {
		parse, text = parseRunning, d.running
	}
	ref, err := parse(text, d.namespace)
	if err != nil {
		return nil, err
	}
	client, err := a.client(p, p.log())
	if err != nil {
		return nil, asConfigured(err)
	}
	pod, err := p.running(ctx, client, ref)
	if err != nil {
		return nil, failed(err)
	}
	namespace, name := object.Text(pod, "metadata", "namespace"), object.Text(pod, "metadata", "name")
	l := &live{client: client, log: p.log(), ref: namespace + "/" + name, objects: []map[string]any{pod}}
	l.target = apiserver.Target{
		Namespace: namespace, Name: name, UID: object.Text(pod, "metadata", "uid"), Node: object.Text(pod, "spec", "nodeName"), From: "--live",
	}
	if l.target.Node != "" && mentions(pod, "resourceFieldRef") { // an unset limit reads as the node's allocatable
		l.get(ctx, "v1", "Node", "", l.target.Node)
	}
	w := &world{set: set, live: l}
	if err := w.look(); err != nil {
		return nil, failed(err)
	}
	projection, err := w.pod.Project()
	if err != nil {
		return nil, failed(err)
	}
	w.self = projection.Self()
	if !w.self.Token {
		l.log.Warn("the pod mounts no service account token; what is asked of the API server here, it cannot ask itself", "pod", l.ref)
	}
	return w, nil
}

// look takes in what was fetched. It begins anew, since a cluster never changes.
func (w *world) look() (err error) {
	w.pod, err = manifest.NewCluster(w.live.client.Origin, w.live.objects...).Pod(w.live.ref)
	return err
}

// mount fetches the ConfigMaps that the pod mounts, once.
func (w *world) mount(ctx context.Context) error {
	l := w.live
	if l == nil || l.mounted {
		return nil
	}
	l.mounted = true
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, name := range mountedConfigMaps(w.pod.Object()) {
		all.Go(func() {
			o, err := l.client.Get(ctx, "v1", "ConfigMap", l.target.Namespace, name)
			mu.Lock()
			defer mu.Unlock()
			l.took(o, err)
		})
	}
	all.Wait()
	return w.look()
}

func mountedConfigMaps(pod map[string]any) []string {
	var names []string
	for _, v := range object.List(pod, "spec", "volumes") {
		for _, source := range append(object.List(v, "projected", "sources"), v) {
			if name := object.Text(source, "configMap", "name"); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// climb fetches the controllers above the pod.
func (w *world) climb(ctx context.Context) error {
	const highest = 10
	l := w.live
	if l == nil {
		return nil
	}
	o := l.objects[0]
	for range highest {
		ref := object.Controller(o)
		if ref == nil || object.IsWorkload(object.Text(ref, "apiVersion"), object.Text(ref, "kind")) {
			break
		}
		if o = l.get(ctx, object.Text(ref, "apiVersion"), object.Text(ref, "kind"), l.target.Namespace, object.Text(ref, "name")); o == nil {
			break
		}
	}
	return w.look()
}

func (l *live) get(ctx context.Context, apiVersion, kind, namespace, name string) map[string]any {
	o, err := l.client.Get(ctx, apiVersion, kind, namespace, name)
	return l.took(o, err)
}

// took keeps an object. What may not be read is warned of and done without.
func (l *live) took(o map[string]any, err error) map[string]any {
	if err != nil {
		if e, ok := errors.AsType[*apiserver.Error](err); !ok || e.Reason != apiserver.NotFound {
			l.log.Warn("left out", "reason", err)
		}
		return nil
	}
	l.objects = append(l.objects, o)
	return o
}

// sources are those of the pod itself.
func (l *live) sources(ctx context.Context, p *program, c *config.Config, a *accessFlags, needs watch.Needs, w *world) ([]watch.Source, error) {
	local := w.projected(p, c)
	if w.self.Token {
		local = append(local, l.bound(w))
	}
	return p.asking(ctx, a, c, needs, apiserver.Once, local, func(_ *watch.Snapshot, plan apiserver.Plan) (*apiserver.Source, error) {
		plan.Namespace = l.target.Namespace
		return &apiserver.Source{Client: l.client, Pod: l.target, Plan: plan, Log: l.log}, nil
	})
}

// bound is what the token in the pod says of it.
func (l *live) bound(w *world) watch.Source {
	b := &token{}
	for fact, value := range map[watch.Path]string{
		watch.PodName: l.target.Name, watch.PodNamespace: l.target.Namespace, watch.PodUID: l.target.UID,
		watch.PodNodeName: l.target.Node, watch.PodServiceAccountName: w.account(),
	} {
		b.layer.Set(fact, value, "token")
	}
	return b
}

// token states what a token would.
type token struct{ layer watch.Layer }

func (*token) String() string                              { return "service account" }
func (t *token) Read(context.Context) (watch.Layer, error) { return t.layer, nil }

// mentions reports whether a key occurs anywhere in a value.
func mentions(value any, key string) bool {
	switch v := value.(type) {
	case map[string]any:
		for k, below := range v {
			if k == key || mentions(below, key) {
				return true
			}
		}
	case []any:
		for _, below := range v {
			if mentions(below, key) {
				return true
			}
		}
	}
	return false
}
