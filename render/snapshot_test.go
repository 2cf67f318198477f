package render

import (
	"context"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

// source gives one layer.
type source struct{ layer watch.Layer }

func (s source) String() string                            { return "test" }
func (s source) Read(context.Context) (watch.Layer, error) { return s.layer, nil }

func collect(tb testing.TB, l watch.Layer) *watch.Snapshot {
	tb.Helper()
	s, err := watch.Collect(tb.Context(), source{l})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// facts is a snapshot of these and no other facts.
func facts(tb testing.TB, values map[watch.Path]any) *watch.Snapshot {
	tb.Helper()
	var l watch.Layer
	for p, v := range values {
		l.State(p, watch.Statement{Value: v, From: string(p)})
	}
	return collect(tb, l)
}

// webLayer is a pod of a Deployment, as an API server knows it.
func webLayer() watch.Layer {
	var l watch.Layer
	l.Container = "main"
	for p, v := range map[watch.Path]any{
		"pod.name":                      "web-5d4f8c7b9-x2x4z",
		"pod.namespace":                 "shop",
		"pod.uid":                       "0d2c4a6e-1111-2222-3333-444455556666",
		"pod.labels":                    map[string]string{"app": "web", "tier": "front", "app.kubernetes.io/version": "1.4.2", "empty": ""},
		"pod.annotations":               map[string]string{"team": "it's us", "note": "two\nlines"},
		"pod.ip":                        "10.1.2.3",
		"pod.ips":                       []string{"10.1.2.3", "fd00::3"},
		"pod.hostIP":                    "192.0.2.7",
		"pod.nodeName":                  "node-a",
		"pod.serviceAccountName":        "web",
		"pod.ordinal":                   int64(7),
		"containers.main.image":         "registry.example:5000/shop/web:1.4.2",
		"containers.main.limits":        map[string]string{"cpu": "2500m", "memory": "1Gi"},
		"containers.main.requests":      map[string]string{"cpu": "100m", "memory": "1536Mi"},
		"containers.side.limits":        map[string]string{"memory": "64Mi"},
		"node.name":                     "node-a",
		"node.zone":                     "eu-1a",
		"node.region":                   "eu-1",
		"node.labels":                   map[string]string{"disk": "ssd"},
		"owner.kind":                    "ReplicaSet",
		"owner.name":                    "web-5d4f8c7b9",
		"workload.kind":                 "Deployment",
		"workload.name":                 "web",
		"workload.replicas":             int64(3),
		"objects.settings":              map[string]any{"data": map[string]any{"mode": "fast"}, "ports": []any{int64(80), int64(443)}},
		"peers":                         []any{map[string]any{"name": "a", "zone": "eu-1a"}, map[string]any{"name": "b"}},
		"files.ca.crt":                  "CERT",
		"env.MODE":                      "debug",
		"cluster.version":               "v1.36.3",
		"namespace.labels":              map[string]string{"env": "prod"},
		"containers.main.allocated":     map[string]string{"cpu": "2"},
		"pod.createdAt":                 "2026-01-02T03:04:05Z",
		"node.allocatable":              map[string]string{"cpu": "8", "memory": "32Gi"},
		"containers.side.limits['gpu']": "1",
	} {
		if p == "files.ca.crt" {
			p = watch.Path("files").Key("ca.crt")
		}
		l.State(p, watch.Statement{Value: v, From: string(p)})
	}
	return l
}

func web(tb testing.TB) *watch.Snapshot {
	tb.Helper()
	return collect(tb, webLayer())
}

func render(tb testing.TB, r Renderer, s *watch.Snapshot) string {
	tb.Helper()
	out, err := tryRender(r, s)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func tryRender(r Renderer, s *watch.Snapshot) (string, error) {
	var b strings.Builder
	err := r.Render(context.Background(), &b, s)
	return b.String(), err
}

// wantError holds an error against every part that it must have.
func wantError(tb testing.TB, err error, parts ...string) {
	tb.Helper()
	if err == nil {
		tb.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			tb.Errorf("error %q\nlacks %q", err, part)
		}
	}
}

var (
	_ Renderer = (*Env)(nil)
	_ Renderer = (*Template)(nil)
	_ Renderer = (*View)(nil)
)

// wanted leaves of a layer what needs want.
func wanted(l watch.Layer, needs watch.Needs) watch.Layer { return filter(l, needs.Wants) }

// without takes a fact out of a layer.
func without(l watch.Layer, fact watch.Path) watch.Layer {
	return filter(l, func(p watch.Path) bool { return !fact.Covers(p) })
}

func filter(l watch.Layer, keep func(watch.Path) bool) watch.Layer {
	some := watch.Layer{Container: l.Container}
	for _, p := range []watch.Path{watch.PodLabels, watch.PodAnnotations, watch.NodeLabels, "node.allocatable", "namespace.labels",
		"containers.main.limits", "containers.main.requests", "containers.main.allocated", "containers.side.limits"} {
		if l.Has(p) && keep(p) {
			some.State(p, watch.Statement{Value: map[string]string{}})
		}
	}
	for _, p := range l.Paths() {
		if s, _ := l.Get(p); keep(p) {
			some.State(p, s)
		}
	}
	return some
}
