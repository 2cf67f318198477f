package faultproxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// TestEnd ends answers, one that is open and one that is just beginning, and then changes
// what they tell of: none may tell of that.
func TestEnd(t *testing.T) {
	var changed atomic.Pointer[chan struct{}]
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		later := *changed.Load()
		_, _ = io.WriteString(w, "before\n") // the client may be gone, here and below
		flush(w)
		select {
		case <-later:
			_, _ = io.WriteString(w, "after\n")
		case <-r.Context().Done():
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	p, err := Start(server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.CA())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	get := func() (*http.Response, error) {
		return client.Get("https://" + p.network.Addr().String()) //nolint:noctx // it ends with the test
	}

	for range 300 {
		later := make(chan struct{})
		changed.Store(&later)
		open, err := get()
		if err != nil {
			t.Fatal(err)
		}
		defer open.Body.Close()
		lines := bufio.NewReader(open.Body)
		if line, err := lines.ReadString('\n'); line != "before\n" {
			t.Fatalf("answer begins with %q, %v", line, err)
		}
		beginning := make(chan string, 1)
		go func() {
			defer close(beginning)
			answer, err := get()
			if err != nil {
				return // ended before the server answered
			}
			defer answer.Body.Close()
			text, _ := io.ReadAll(answer.Body) // cut off, perhaps
			beginning <- string(text)
		}()
		p.Fail(Text(http.StatusServiceUnavailable, "text/plain", "failed\n"))
		p.End()
		close(later)
		if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
			t.Fatalf("the open answer goes on with %q, %v", rest, err)
		}
		switch text := <-beginning; text {
		case "", "before\n", "failed\n":
		default:
			t.Fatalf("an answer that was beginning is %q", text)
		}
		p.Heal()
	}
}
