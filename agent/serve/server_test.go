package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// serving starts a server, and checks at the end of the test that it stops.
func serving(t *testing.T, address string, h http.HandlerFunc) Address {
	t.Helper()
	l := listen(t, parse(t, address))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&Server{Handler: h}).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve ended with %v", err)
		}
		if c, err := net.Dial(l.Addr().Network(), l.Addr().String()); err == nil {
			c.Close() //nolint:errcheck // it should not be there
			t.Error("somebody still listens")
		}
	})
	if l.Addr().Network() == "unix" {
		return parse(t, "unix://"+l.Addr().String())
	}
	return parse(t, l.Addr().String())
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") } //nolint:errcheck // the client sees it

// request sends bytes over a connection of its own and gives the answer's status
// and body.
func request(t *testing.T, a Address, text string) (int, string) {
	t.Helper()
	c, err := a.Dial(t.Context())
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer c.Close()
	fmt.Fprint(c, text)
	return answer(t, c)
}

func answer(t *testing.T, c net.Conn) (int, string) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(body)
}

func get(host string) string { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n" }

func TestServeHosts(t *testing.T) {
	t.Parallel()
	tcp := serving(t, "127.0.0.1:0", hello)
	unix := serving(t, "unix://"+filepath.Join(socketDir(t), "s"), hello)
	tests := []struct {
		host        string
		tcp, socket int
	}{
		{"127.0.0.1:9300", 200, 200},
		{"127.0.0.1", 200, 200},
		{"10.0.0.7:9300", 200, 200}, // what the kubelet sends
		{"[::1]:9300", 200, 200},
		{"[fd00::7]", 200, 200},
		{"localhost:9300", 200, 200},
		{"LOCALHOST", 200, 200},
		{"example.com", 421, 200},
		{"example.com:9300", 421, 200},
		{"localhost.example.com", 421, 200},
		{"127.0.0.1.example.com:9300", 421, 200},
		{"localhost@example.com", 400, 400}, // by net/http
	}
	for _, test := range tests {
		if code, _ := request(t, tcp, get(test.host)); code != test.tcp {
			t.Errorf("%s: %d, want %d", test.host, code, test.tcp)
		}
		if code, _ := request(t, unix, get(test.host)); code != test.socket {
			t.Errorf("%s over a socket: %d, want %d", test.host, code, test.socket)
		}
	}
	if code, _ := request(t, tcp, "GET / HTTP/1.0\r\n\r\n"); code != 200 {
		t.Errorf("HTTP/1.0 without host: %d", code)
	}
}

// What is let in is an address, or localhost.
func FuzzHost(f *testing.F) {
	for _, s := range []string{"localhost", "127.0.0.1:80", "[::1]:80", "[::1", "::1", "a.example", "localhost:x", "[localhost]", ":80", "1", "0x7f.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name := host
		if h, _, err := net.SplitHostPort(host); err == nil {
			name = h
		}
		name = strings.ToLower(strings.Trim(name, "[]"))
		_, err := netip.ParseAddr(name)
		if IsOwn(host) && host != "" && name != "localhost" && err != nil {
			t.Errorf("%q is let in", host)
		}
		if !IsOwn(host) && err == nil && !strings.ContainsAny(host, "[]") {
			t.Errorf("%q is not let in", host)
		}
	})
}

func TestServeBounds(t *testing.T) {
	t.Parallel()
	a := serving(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	})
	if code, _ := request(t, a, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 2*maxHeader)+"\r\n\r\n"); code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("large header: %d", code)
	}
	body := fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", maxBody+1) + strings.Repeat("x", maxBody+1)
	if code, _ := request(t, a, body); code != http.StatusRequestEntityTooLarge {
		t.Errorf("large body: %d", code)
	}
	if code, _ := request(t, a, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"); code != http.StatusOK {
		t.Errorf("small body: %d", code)
	}
}

// Clients that connect and say nothing, or a byte now and then, keep nobody out,
// and cost no more than there may be connections. No other test runs meanwhile, whose
// goroutines would count.
func TestServeSlowClients(t *testing.T) {
	a := serving(t, "127.0.0.1:0", hello)
	before := runtime.NumGoroutine()
	for i := range 10 * maxConnections {
		c, err := a.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 {
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHo")
		}
		if i%50 == 0 {
			if code, body := request(t, a, get("localhost")); code != 200 || body != "hello" {
				t.Fatalf("after %d slow clients: %d %s", i, code, body)
			}
		}
	}
	if now := runtime.NumGoroutine(); now > before+6*maxConnections {
		t.Errorf("%d goroutines, and %d before", now, before)
	}
	// They are not waited for in the end either: see serving.
}

// A client that has begun a request is not put out for one that has only come.
func TestServeKeepsThoseThatAsk(t *testing.T) {
	t.Parallel()
	resume, asked := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a := serving(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			once.Do(func() { close(asked) })
			<-resume
		}
		hello(w, r)
	})
	c, err := a.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-asked
	for range 3 * maxConnections {
		idle, err := a.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
	}
	if code, _ := request(t, a, get("localhost")); code != 200 {
		t.Errorf("among idle ones: %d", code)
	}
	close(resume)
	if code, body := answer(t, c); code != 200 || body != "hello" {
		t.Errorf("the one that waited: %d %s", code, body)
	}
}

// Where more connections are kept, more can ask at the same time.
func TestServeManyAtOnce(t *testing.T) {
	t.Parallel()
	const many = maxConnections + 8
	var asking sync.WaitGroup
	asking.Add(many)
	l := listen(t, parse(t, "127.0.0.1:0"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	server := Server{Connections: many, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asking.Done()
		asking.Wait() // until all are there
		hello(w, r)
	})}
	go func() { done <- server.Serve(ctx, l) }()
	var clients sync.WaitGroup
	for range many {
		clients.Go(func() {
			if code, body := request(t, parse(t, l.Addr().String()), get("localhost")); code != 200 || body != "hello" {
				t.Errorf("%d %s", code, body)
			}
		})
	}
	clients.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A request that is not all there in time is given up.
func TestServeHeaderTimeout(t *testing.T) {
	t.Parallel()
	a := serving(t, "127.0.0.1:0", hello)
	began := time.Now()
	c, err := a.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\n")
	if err := c.SetReadDeadline(began.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("the server did not end it: %v", err)
	}
	if took := time.Since(began); took < headerTimeout {
		t.Errorf("given up after %v already", took)
	}
}

// Connections that are kept alive serve many requests, from many clients.
func TestServeMany(t *testing.T) {
	t.Parallel()
	a := serving(t, "unix://"+filepath.Join(socketDir(t), "s"), hello)
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return a.Dial(ctx) },
	}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://podfacts/", nil)
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "hello" {
					t.Errorf("%q, %v", body, err)
				}
				resp.Body.Close() //nolint:errcheck // it was read
			}
		})
	}
	all.Wait()
}

// What fails to accept ends Serve with the reason.
func TestServeListenerFails(t *testing.T) {
	t.Parallel()
	l := listen(t, parse(t, "127.0.0.1:0"))
	l.Close() //nolint:errcheck // that is the failure
	if err := (&Server{Handler: http.HandlerFunc(hello)}).Serve(t.Context(), l); err == nil {
		t.Error("no error")
	}
}
