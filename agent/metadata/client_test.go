package metadata

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/serve"
	"github.com/podfacts/podfacts/watch/facts"
)

// serving answers at an address until the function is called.
func serving(t *testing.T, address string, s *Service) (actual string, stop func()) {
	t.Helper()
	a, err := serve.Parse(address, false)
	if err != nil {
		t.Fatal(err)
	}
	l, err := a.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&serve.Server{Handler: s, Connections: Connections}).Serve(ctx, l) }()
	if !a.IsSocket() {
		address = l.Addr().String()
	}
	return address, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// within waits for what must happen in the end.
func within(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never %s", what)
		}
	}
}

// A program follows the facts through changes, a restart of the sidecar and one
// that knows nothing yet.
func TestClient(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pf") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	// Linux, as it comes, does not give the port to those who ask for any, which one may do during the restart.
	port := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
	for _, address := range []string{port, "unix://" + filepath.Join(dir, "s")} {
		s := exposing(web(t, "tier", "it's 1"), "pod.labels", "pod.ips")
		_, stop := serving(t, address, s)
		c := facts.Client{Address: address, Retry: time.Millisecond, RetryMax: 10 * time.Millisecond}

		var mu sync.Mutex
		var seen []string
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- c.Follow(ctx, func(v *facts.View) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, v.Text("pod.labels['tier']")+" "+strings.Join(v.Changed(), " "))
			})
		}()
		last := func() string {
			mu.Lock()
			defer mu.Unlock()
			if len(seen) == 0 {
				return ""
			}
			return seen[len(seen)-1]
		}
		const tier = "pod.labels['tier']"
		within(t, "seen at all", func() bool { return last() == "it's 1 pod.ips pod.labels['app.kubernetes.io/name'] "+tier })
		report(s, web(t, "tier", "2"))
		within(t, "changed", func() bool { return last() == "2 "+tier })
		stop()
		next := exposing(nil, "pod.labels", "pod.ips")
		_, stop = serving(t, address, next)
		time.Sleep(20 * time.Millisecond) // it is asked, and knows nothing
		report(next, web(t, "tier", "2"))
		report(next, web(t, "tier", "3"))
		within(t, "seen after a restart", func() bool { return last() == "3 "+tier })

		if got, err := c.Get(t.Context(), tier); got != "3" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if got, err := c.Get(t.Context(), "pod.ips"); got != "10.0.0.7,fd00::7" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		for fact, want := range map[string]string{"pod.labels['x']": "pod.labels has no such key", "node.zone": "not exposed", "pod.nam": "did you mean"} {
			_, err := c.Get(t.Context(), fact)
			if missing, ok := errors.AsType[*facts.MissingError](err); !ok || missing.Fact != fact || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", fact, err)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		stop()
	}
}

// What the client and the server call changed is the same, and what a slow
// callback misses it need not see.
func TestClientSkips(t *testing.T) {
	t.Parallel()
	s := exposing(web(t, "n", "0"), "pod.labels")
	address, stop := serving(t, "127.0.0.1:0", s)
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen []string
	c := facts.Client{Address: address}
	if err := c.Follow(ctx, func(v *facts.View) {
		seen = append(seen, v.Text("pod.labels['n']"))
		if len(seen) == 1 {
			for i := range 50 {
				report(s, web(t, "n", strconv.Itoa(i+1)))
			}
		}
		if v.Text("pod.labels['n']") == "50" {
			cancel()
		}
	}); err != nil {
		t.Error(err)
	}
	if len(seen) != 2 {
		t.Errorf("seen %q", seen)
	}
}

// A hundred programs wait, and all of them are told.
func TestCrowd(t *testing.T) {
	t.Parallel()
	s := exposing(web(t, "n", "0"), "pod.labels")
	address, stop := serving(t, "127.0.0.1:0", s)
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	var crowd sync.WaitGroup
	var mu sync.Mutex
	told := make(map[string]int)
	for range 100 {
		crowd.Go(func() {
			c := facts.Client{Address: address}
			if err := c.Follow(ctx, func(v *facts.View) {
				mu.Lock()
				defer mu.Unlock()
				told[v.Text("pod.labels['n']")]++
			}); err != nil {
				t.Error(err)
			}
		})
	}
	count := func(n string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return told[n] == 100
		}
	}
	within(t, "there", count("0"))
	report(s, web(t, "n", "1"))
	within(t, "told", count("1"))
	cancel()
	crowd.Wait()
}
