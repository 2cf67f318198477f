package apiserver

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// TestForwarder makes requests of others: with a token of the moment, over HTTP/2, and
// with neither a compression nor an end that nobody asked for.
func TestForwarder(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Saw", r.Proto+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Accept-Encoding")+" "+r.RequestURI)
		h.Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, "no") //nolint:errcheck // the test sees it
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(token, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	c, err := Access{Server: server.URL + "/base", TokenFile: token, CAFile: ca}.Client()
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Forwarder()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.URL.String() != server.URL+"/base" {
		t.Errorf("the URL is %s", f.URL)
	}
	for _, test := range []struct{ token, encoding, want string }{
		{"first", "", "HTTP/2.0 Bearer first  /base/api"}, {"second", "", "HTTP/2.0 Bearer second  /base/api"}, {"second", "gzip", "HTTP/2.0 Bearer second gzip /base/api"},
	} {
		write(test.token)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL.JoinPath("api").String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.encoding != "" {
			r.Header.Set("Accept-Encoding", test.encoding)
		}
		resp, err := f.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "no" || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "1" || resp.Header.Get("Saw") != test.want {
			t.Errorf("%d %v %q, %v; want %s", resp.StatusCode, resp.Header, body, err, test.want)
		}
		resp.Body.Close() //nolint:errcheck // it was read
	}
	if n := len(c.Stats().Requests); n != 0 {
		t.Errorf("the client counts %d kinds of requests as its own", n)
	}
}

// TestForwarderSlowReader has a server send to a reader that reads nothing. What has been
// sent by then is what all such readers take of this process.
func TestForwarderSlowReader(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			n, _ := w.Write(make([]byte, 4<<10)) // until the window is full, and then until the reader has gone
			w.(http.Flusher).Flush()
			sent.Add(int64(n))
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Access{Server: server.URL, CAFile: ca}.Client()
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Forwarder()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := f.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for before := int64(-1); sent.Load() == 0 || before != sent.Load(); time.Sleep(200 * time.Millisecond) {
		before = sent.Load()
	}
	if n := sent.Load(); n > 256<<10 {
		t.Errorf("%d kB are on the way to a reader that does not read", n>>10)
	}
}
