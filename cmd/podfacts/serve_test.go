package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/metadata"
	"github.com/podfacts/podfacts/watch"
)

// TestReadmeRequests sends each request that the README shows.
func TestReadmeRequests(t *testing.T) {
	t.Parallel()
	var l watch.Layer
	l.Set(watch.PodName, "web-0", "")
	l.Set(watch.PodNamespace, "shop", "")
	l.Set(watch.NodeZone, "zone-a", "")
	l.Set("containers.main.limits.memory", "1Gi", "")
	l.State(watch.PodLabels, watch.Statement{Value: map[string]string{"app.kubernetes.io/name": "web"}})
	snapshot, err := watch.Collect(t.Context(), &stated{l})
	if err != nil {
		t.Fatal(err)
	}
	s := &metadata.Service{}
	s.Set(metadata.Settings{Expose: []metadata.Exposed{{Path: ""}}})
	s.Report(agent.Looked{Snapshot: snapshot})
	commands := regexp.MustCompile(`(?m)^curl .*?(http://(?:127\.0\.0\.1:9301|localhost)/[^" ]*)`).FindAllStringSubmatch(readFile(t, "README.md"), -1)
	if len(commands) < 5 {
		t.Errorf("README.md shows %d requests", len(commands))
	}
	for _, m := range commands {
		u, err := url.Parse(m[1])
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // of what has no end
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, u.RequestURI(), nil)
		r.Host = u.Host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		cancel()
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s: %d %s", m[0], w.Code, w.Body)
		}
	}
}

// A port that the system chooses is told, so that it can be asked.
func TestServeAnyPort(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it would serve
	args := []string{"serve", "--serve", "127.0.0.1:0", "--api", "never", "--volume", t.TempDir()}
	if code := run(ctx, args, nil, nil, &stderr, &stderr); code != exitOK || !strings.Contains(stderr.String(), `msg="serving facts" address=127.0.0.1:`) {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
}
