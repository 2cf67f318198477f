package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestNoServer asks while there is no API server, in each of the ways that this can be.
func TestNoServer(t *testing.T) {
	t.Parallel()
	p := newProxied(t, Rules{}, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }) //nolint:errcheck // the test sees it
	working := p.Transport
	for name, test := range map[string]struct {
		err          error
		code         int
		reason, says string
	}{
		"refused":   {&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, 503, "ServiceUnavailable", "cannot reach the API server: dial tcp: connection refused"},
		"name":      {&net.DNSError{Name: "kubernetes", Err: "no such host"}, 503, "ServiceUnavailable", "no such host"},
		"slow":      {&net.OpError{Op: "read", Err: context.DeadlineExceeded}, 504, "Timeout", "does not answer"},
		"untrusted": {errors.New("x509: certificate signed by unknown authority"), 502, "BadGateway", "got no answer"},
	} {
		p.Transport = failing{test.err}
		resp, body := p.get(t, "/api/v1/pods?token=abc")
		refuses(t, resp, body, test.code, test.reason, test.says)
		if n := p.Stats().Requests[Request{"get", test.code}]; n == 0 {
			t.Errorf("%s: %v", name, p.Stats())
		}
	}
	p.Transport = working
	if resp, body := p.get(t, "/api"); resp.StatusCode != 200 || body != "{}" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	p.upstream.CloseClientConnections()
	p.upstream.Close()
	resp, body := p.get(t, "/api")
	refuses(t, resp, body, 503, "ServiceUnavailable", "connection refused")
	p.end()
	log := p.log.String()
	if strings.Count(log, "level=WARN") != 2 || strings.Count(log, "reaches the API server again") != 1 || strings.Contains(log, "abc") {
		t.Errorf("the log says:\n%s", log)
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// TestLate waits for an answer that does not come. Logs and services may take their time.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		filter, err := Rules{}.Filter()
		if err != nil {
			t.Fatal(err)
		}
		l := &pipes{conns: make(chan net.Conn)}
		ctx, cancel := context.WithCancel(t.Context())
		p := &Proxy{Server: server(t), Transport: waiting{}}
		p.Set(filter)
		done := make(chan error)
		go func() { done <- p.Serve(ctx, l) }()
		for target, want := range map[string]int{
			"/api/v1/pods": 504, "/api/v1/pods?watch=1": 504, "/api/v1/namespaces/a/pods/b/log": 200, "/api/v1/namespaces/a/services/b/proxy/slow": 200,
		} {
			ours, theirs := net.Pipe()
			l.conns <- theirs
			fmt.Fprintf(ours, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target)
			resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != want {
				t.Errorf("%s: %d %s, want %d: %v", target, resp.StatusCode, body, want, err)
			}
			if want == 200 && string(body) != "ab" {
				t.Errorf("%s: %q", target, body)
			}
			if want == 504 {
				refuses(t, resp, string(body), 504, "Timeout", "no answer in time")
			}
			ours.Close() //nolint:errcheck // it was read
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestUnsent announces bodies that do not come. What is refused is refused at once, and
// what is missing is not waited for.
func TestUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		filter, err := Rules{RejectMethods: []string{"PUT"}, AllowWrites: true}.Filter()
		if err != nil {
			t.Fatal(err)
		}
		l := &pipes{conns: make(chan net.Conn)}
		ctx, cancel := context.WithCancel(t.Context())
		p := &Proxy{Server: server(t), Transport: hasty{}}
		p.Set(filter)
		done := make(chan error)
		go func() { done <- p.Serve(ctx, l) }()
		for request, want := range map[string]int{
			"GET /api HTTP/1.1\r\nContent-Length: 100": 400, "PUT /api HTTP/1.1\r\nTransfer-Encoding: chunked": 403,
			"PUT /api HTTP/1.1\r\nContent-Length: 100": 403, "POST /api HTTP/1.1\r\nContent-Length: 100": 413, "POST /api HTTP/1.1\r\nContent-Length: 1000000": 413, "DELETE /api HTTP/1.1\r\nContent-Length: 100": 502,
		} {
			ours, theirs := net.Pipe()
			l.conns <- theirs
			began := time.Now()
			if err := ours.SetDeadline(began.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(ours, "%s\r\nHost: localhost\r\n\r\n", request)
			r := bufio.NewReader(ours)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("%q: %v", request, err)
			}
			if _, err = io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != want || time.Since(began) != 0 {
				t.Errorf("%q: %d after %v, want %d: %v", request, resp.StatusCode, time.Since(began), want, err)
			}
			if _, err := r.ReadByte(); !errors.Is(err, io.EOF) || time.Since(began) > 2*leftover {
				t.Errorf("%q: the connection is kept for %v: %v", request, time.Since(began), err)
			}
			ours.Close() //nolint:errcheck // it was read
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// hasty is a server that answers a POST before it has read it, and nothing else.
type hasty struct{}

func (hasty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		return nil, errors.New("away")
	}
	return &http.Response{StatusCode: http.StatusRequestEntityTooLarge, Header: make(http.Header), Body: http.NoBody}, nil
}

// TestFull fills the places for watches, and sees that there are others.
func TestFull(t *testing.T) {
	t.Parallel()
	p := newProxied(t, Rules{}, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		if r.URL.Query().Has("watch") {
			<-r.Context().Done()
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	for range maxStreams {
		defer p.open(t, ctx, "GET", "/api/v1/pods?watch=1", nil).Body.Close()
	}
	resp, body := p.get(t, "/api/v1/pods?watch=1")
	refuses(t, resp, body, http.StatusTooManyRequests, "TooManyRequests", "end some watches")
	if resp.Header.Get("Retry-After") != "1" {
		t.Error(resp.Header)
	}
	if resp, _ := p.get(t, "/api/v1/pods"); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
	if n := p.Stats().InFlight; n != maxStreams {
		t.Errorf("%d are under way", n)
	}
	cancel()
	within(t, "all watches end", func() bool { return p.Stats().InFlight == 0 })
	if resp, _ := p.get(t, "/api/v1/pods"); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}

// TestShutdown ends a proxy with requests under way: a watch ends in good order, what is
// short is answered, and a log and a watch amid an event are cut.
func TestShutdown(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p := newProxied(t, Rules{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("short") {
			<-release
			io.WriteString(w, "done") //nolint:errcheck // the test sees it
			return
		}
		io.WriteString(w, "begun\n") //nolint:errcheck // the test sees it
		if r.URL.Query().Has("amid") {
			io.WriteString(w, "{") //nolint:errcheck // the test sees it
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	type result struct {
		body string
		err  error
	}
	results := make(map[string]chan result)
	begun := make(chan struct{})
	for _, target := range []string{"/api?watch=true", "/api/v1/watch/pods", "/api?short", "/api?watch=1&amid", "/api/v1/namespaces/watch/pods", "/api/v1/namespaces/a/pods/b/log?follow=1"} {
		c := make(chan result, 1)
		results[target] = c
		go func() {
			resp, err := p.client.Get("http://" + p.address + target)
			if err != nil {
				c <- result{"", err}
				return
			}
			defer resp.Body.Close()
			if !strings.Contains(target, "short") {
				begun <- struct{}{}
			}
			body, err := io.ReadAll(resp.Body)
			c <- result{string(body), err}
		}()
	}
	for range len(results) - 1 {
		<-begun
	}
	within(t, "requests are under way", func() bool { return p.Stats().InFlight == len(results) })
	go p.end()
	for _, target := range []string{"/api?watch=true", "/api/v1/watch/pods"} {
		if r := <-results[target]; r.err != nil || r.body != "begun\n" {
			t.Errorf("%s: %v", target, r)
		}
	}
	close(release)
	if r := <-results["/api?short"]; r.err != nil || r.body != "done" {
		t.Errorf("the short one: %v", r)
	}
	for _, target := range []string{"/api/v1/namespaces/a/pods/b/log?follow=1", "/api/v1/namespaces/watch/pods", "/api?watch=1&amid"} {
		if r := <-results[target]; r.err == nil {
			t.Errorf("%s: %v", target, r)
		}
	}
	p.end()
}

// TestRest sees that there is a rest after many requests, and not before.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		filter, err := Rules{}.Filter()
		if err != nil {
			t.Fatal(err)
		}
		l := &pipes{conns: make(chan net.Conn)}
		ctx, cancel := context.WithCancel(t.Context())
		var rests atomic.Int64
		p := &Proxy{Server: server(t), Transport: failing{errors.New("none")}, Rest: func() { rests.Add(1) }}
		p.Set(filter)
		done := make(chan error)
		go func() { done <- p.Serve(ctx, l) }()
		ours, theirs := net.Pipe()
		l.conns <- theirs
		answers := bufio.NewReader(ours)
		for i := range many + 1 {
			fmt.Fprint(ours, "GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n")
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body) //nolint:errcheck // only how many there are is of interest
			if i < many-1 && rests.Load() != 0 {
				t.Fatalf("a rest after %d requests", i+1)
			}
			if i >= many-1 {
				if time.Sleep(time.Minute); rests.Load() != 1 {
					t.Errorf("%d rests after %d requests", rests.Load(), i+1)
				}
			}
		}
		ours.Close() //nolint:errcheck // it was read
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
