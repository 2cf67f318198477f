package apiserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// quick is a timing for tests: short pauses, long watches.
func quick() Timing {
	return Timing{Refresh: 30 * time.Millisecond, Retry: 10 * time.Millisecond, RetryMax: 40 * time.Millisecond}
}

// followed is a source whose Watch runs.
type followed struct {
	*Source
	t       *testing.T
	changes atomic.Int64
}

func follow(t *testing.T, s *Source) *followed {
	t.Helper()
	f := &followed{Source: s, t: t}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Watch(ctx, func() { f.changes.Add(1) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch ended with %v", err)
		}
	})
	eventually(t, "the watch begins", func() bool { return f.changes.Load() > 0 })
	return f
}

// until reads until the layer and its error are as wanted.
func (f *followed) until(what string, ok func(watch.Layer, error) bool) {
	f.t.Helper()
	var l watch.Layer
	var err error
	defer func() {
		if f.t.Failed() {
			f.t.Logf("live %v, error %v", l.Live, err)
		}
	}()
	eventually(f.t, what, func() bool {
		l, err = f.Read(f.t.Context())
		return ok(l, err)
	})
}

// says waits for a live layer without error in which a fact has a value.
func (f *followed) says(p watch.Path, want any) {
	f.t.Helper()
	f.until(string(p), func(l watch.Layer, err error) bool {
		s, _ := l.Get(p)
		return s.Value == want && l.Live && err == nil
	})
}

func shopPod(labels map[string]any) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": "web-0", "namespace": "shop", "uid": "u1", "labels": labels},
		"spec":     map[string]any{"nodeName": "n0", "containers": []any{map[string]any{"name": "main"}}}}
}

func shopSource(t *testing.T, a *fakeAPI, objects []Object, paths ...watch.Path) *Source {
	t.Helper()
	return &Source{Client: a.client(t), Pod: Target{Namespace: "shop", Name: "web-0"}, Plan: NewPlan(needs(paths...), objects, Follow), Timing: quick()}
}

func label(value string) map[string]any { return shopPod(map[string]any{"app": value}) }

func appPath() watch.Path { return watch.PodLabels.Key("app") }

func TestWatchFollowsThePod(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	f := follow(t, shopSource(t, a, nil, "pod.labels"))
	f.says(appPath(), "one")
	a.put(label("two"))
	f.says(appPath(), "two")
	if got := a.asked(); !slices.Equal(got, []string{"get /api/v1/namespaces/shop/pods/web-0", "watch /api/v1/namespaces/shop/pods"}) {
		t.Errorf("asked %q", got)
	}
	// What is no fact wakes nobody. A change can be read before anybody is woken by it,
	// so that the one before may count as well.
	before := f.changes.Load()
	const writes = 10
	for i := range writes {
		o := label("two")
		object.Map(o, "spec")["tolerations"] = []any{map[string]any{"key": fmt.Sprint(i)}}
		a.put(o)
	}
	a.put(label("three"))
	f.says(appPath(), "three")
	eventually(t, "a change", func() bool { return f.changes.Load() > before })
	if n := f.changes.Load() - before; n > 2 {
		t.Errorf("%d changes for one, beside %d of what is no fact", n, writes)
	}
}

// TestReadThenWatch: the watch goes on from what the first Read saw.
func TestReadThenWatch(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	s := shopSource(t, a, nil, "pod.labels")
	if l, err := s.Read(t.Context()); err != nil || l.Live {
		t.Fatalf("first read: live %v, %v", l.Live, err)
	}
	a.put(label("between"))
	f := follow(t, s)
	f.says(appPath(), "between")
	if got := a.asked(); len(got) != 2 {
		t.Errorf("asked %q", got)
	}
}

