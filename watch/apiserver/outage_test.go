package apiserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// Test/cluster/e2e does to the connection to a real API server what can be done to
// connections. Here is what takes minutes there, or a server that does wrong.

func TestBackoff(t *testing.T) {
	t.Parallel()
	const first, limit = 500 * time.Millisecond, 30 * time.Second
	for name, tt := range map[string]struct {
		err       error
		worked    bool
		tries     int
		least, at time.Duration // the last pause
	}{
		"first":                    {nil, true, 1, first / 2, first},
		"second":                   {nil, true, 2, first, 2 * first},
		"limit":                    {nil, true, 100, limit / 2, limit},
		"asked to wait":            {&Error{Reason: Overloaded, RetryAfter: 20 * time.Second}, true, 1, 20 * time.Second, 40 * time.Second},
		"asked to wait for a day":  {&Error{Reason: Overloaded, RetryAfter: 24 * time.Hour}, true, 1, 5 * time.Minute, 5*time.Minute + limit},
		"forbidden at first":       {&Error{Reason: Forbidden}, false, 5, 4 * time.Second, 8 * time.Second},
		"forbidden":                {&Error{Reason: Forbidden}, false, 6, 10 * time.Minute, 11 * time.Minute},
		"forbidden since a while":  {&Error{Reason: Forbidden}, true, 20, limit / 2, limit},
		"forbidden since for ever": {&Error{Reason: Forbidden}, true, 21, 10 * time.Minute, 11 * time.Minute},
		"not served":               {&Error{Reason: NotFound}, false, 1, 2 * time.Minute, 3 * time.Minute},
		"not served since a while": {&Error{Reason: NotFound}, true, 100, limit / 2, limit},
		"invalid":                  {&Error{Reason: Invalid}, false, 1, 10 * time.Minute, 11 * time.Minute},
		"invalid since a while":    {&Error{Reason: Invalid}, true, 100, limit / 2, limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			different := map[time.Duration]bool{}
			for range 100 {
				b := backoff{first: first, limit: limit, worked: tt.worked}
				var pause time.Duration
				for range tt.tries {
					pause = b.next(tt.err)
				}
				if pause < tt.least || pause > tt.at {
					t.Fatalf("%s, not between %s and %s", pause, tt.least, tt.at)
				}
				different[pause] = true
			}
			if len(different) < 50 && tt.least != tt.at {
				t.Errorf("%d pauses in a hundred", len(different))
			}
		})
	}
}

// TestComeBackApart cuts off many clients at once. Each goes on from where it was, and
// they do not come back at one moment.
func TestComeBackApart(t *testing.T) {
	t.Parallel()
	const clients, retry = 30, 300 * time.Millisecond
	a := plainAPI(t)
	a.put(label("one"))
	var all []*followed
	for range clients {
		s := shopSource(t, a, nil, "pod.labels")
		s.Timing = Timing{Retry: retry}
		all = append(all, follow(t, s))
	}
	for _, f := range all {
		f.says(appPath(), "one") // it watches, and knows that
	}
	time.Sleep(1100 * time.Millisecond) // a watch that ends sooner is another matter
	before := len(a.asked())
	var mu sync.Mutex
	var back []time.Time
	a.breakWith(func(http.ResponseWriter, *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		back = append(back, time.Now())
		return false
	})
	a.hangUp()
	a.put(label("two"))
	for _, f := range all {
		f.says(appPath(), "two")
	}
	asked := a.asked()[before:]
	if len(asked) != clients || slices.ContainsFunc(asked, func(r string) bool { return !strings.HasPrefix(r, "watch ") }) {
		t.Errorf("%d requests: %q", len(asked), asked)
	}
	if apart := back[len(back)-1].Sub(back[0]); apart < retry/4 {
		t.Errorf("%d clients came back within %s", clients, apart)
	}
}

