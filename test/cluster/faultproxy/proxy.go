// Package faultproxy stands between a client and a real API server, and does to their
// conversation what networks and load balancers do.
//
//	p, err := faultproxy.Start(c.URL(), ca)   // p.Env and p.CA lead a pod to it
//	p.Refuse()                                // nobody listens any more
//	p.Fail(faultproxy.Status(503))            // requests are answered with that
//	p.Heal()                                  // everything is as it was
//
// Faults are of two kinds. Those of connections happen below TLS: [Proxy.Refuse],
// [Proxy.Reset], [Proxy.ResetAll], [Proxy.Freeze], [Proxy.FreezeAll] and
// [Proxy.Throttle]. Those of answers are handlers that stand in for the server, and may
// ask it by [Proxy.Forward]: [Status], [Text], [Hang], [Broken], [Truncated], [Inflated],
// [Expiring]. They meet requests only, so that a watch that is open has to be ended by
// [Proxy.End] to meet them.
//
// [Proxy.Requests] is what was asked, and how it was answered.
package faultproxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A Proxy is one way to a server. It speaks HTTP/2, as the server does.
type Proxy struct {
	server   *httptest.Server
	network  *network
	upstream *url.URL
	client   *http.Transport

	mu       sync.Mutex
	fault    http.Handler
	open     *answers
	requests []Request
}

// answers are those that are being forwarded, and end together.
type answers struct {
	context.Context
	end     context.CancelFunc
	pending sync.WaitGroup
}

func newAnswers() *answers {
	ctx, end := context.WithCancel(context.Background())
	return &answers{Context: ctx, end: end}
}

// Start starts a proxy to the server at a URL whose certificate is signed by ca.
func Start(server string, ca []byte) (*Proxy, error) {
	upstream, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	network, err := listen()
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	p := &Proxy{
		network: network, upstream: upstream,
		client: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableCompression: true},
	}
	p.open = newAnswers()
	p.server = &httptest.Server{
		Listener: network, EnableHTTP2: true,
		Config: &http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0)}, // it would speak of each fault
	}
	p.server.StartTLS()
	return p, nil
}

// Close ends it.
func (p *Proxy) Close() {
	p.Reset()
	p.End()
	p.server.Close()
	p.client.CloseIdleConnections()
	p.network.release()
}

// Env holds the variables that lead a process in a pod here.
func (p *Proxy) Env() []string {
	host, port, _ := strings.Cut(p.network.Addr().String(), ":")
	return []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}
}

// CA is the authority that signed the proxy's certificate.
func (p *Proxy) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
}

// Fail lets a handler answer every request from now on.
func (p *Proxy) Fail(fault http.Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// End ends the answers that are being forwarded, such as watches, as a server does that
// shuts down: properly, between two events. It returns when they have ended, so that what
// happens from then on is in none of them. A fault must not call it.
func (p *Proxy) End() {
	p.mu.Lock()
	ending := p.open
	p.open = newAnswers()
	p.mu.Unlock()
	ending.end()
	ending.pending.Wait()
}

// join adds one to the answers that are being forwarded. The caller holds p.mu.
func (p *Proxy) join() *answers {
	p.open.pending.Add(1)
	return p.open
}

// Heal ends every fault.
func (p *Proxy) Heal() {
	p.Fail(nil)
	p.network.heal()
}

// A Request is one that reached the proxy.
type Request struct {
	URI  string
	Code int // of the answer; zero while there is none
	At   time.Time
	Open bool // the answer has not ended
}

// Watch tells a watch from a read.
func (r Request) Watch() bool { return strings.Contains(r.URI, "watch=true") }

// Requests returns all of them since the start, in the order in which they came.
func (p *Proxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.requests...)
}

// ServeHTTP is for the proxy's own server.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, Request{URI: r.URL.RequestURI(), At: time.Now(), Open: true})
	i, fault := len(p.requests)-1, p.fault
	var open *answers
	if fault == nil {
		open = p.join() // with the look at the fault, or one could begin between them, and be missed by End
	}
	p.mu.Unlock()
	note := func(change func(*Request)) {
		p.mu.Lock()
		defer p.mu.Unlock()
		change(&p.requests[i])
	}
	defer note(func(r *Request) { r.Open = false })
	w = &noted{w, func(code int) { note(func(r *Request) { r.Code = code }) }}
	if fault == nil {
		p.forward(w, r, open)
		return
	}
	fault.ServeHTTP(w, r)
}

// noted notes with which code a request is answered.
type noted struct {
	http.ResponseWriter
	note func(code int)
}

func (w *noted) WriteHeader(code int) {
	w.note(code)
	w.ResponseWriter.WriteHeader(code)
}

func (w *noted) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Forward answers a request with the server's answer, a piece as soon as it comes.
func (p *Proxy) Forward(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	open := p.join()
	p.mu.Unlock()
	p.forward(w, r, open)
}

func (p *Proxy) forward(w http.ResponseWriter, r *http.Request, open *answers) {
	defer open.pending.Done()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(open, cancel)()

	request := r.Clone(ctx)
	request.RequestURI = ""
	request.URL.Scheme, request.URL.Host, request.Host = p.upstream.Scheme, p.upstream.Host, p.upstream.Host
	request.Header.Del("Accept-Encoding")
	answer, err := p.client.RoundTrip(request)
	if err != nil {
		panic(http.ErrAbortHandler) // as if the server were not there
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		if name != "Content-Length" { // faults change the length
			w.Header()[name] = values
		}
	}
	w.WriteHeader(answer.StatusCode)
	flush(w)
	buffer := make([]byte, 32<<10)
	for {
		n, err := answer.Body.Read(buffer)
		if _, failed := w.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
		flush(w)
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() } // fails as writing does
