package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// events sends what comes, as a watch does.
func events(lines <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.(http.Flusher).Flush()
		for {
			select {
			case line, ok := <-lines:
				if !ok {
					return
				}
				io.WriteString(w, line+"\n") //nolint:errcheck // the test sees it
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
}

// TestWatch reads each event before the next one is sent.
func TestWatch(t *testing.T) {
	t.Parallel()
	lines := make(chan string)
	p := newProxied(t, Rules{}, events(lines))
	for _, target := range []string{"/api/v1/pods?watch=true", "/api/v1/namespaces/a/pods/b/log?follow=true", "/api/v1/namespaces/a/services/web/proxy/stream"} {
		resp := p.open(t, t.Context(), "GET", target, nil) // headers come before anything has happened
		read := bufio.NewReader(resp.Body)
		for _, size := range []int{1, 100, small - 1, small, small + 1, large, 3 * large, 1, 5} {
			want := strings.Repeat("x", size-1)
			lines <- want
			if got, err := read.ReadString('\n'); err != nil || got != want+"\n" {
				t.Fatalf("%s: %d bytes, %v; want %d", target, len(got), err, size)
			}
		}
		resp.Body.Close() //nolint:errcheck // the proxy sees it
	}
	within(t, "the proxy sees that its clients have gone", func() bool { return p.Stats().InFlight == 0 })
	if strings.Contains(p.log.String(), "watch=true") {
		t.Error("the log holds queries")
	}
}

// TestGone aborts requests, while they wait and while they are answered: the upstream
// learns of it at once.
func TestGone(t *testing.T) {
	t.Parallel()
	came, gone := make(chan struct{}), make(chan struct{})
	p := newProxied(t, Rules{AllowWrites: true}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("after") {
		case "headers":
			w.(http.Flusher).Flush()
		case "much":
			go func() { came <- struct{}{} }()
			for r.Context().Err() == nil {
				w.Write(make([]byte, 1<<16)) //nolint:errcheck // nobody takes it
			}
			gone <- struct{}{}
			return
		}
		came <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	for _, after := range []string{"nothing", "headers", "much"} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			r, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.address+"/api?after="+after, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := p.client.Do(r); err == nil {
				<-ctx.Done()
				resp.Body.Close() //nolint:errcheck // it was aborted
			}
		}()
		<-came
		cancel()
		<-done
		select {
		case <-gone:
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: the upstream never learned that the client has gone", after)
		}
	}
	within(t, "requests end", func() bool { return p.Stats().InFlight == 0 })
}

// TestCut ends an answer before its time. The client must not take it for whole.
func TestCut(t *testing.T) {
	t.Parallel()
	p := newProxied(t, Rules{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("length") {
			w.Header().Set("Content-Length", "1000")
		}
		io.WriteString(w, "half") //nolint:errcheck // the test sees it
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	for _, target := range []string{"/api", "/api?length", "/api?watch=1"} {
		resp, err := p.client.Get("http://" + p.address + target)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close() //nolint:errcheck // it was read
		if err == nil {
			t.Errorf("%s: %q", target, body)
		}
	}
}

// TestLarge passes 100 MB on to readers that take their time, and looks at the memory
// that this takes.
func TestLarge(t *testing.T) {
	const size, readers = 100 << 20, 4
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	p := newProxied(t, Rules{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("length") {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		for range size / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	var most atomic.Uint64
	stop := make(chan struct{})
	var all, sampler sync.WaitGroup
	sampler.Go(func() {
		for {
			// As of the last collection: how late that comes is up to the machine.
			live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
			metrics.Read(live)
			most.Store(max(most.Load(), live[0].Value.Uint64()))
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	for i := range readers {
		all.Go(func() {
			resp := p.open(t, t.Context(), "GET", []string{"/api", "/api?length"}[i%2], nil)
			defer resp.Body.Close()
			if i >= 2 { // slow at first
				time.Sleep(200 * time.Millisecond)
			}
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, make([]byte, 64<<10))
			if n != size || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
			if i%2 == 1 && resp.ContentLength != size {
				t.Errorf("the length is %d", resp.ContentLength)
			}
		})
	}
	all.Wait()
	close(stop)
	sampler.Wait()
	if n := most.Load(); n > 16<<20 {
		t.Errorf("%d MB of memory for %d answers of %d MB at once", n>>20, readers, size>>20)
	}
}

// TestVerbatim holds what comes through against what the upstream says.
func TestVerbatim(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, strings.Repeat("a", 1000)) //nolint:errcheck // into memory
	z.Close()                                    //nolint:errcheck // into memory
	p := newProxied(t, Rules{}, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		switch r.URL.Path {
		case "/gzip":
			if r.Header.Get("Accept-Encoding") != "gzip" {
				t.Errorf("it asks for %q", r.Header.Get("Accept-Encoding"))
			}
			h.Set("Content-Encoding", "gzip")
			w.Write(zipped.Bytes()) //nolint:errcheck // the test sees it
		case "/plain":
			if v, ok := r.Header["Accept-Encoding"]; ok {
				t.Errorf("it asks for %q, and nobody told it to", v)
			}
			h["Content-Type"] = nil
			h["Warning"] = []string{`299 - "a"`, `299 - "b"`}
			h.Set("Audit-Id", "1")
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, "<html>") //nolint:errcheck // the test sees it
		case "/trailer":
			h.Set("Trailer", "X-Sum")
			io.WriteString(w, "body") //nolint:errcheck // the test sees it
			w.(http.Flusher).Flush()
			h.Set("X-Sum", "42")
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/redirect":
			http.Redirect(w, r, "/api/", http.StatusMovedPermanently)
		case "/unchanged":
			h.Set("Etag", `"a"`)
			w.WriteHeader(http.StatusNotModified)
		}
	})
	resp, body := p.get(t, "/gzip", "Accept-Encoding", "gzip")
	if body != zipped.String() || resp.Header.Get("Content-Encoding") != "gzip" || resp.ContentLength != int64(zipped.Len()) {
		t.Errorf("%v %q", resp.Header, body)
	}
	resp, body = p.get(t, "/plain")
	if _, guessed := resp.Header["Content-Type"]; resp.StatusCode != 418 || body != "<html>" || guessed || len(resp.Header["Warning"]) != 2 || resp.Header.Get("Audit-Id") != "1" {
		t.Errorf("%d %v %q", resp.StatusCode, resp.Header, body)
	}
	if resp, body = p.get(t, "/trailer"); body != "body" || resp.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%v %q", resp.Trailer, body)
	}
	if resp, body = p.get(t, "/empty"); resp.StatusCode != 204 || body != "" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	if resp, _ = p.get(t, "/redirect"); resp.StatusCode != 301 || resp.Header.Get("Location") != "/api/" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp, body = p.get(t, "/unchanged"); resp.StatusCode != 304 || body != "" || resp.Header.Get("Etag") != `"a"` {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

// TestUpload sends a body that comes bit by bit.
func TestUpload(t *testing.T) {
	t.Parallel()
	p := newProxied(t, Rules{AllowWrites: true}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("refuse") {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		if !r.URL.Query().Has("whole") {
			w.(http.Flusher).Flush()
		}
		if _, err := io.Copy(w, r.Body); err != nil {
			t.Error(err)
		}
	})
	read, write := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer := p.open(t, ctx, "POST", "/api", read) // which begins before there is any body
	part := make([]byte, 10_000)
	for range 5 {
		if _, err := write.Write(bytes.Repeat([]byte("y"), len(part))); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(answer.Body, part); err != nil || bytes.Count(part, []byte("y")) != len(part) {
			t.Fatalf("%.20q, %v", part, err)
		}
	}
	write.Close() //nolint:errcheck // it cannot fail
	if rest, err := io.ReadAll(answer.Body); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
	answer.Body.Close() //nolint:errcheck // it was read
	resp, err := p.client.Post("http://"+p.address+"/api?refuse", "text/plain", bytes.NewReader(make([]byte, 10<<20)))
	if err == nil {
		resp.Body.Close() //nolint:errcheck // it is of no interest
	}
	if err == nil && resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Error(resp.Status)
	}
	if _, body := p.do(t, "POST", "/api", strings.NewReader("again")); body != "again" {
		t.Error(body)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if resp, body := p.do(t, "POST", "/api?whole", strings.NewReader("all")); body != "all" || resp.Close {
		t.Errorf("%q, and the connection is closed: %v", body, resp.Close)
	}
}
