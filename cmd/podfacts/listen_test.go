package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Without an address nobody watches, and nothing is started.
func TestObserveNobody(t *testing.T) {
	t.Parallel()
	o, err := new(listenFlags).observe(t.Context(), "", slog.New(slog.DiscardHandler))
	if o != nil || err != nil {
		t.Fatalf("%v, %v", o, err)
	}
	o.watch(nil, nil)
	if o.report() != nil {
		t.Error("it wants reports")
	}
	if err := o.close(); err != nil {
		t.Error(err)
	}
}

func TestObserveRoutes(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o, err := (&listenFlags{address: "127.0.0.1:0"}).observe(t.Context(), "unix:///not/this/one", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	_, address, said := strings.Cut(strings.TrimSpace(log.String()), "msg=listening address=")
	if !said {
		t.Fatalf("it does not say where it listens: %s", &log)
	}
	tests := []struct {
		method, path string
		code         int
		body         string
	}{
		{"GET", "/livez", 200, "ok\n"},
		{"HEAD", "/livez", 200, ""},
		{"GET", "/startupz", 503, "[-]agent failed: it does not run yet\nstartup check failed\n"},
		{"GET", "/readyz", 503, "[-]agent failed: it does not run yet\nready check failed\n"},
		{"GET", "/metrics", 200, "\npodfacts_healthy{probe=\"live\"} 1\n"},
		{"POST", "/livez", 405, ""},
		{"GET", "/livez/", 404, ""},
		{"GET", "/", 404, ""},
	}
	for _, test := range tests {
		req, err := http.NewRequestWithContext(t.Context(), test.method, "http://"+address+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		resp.Body.Close() //nolint:errcheck // it was read
		if resp.StatusCode != test.code || !strings.Contains(string(body), test.body) {
			t.Errorf("%s %s: %d\n%s", test.method, test.path, resp.StatusCode, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := o.close(); err != nil {
		t.Error(err)
	}
}

// Asking for the wrong address is wrong usage; not getting it is a failure.
func TestListenExitCodes(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for address, want := range map[string]int{":9300": exitUsage, "nowhere": exitUsage, l.Addr().String(): exitFailed} {
		var stderr bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // should it start after all
		args := []string{"run", "--env-file", t.TempDir() + "/a", "--preset", "pod", "--listen", address}
		if code := run(ctx, args, nil, nil, io.Discard, &stderr); code != want {
			t.Errorf("%s: exit code %d, want %d\n%s", address, code, want, &stderr)
		}
	}
}
