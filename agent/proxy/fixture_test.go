package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/serve"
)

// proxied is a running proxy before an upstream server that speaks HTTP/2, as an API
// server does.
type proxied struct {
	*Proxy
	address  string
	upstream *httptest.Server
	client   *http.Client
	log      journal
	end      func() // and wait
}

func newProxied(t *testing.T, rules Rules, upstream http.HandlerFunc) *proxied {
	t.Helper()
	s := httptest.NewUnstartedServer(upstream)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.StartTLS()
	transport := s.Client().Transport.(*http.Transport)
	transport.DisableCompression = true
	transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 128 << 10}
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	filter, err := rules.Filter()
	if err != nil {
		t.Fatal(err)
	}
	p := &proxied{Proxy: &Proxy{Server: u, Transport: transport}, upstream: s}
	p.Set(filter)
	p.Log = slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p.serve(t)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.CloseClientConnections()
		s.Close()
	})
	return p
}

// serve starts the proxy, and checks at the end of the test that it stops.
func (p *proxied) serve(t *testing.T) {
	t.Helper()
	a, err := serve.Parse("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	l, err := a.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().String()
	transport := &http.Transport{DisableCompression: true}
	p.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, l) }()
	p.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve ended with %v", err)
		}
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		p.end()
		if n := p.Stats().InFlight; n != 0 {
			t.Errorf("%d requests are under way", n)
		}
	})
}

// get asks, and gives the answer with its body.
func (p *proxied) get(t *testing.T, target string, header ...string) (*http.Response, string) {
	t.Helper()
	return p.do(t, http.MethodGet, target, nil, header...)
}

func (p *proxied) do(t *testing.T, method, target string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	resp := p.open(t, t.Context(), method, target, body, header...)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(text)
}

// open asks, and leaves the body to its reader.
func (p *proxied) open(t *testing.T, ctx context.Context, method, target string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.address+target, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	resp, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// raw sends bytes over a connection of its own and gives the answer.
func (p *proxied) raw(t *testing.T, text string) (*http.Response, string) {
	t.Helper()
	c := p.dial(t)
	defer c.Close()
	io.WriteString(c, text) //nolint:errcheck // what is missing shows in the answer
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(body)
}

func (p *proxied) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

// refuses holds an answer of the proxy's own against what Kubernetes' clients read.
func refuses(t *testing.T, resp *http.Response, body string, code int, reason, says string) {
	t.Helper()
	var s status
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%d %q: %v", resp.StatusCode, body, err)
	}
	if resp.StatusCode != code || s.Code != code || s.Kind != "Status" || s.APIVersion != "v1" || s.Status != "Failure" ||
		s.Reason != reason || !strings.Contains(s.Message, says) || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v\n%s\nwant %d, %s, %q", resp.StatusCode, resp.Header, body, code, reason, says)
	}
}

// never is an upstream that nothing may reach.
func never(t *testing.T) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was passed on", r.Method, r.RequestURI) }
}

// within waits until something holds, at most a minute.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func server(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse("https://server")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// waiting is a server that takes an hour for each answer.
type waiting struct{}

func (waiting) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(time.Hour):
		return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: io.NopCloser(&hourly{parts: []string{"a", "b"}})}, nil
	}
}

// hourly is a text of which each part takes an hour, and its end too.
type hourly struct{ parts []string }

func (h *hourly) Read(p []byte) (int, error) {
	time.Sleep(time.Hour)
	if len(h.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, h.parts[0])
	h.parts = h.parts[1:]
	return n, nil
}

// pipes is a listener in memory, for bubbles.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.conns) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