// TestWatchSurvives breaks the connection in every way there is.
func TestWatchSurvives(t *testing.T) {
	t.Parallel()
	fail := func(code int, reason string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			refuse(w, code, reason, "")
			return true
		}
	}
	for name, tt := range map[string]struct {
		fault func(a *fakeAPI)
		down  Reason // what the error says in between; empty where nobody need notice
	}{
		"hang up":              {func(a *fakeAPI) { a.hangUp() }, ""},
		"410 in the stream":    {func(a *fakeAPI) { a.compact(); a.hangUp(status(410, "Expired")) }, ""},
		"410 on reconnect":     {func(a *fakeAPI) { a.compact(); a.hangUp() }, ""},
		"500 in the stream":    {func(a *fakeAPI) { a.hangUp(status(500, "InternalError")) }, ""},
		"connections cut":      {func(a *fakeAPI) { a.CloseClientConnections() }, ""},
		"500":                  {func(a *fakeAPI) { a.breakWith(fail(500, "InternalError")); a.hangUp() }, Broken},
		"503":                  {func(a *fakeAPI) { a.breakWith(fail(503, "ServiceUnavailable")); a.hangUp() }, Overloaded},
		"429":                  {func(a *fakeAPI) { a.breakWith(fail(429, "TooManyRequests")); a.hangUp() }, Overloaded},
		"401":                  {func(a *fakeAPI) { a.breakWith(fail(401, "Unauthorized")); a.hangUp() }, Unauthorized},
		"409":                  {func(a *fakeAPI) { a.breakWith(fail(409, "Conflict")); a.hangUp() }, Broken},
		"connection is reset":  {func(a *fakeAPI) { a.breakWith(resets); a.hangUp() }, Unreachable},
		"garbage":              {func(a *fakeAPI) { a.breakWith(garbage); a.hangUp() }, Broken},
		"ends again and again": {func(a *fakeAPI) { a.breakWith(empty); a.hangUp() }, Broken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := plainAPI(t)
			a.put(label("one"))
			f := follow(t, shopSource(t, a, nil, "pod.labels"))
			f.says(appPath(), "one")
			eventually(t, "a watch", func() bool { return a.watches() == 1 })
			tt.fault(a)
			if tt.down != "" {
				f.until("down", func(l watch.Layer, err error) bool {
					return !l.Live && reasonOf(err) == tt.down && !l.Has(appPath())
				})
			}
			a.put(label("two"))
			a.breakWith(nil)
			f.says(appPath(), "two")
			a.put(label("three"))
			f.says(appPath(), "three")
		})
	}
}

func resets(w http.ResponseWriter, _ *http.Request) bool {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		_ = conn.Close()
	}
	return true
}

