package metadata

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent"
)

// get asks a server inside a bubble.
func get(t *testing.T, client *http.Client, target string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() }) //nolint:errcheck // the client may have closed it
	return resp
}

// Who has an answer waits for another one, as long as he likes and the server
// allows, which is longer than the server's own deadlines.
func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := exposing(web(t, "tier", "blue"), "pod", "node.zone")
		client, stop := over(t, s)
		defer stop()
		etag := get(t, client, "/v1/facts/pod/labels/tier").Header.Get("ETag")
		if !strings.HasPrefix(etag, `"`) || get(t, client, "/v1/facts/pod/labels/tier").Header.Get("ETag") != etag {
			t.Fatalf("ETag %s", etag)
		}
		tests := []struct {
			name, match, wait string
			act               func() // after a second
			code              int
			took              time.Duration
		}{
			{"no wait", etag, "", nil, 304, 0},
			{"weak, among others", `"x", W/` + etag, "", nil, 304, 0},
			{"another", `"x"`, "30s", nil, 200, 0},
			{"nothing happens", etag, "30s", nil, 304, 30 * time.Second},
			{"anything", "*", "1s", nil, 304, time.Second},
			{"bounded", etag, "1h", nil, 304, maxWait},
			{"something else changes", etag, "30s", func() { report(s, web(t, "tier", "blue", "x", "y")) }, 304, 30 * time.Second},
			{"it changes", etag, "2m", func() { report(s, web(t, "tier", "green")) }, 200, time.Second},
			{"it has gone", get(t, client, "/v1/facts/pod/labels/tier").Header.Get("ETag"), "30s", func() { report(s, web(t)) }, 0, 0},
		}
		for _, test := range tests[:len(tests)-1] {
			if test.act != nil {
				go func() {
					time.Sleep(time.Second)
					test.act()
				}()
			}
			began := time.Now()
			resp := get(t, client, "/v1/facts/pod/labels/tier?wait="+test.wait, "If-None-Match", test.match)
			if took := time.Since(began); resp.StatusCode != test.code || took != test.took {
				t.Errorf("%s: %d after %v, want %d after %v", test.name, resp.StatusCode, took, test.code, test.took)
			}
		}
		etag = get(t, client, "/v1/facts/pod/labels/tier").Header.Get("ETag")
		go func() {
			time.Sleep(time.Second)
			report(s, web(t))
		}()
		began := time.Now()
		if resp := get(t, client, "/v1/facts/pod/labels/tier?wait=30s", "If-None-Match", etag); resp.StatusCode != 404 || time.Since(began) != time.Second {
			t.Errorf("it has gone: %d after %v", resp.StatusCode, time.Since(began))
		}
	})
}

// Those who wait are told when the files are there, and no later than a moment
// after the view is known.
func TestWaitForTheRound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ publishing, want time.Duration }{
		"quick": {10 * time.Millisecond, 10 * time.Millisecond},
		"slow":  {10 * time.Second, patience},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := exposing(web(t), "pod")
				client, stop := over(t, s)
				defer stop()
				etag := get(t, client, "/v1/view").Header.Get("ETag")
				told := make(chan time.Time, 1)
				go func() {
					get(t, client, "/v1/view?wait=1m", "If-None-Match", etag)
					told <- time.Now()
				}()
				synctest.Wait()
				began := time.Now()
				s.Report(agent.Looked{Snapshot: web(t, "tier", "green")})
				time.Sleep(test.publishing)
				s.Report(agent.Ended{})
				if took := (<-told).Sub(began); took != test.want {
					t.Errorf("told after %v, want %v", took, test.want)
				}
			})
		})
	}
}

// No more wait than may, and who goes makes place.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := exposing(web(t), "pod")
		etag := ask(t, s, "/v1/view").Header().Get("ETag")
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		client, stop := over(t, s)
		defer stop()
		for range maxWaiting {
			go func() {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/v1/view?wait=1m", nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("If-None-Match", etag)
				if resp, err := client.Do(r); err == nil {
					resp.Body.Close() //nolint:errcheck // nobody reads it
				}
			}()
		}
		synctest.Wait()
		for _, target := range []string{"/v1/view?wait=1m", "/v1/watch"} {
			if resp := get(t, client, target, "If-None-Match", etag); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" {
				t.Errorf("%s: %d", target, resp.StatusCode)
			}
		}
		if resp := get(t, client, "/v1/view", "If-None-Match", etag); resp.StatusCode != 304 {
			t.Errorf("without waiting: %d", resp.StatusCode)
		}
		leave()
		synctest.Wait()
		if n := s.waiting.Load(); n != 0 {
			t.Errorf("%d wait still", n)
		}
	})
}

// The end of the server is the end of waiting.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := exposing(web(t), "pod")
		client, stop := over(t, s)
		etag := get(t, client, "/v1/view").Header.Get("ETag")
		code := make(chan int, 1)
		go func() { code <- get(t, client, "/v1/view?wait=1m", "If-None-Match", etag).StatusCode }()
		synctest.Wait()
		began := time.Now()
		stop()
		if got := <-code; got != 503 || time.Since(began) > time.Second {
			t.Errorf("%d after %v", got, time.Since(began))
		}
	})
}

// A body that is announced and does not come holds up nobody.
func TestWaitWithBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := exposing(web(t), "pod")
		client, stop := over(t, s)
		defer stop()
		etag := get(t, client, "/v1/view").Header.Get("ETag")
		for _, target := range []string{"/v1/view?wait=1m", "/v1/watch", "/v1/view"} {
			body, never := io.Pipe()
			defer never.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+target, body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("If-None-Match", etag)
			began := time.Now()
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close() //nolint:errcheck // its status is of interest
			if took := time.Since(began); resp.StatusCode != 400 || took > time.Second {
				t.Errorf("%s: %d after %v", target, resp.StatusCode, took)
			}
		}
	})
}