// TestRefusedForAWhile: what has been allowed is tried again before long.
func TestRefusedForAWhile(t *testing.T) {
	t.Parallel()
	for name, refuses := range map[string]func(*http.Request) bool{
		"all":     func(*http.Request) bool { return true },
		"watches": func(r *http.Request) bool { return r.URL.Query().Get("watch") == "true" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := plainAPI(t)
			a.put(label("one"))
			s := shopSource(t, a, nil, "pod.labels")
			s.Timing.Refresh = time.Hour
			f := follow(t, s)
			f.says(appPath(), "one")
			eventually(t, "a watch", func() bool { return a.watches() == 1 })
			var refused atomic.Int64
			a.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
				if refuses(r) && refused.Add(1) <= 10 {
					refuse(w, 403, "Forbidden", "")
					return true
				}
				return false
			})
			a.hangUp()
			a.put(label("two"))
			f.says(appPath(), "two")
			if n := refused.Load(); n < 10 {
				t.Errorf("%d refusals", n)
			}
		})
	}
}

// TestNotFoundOfAnother: a load balancer without servers knows no path, which says nothing
// of the objects there.
func TestNotFoundOfAnother(t *testing.T) {
	t.Parallel()
	settings := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "settings", "namespace": "shop"}}
	objects := []Object{
		{ID: "one", APIVersion: "v1", Kind: "ConfigMap", Name: "settings", Optional: true},
		{ID: "all", APIVersion: "v1", Kind: "ConfigMap", LabelSelector: "!none", Optional: true},
	}
	a := plainAPI(t)
	a.put(settings)
	lost := func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return true
	}
	denies := func(l watch.Layer) bool {
		one, said := l.Get("objects.one")
		all, saidAll := l.Get("objects.all")
		list, _ := all.Value.([]any)
		return said && one.Value == nil || saidAll && len(list) == 0
	}
	known := func(l watch.Layer, err error) bool {
		return err == nil && l.Live && l.Has("objects.one") && l.Has("objects.all") && !denies(l)
	}
	s := shopSource(t, a, objects, "objects.one", "objects.all")
	s.Timing = Timing{Retry: 10 * time.Millisecond, RetryMax: 40 * time.Millisecond}
	a.breakWith(lost)
	l, err := s.Read(t.Context())
	if reasonOf(err) != Broken || l.Has("objects.one") || l.Has("objects.all") {
		t.Fatalf("%v, %v", l.Paths(), err)
	}
	a.breakWith(nil)
	f := follow(t, s)
	f.until("all", known)
	eventually(t, "watches", func() bool { return a.watches() == 2 })
	a.breakWith(lost)
	before := len(a.asked())
	a.hangUp()
	for asked := 0; asked < 20; asked = len(a.asked()) - before {
		if l, _ := f.Read(t.Context()); denies(l) {
			t.Fatalf("denies them: %v", l.Paths())
		}
	}
	a.breakWith(nil)
	f.until("all again", known)
}

// TestFoundMeanwhile: one of two load balancers has no server, so that the API server's
// version is known and yet its paths are not found, or were not a moment before.
func TestFoundMeanwhile(t *testing.T) {
	t.Parallel()
	objects := []Object{{ID: "one", APIVersion: "v1", Kind: "ConfigMap", Name: "settings", Optional: true}}
	for _, lost := range [][]int64{{1}, {1, 3}, {1, 3, 5}, {1, 2}, {1, 3, 5, 7}, {1, 3, 4}, {1, 3, 6}} { // requests, by number
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			t.Parallel()
			a := plainAPI(t)
			a.put(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "settings", "namespace": "shop"}})
			lose := func() {
				var n atomic.Int64
				a.breakWith(func(w http.ResponseWriter, _ *http.Request) bool {
					if !slices.Contains(lost, n.Add(1)) {
						return false
					}
					http.Error(w, "404 page not found", http.StatusNotFound)
					return true
				})
			}
			s := shopSource(t, a, objects, "objects.one")
			s.Timing.Refresh = time.Hour
			lose()
			if l, err := s.Read(t.Context()); reasonOf(err) != Broken || l.Has("objects.one") {
				t.Errorf("%v, %v", l.Paths(), err)
			}
			a.breakWith(nil)
			f := follow(t, s)
			known := func(l watch.Layer, err error) bool { return err == nil && l.Live && has(l) && a.watches() == 1 }
			f.until("a watch", known)
			lose()
			a.hangUp()
			f.until("another watch", known)
		})
	}
}