func garbage(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"type": "ADDED", "object": {"kind"`)
	return true
}

func empty(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	return r.URL.Query().Get("watch") == "true"
}

// TestOldVersions: an object that nobody changed for long has a version from
// which no watch can begin.
func TestOldVersions(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	a.put(map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": "n0", "labels": map[string]any{"topology.kubernetes.io/zone": "a"}}})
	a.put(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "other", "namespace": "shop"}})
	a.compact()
	f := follow(t, shopSource(t, a, nil, "pod.labels", "node.zone"))
	f.says(appPath(), "one")
	f.says("node.zone", "a")
	eventually(t, "two watches", func() bool { return a.watches() == 2 })
	n := len(a.asked())
	a.put(label("two"))
	f.says(appPath(), "two")
	if n > 8 || len(a.asked()) != n {
		t.Errorf("asked %q", a.asked())
	}
}

func TestPodIsReplaced(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	a.put(map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": "n0"}})
	f := follow(t, shopSource(t, a, nil, "pod.labels", "workload", "node.labels"))
	f.says(appPath(), "one")
	a.remove(label("one"))
	f.until("gone", func(l watch.Layer, err error) bool { return reasonOf(err) == NotFound && !l.Has(watch.PodUID) })
	other := label("other")
	object.Map(other, "metadata")["uid"] = "u2"
	a.put(other)
	f.until("replaced", func(l watch.Layer, err error) bool { return reasonOf(err) == Replaced && !l.Has(watch.PodUID) })
	if reason, _ := f.Explain("pod.labels['app']"); !strings.Contains(reason, "u2") {
		t.Errorf("reason %q", reason)
	}
}

func TestForbiddenPartsSpoilNothing(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	a.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/nodes") {
			refuse(w, 403, "Forbidden", "n0")
			return true
		}
		return false
	})
	f := follow(t, shopSource(t, a, nil, "pod.labels", "node.zone"))
	f.until("pod without node", func(l watch.Layer, err error) bool {
		s, _ := l.Get(appPath())
		return s.Value == "one" && l.Live && reasonOf(err) == Forbidden
	})
	reason, hint := f.Explain("node.zone")
	if reason != "get nodes n0: forbidden" || hint != `add to a ClusterRole: {apiGroups: [""], resources: [nodes], verbs: [get]}` {
		t.Errorf("%q, %q", reason, hint)
	}
	a.put(label("two"))
	f.until("two", func(l watch.Layer, _ error) bool { s, _ := l.Get(appPath()); return s.Value == "two" && l.Live })
	if n := slices.DeleteFunc(a.asked(), func(r string) bool { return !strings.Contains(r, "/nodes") }); len(n) > 6 {
		t.Errorf("asked %q", n)
	}
}

// TestWatchForbidden: where only get is allowed, it is read now and then.
func TestWatchForbidden(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	a.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("watch") == "true" {
			refuse(w, 403, "Forbidden", "")
			return true
		}
		return false
	})
	var logged strings.Builder
	s := shopSource(t, a, nil, "pod.labels")
	s.Log = slog.New(slog.NewTextHandler(&logged, nil))
	t.Run("follow", func(t *testing.T) {
		f := follow(t, s)
		says := func(want string) {
			f.until(want, func(l watch.Layer, err error) bool {
				s, _ := l.Get(appPath())
				return s.Value == want && err == nil && !l.Live
			})
		}
		says("one")
		a.put(label("two"))
		says("two")
		eventually(t, "it gives up watching", func() bool { return s.Client.Stats().Requests[Request{"watch", 403}] == 5 })
		a.put(label("three"))
		says("three")
		a.put(label("four"))
		says("four")
	})
	if n := strings.Count(logged.String(), "watching is forbidden"); n != 1 {
		t.Errorf("said %d times: %s", n, logged.String())
	}
}

// TestRefusedAtFirst: a server that starts does not know the roles yet.
func TestRefusedAtFirst(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	f := follow(t, shopSource(t, a, nil, "pod.labels"))
	f.says(appPath(), "one")
	eventually(t, "a watch", func() bool { return a.watches() == 1 })
	var refused atomic.Int64
	a.breakWith(func(w http.ResponseWriter, _ *http.Request) bool {
		if refused.Add(1) <= 3 {
			refuse(w, 403, "Forbidden", "")
			return true
		}
		return false
	})
	a.hangUp()
	eventually(t, "refusals", func() bool { return refused.Load() > 3 })
	a.put(label("two"))
	f.says(appPath(), "two")
}

func TestObjects(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	widget := func(name, app string) map[string]any {
		return map[string]any{"apiVersion": "example.com/v1", "kind": "Widget",
			"metadata": map[string]any{"name": name, "namespace": "shop", "labels": map[string]any{"app": app}}}
	}
	settings := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "settings", "namespace": "shop"},
		"data": map[string]any{"a": "1"}}
	secret := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "key", "namespace": "other"},
		"data": map[string]any{"k": "cGxhaW4="}}
	a.put(settings)
	a.put(secret)
	a.put(widget("w1", "web"))
	a.put(widget("w2", "db"))
	objects := []Object{
		{ID: "settings", APIVersion: "v1", Kind: "ConfigMap", Name: "settings", Optional: true},
		{ID: "key", APIVersion: "v1", Kind: "Secret", Name: "key", Namespace: "other"},
		{ID: "widgets", APIVersion: "example.com/v1", Kind: "Widget", LabelSelector: "app=web"},
		{ID: "everywhere", APIVersion: "v1", Kind: "ConfigMap", Namespace: AllNamespaces},
		{ID: "unused", APIVersion: "v1", Kind: "ConfigMap", Name: "unused"},
	}
	f := follow(t, shopSource(t, a, objects, "objects.settings", "objects.key", "objects.widgets", "objects.everywhere"))
	names := func(l watch.Layer, p watch.Path) (names []string) {
		s, _ := l.Get(p)
		list, _ := s.Value.([]any)
		for _, o := range list {
			names = append(names, object.Text(o.(map[string]any), "metadata", "name"))
		}
		return names
	}
	f.until("all objects", func(l watch.Layer, err error) bool {
		s, _ := l.Get("objects.settings")
		k, _ := l.Get("objects.key")
		tree, _ := s.Value.(map[string]any)
		secret, _ := k.Value.(map[string]any)
		return err == nil && l.Live && object.Text(tree, "data", "a") == "1" && object.Map(tree, "metadata")["managedFields"] == nil &&
			k.Sensitive && object.Text(secret, "data", "k") == "plain" &&
			slices.Equal(names(l, "objects.widgets"), []string{"w1"}) && slices.Equal(names(l, "objects.everywhere"), []string{"settings"})
	})
	if asked := strings.Join(a.asked(), "\n"); strings.Contains(asked, "unused") || strings.Contains(asked, "pods") {
		t.Errorf("asked %s", asked)
	}
	a.put(widget("w0", "web"))
	a.remove(widget("w1", "web"))
	f.until("w0 alone", func(l watch.Layer, _ error) bool { return slices.Equal(names(l, "objects.widgets"), []string{"w0"}) })
	// An optional object that goes is stated as absent, for its last value
	// would live on otherwise.
	a.remove(settings)
	f.until("absent", func(l watch.Layer, err error) bool {
		s, said := l.Get("objects.settings")
		return said && s.Value == nil && err == nil
	})
	a.remove(secret)
	f.until("missing", func(_ watch.Layer, err error) bool { return reasonOf(err) == NotFound })
	if reason, hint := f.Explain("objects.key"); reason != "get secrets other/key: not found" || hint == "" {
		t.Errorf("%q, %q", reason, hint)
	}
	a.put(secret)
	f.until("back", func(_ watch.Layer, err error) bool { return err == nil })
}

// TestSilence: a server that has sent bookmarks and then says nothing is gone.
func TestSilence(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	s := shopSource(t, a, nil, "pod.labels")
	s.Timing.Silence = 100 * time.Millisecond
	f := follow(t, s)
	f.says(appPath(), "one")
	eventually(t, "a watch", func() bool { return a.watches() == 1 })
	before := len(a.asked())
	time.Sleep(200 * time.Millisecond) // without bookmarks nothing is expected
	if n := len(a.asked()); n != before {
		t.Fatalf("%d requests without need", n-before)
	}
	a.mu.Lock()
	bookmark := event{"BOOKMARK", map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"resourceVersion": "2000"}}}
	for w := range a.watchers {
		w.events <- bookmark
	}
	a.version = 2000
	a.mu.Unlock()
	eventually(t, "another watch", func() bool { return len(a.asked()) > before })
	a.put(label("two"))
	f.says(appPath(), "two")
}

// TestNoHotLoop counts the requests against a server that is down in several ways.
func TestNoHotLoop(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"reset": resets, "garbage": garbage, "ends at once": empty,
		"gone": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("watch") == "true" {
				refuse(w, 410, "Expired", "")
				return true
			}
			return false
		},
		"too many": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "30")
			refuse(w, 429, "TooManyRequests", "")
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := plainAPI(t)
			a.put(label("one"))
			a.breakWith(fault)
			s := shopSource(t, a, nil, "pod.labels")
			s.Timing = Timing{Retry: 200 * time.Millisecond}
			follow(t, s)
			eventually(t, "a request", func() bool { return len(a.asked()) > 0 })
			time.Sleep(time.Second)
			if asked := a.asked(); len(asked) > 20 || name == "too many" && len(asked) != 1 {
				t.Errorf("%d requests in a second, the last %q", len(asked), asked[max(0, len(asked)-4):])
			}
		})
	}
}