func has(l watch.Layer) bool {
	one, _ := l.Get("objects.one")
	return one.Value != nil
}

// TestAnswersOfAnother: JSON is not yet an answer.
func TestAnswersOfAnother(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	a.breakWith(func(w http.ResponseWriter, _ *http.Request) bool {
		reply(w, map[string]any{"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Success"})
		return true
	})
	l, err := shopSource(t, a, nil, "pod.labels", "services").Read(t.Context())
	if reasonOf(err) != Broken || len(l.Paths()) > 0 || !strings.Contains(err.Error(), "is an API server") {
		t.Errorf("%v, %v", l.Paths(), err)
	}
}

// TestOldNews: a watch from now on begins with what a cache holds, which may be older than
// what a get has answered.
func TestOldNews(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	a.put(label("two"))
	a.put(label("three"))
	old := func(value, version string) string {
		o := label(value)
		o["metadata"].(map[string]any)["resourceVersion"] = version
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	next := make(chan struct{})
	a.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
		query := r.URL.Query()
		switch {
		case query.Get("watch") == "":
			return false
		case query.Get("resourceVersion") != "":
			refuse(w, 410, "Expired", "")
			return true
		}
		w.Header().Set("Content-Type", "application/json")
		say := func(kind, object string) {
			fmt.Fprintf(w, `{"type":%q,"object":%s}`+"\n", kind, object)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
			}
		}
		say("ADDED", old("one", "1001"))
		say("MODIFIED", old("two", "1002"))
		say("BOOKMARK", old("two", "1002"))
		say("MODIFIED", old("three", "1003"))
		say("MODIFIED", old("four", "1004"))
		return true
	})
	f := follow(t, shopSource(t, a, nil, "pod.labels"))
	f.says(appPath(), "three")
	for range 4 {
		for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
			l, _ := f.Read(t.Context())
			if s, _ := l.Get(appPath()); s.Value != "three" {
				t.Fatalf("says %v", s.Value)
			}
		}
		next <- struct{}{}
	}
	f.says(appPath(), "four")
}

// TestTriesOnce: nobody tries again behind the back of those who count.
func TestTriesOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"reset": resets, "503": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "1")
			refuse(w, 503, "ServiceUnavailable", "")
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := plainAPI(t)
			a.put(label("one"))
			s := shopSource(t, a, nil, "pod.labels")
			s.Timing = Timing{Retry: time.Hour, RetryMax: time.Hour}
			if _, err := s.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			a.breakWith(fault)
			before := len(a.asked())
			follow(t, s)
			time.Sleep(2 * time.Second)                                                            // client-go would try again after one
			if asked := a.asked()[before:]; len(asked) > 2 || len(asked) == 2 && name != "reset" { // Go's own on a connection that was idle
				t.Errorf("%d requests: %q", len(asked), asked)
			}
		})
	}
}

// TestRecoversOnceCredentialsAreReplaced does not wait for its next turn.
func TestRecoversOnceCredentialsAreReplaced(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	a := &fakeAPI{objects: map[string]map[string]any{}, watchers: map[*watching]bool{}, version: 1000}
	server, _ := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer second" {
			refuse(w, 401, "Unauthorized", "")
			return
		}
		a.ServeHTTP(w, r)
	}), ca)
	a.put(label("one"))
	access := inCluster(t, server, ca, "first")
	s := &Source{Client: connectTo(t, access), Pod: Target{Namespace: "shop", Name: "web-0"}, Plan: NewPlan(needs("pod.labels"), nil, Follow),
		Timing: Timing{Retry: time.Hour, RetryMax: time.Hour}}
	f := follow(t, s)
	f.until("unauthorized", func(_ watch.Layer, err error) bool { return reasonOf(err) == Unauthorized })
	write(t, access.ServiceAccountDir+"/token", []byte("second"))
	f.says(appPath(), "one")
}
