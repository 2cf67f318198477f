/*
Package proxy gives programs the API server over plain HTTP, as an ambassador: on
loopback or a unix socket, with the credentials of whoever started it.

A [Proxy] passes requests on, and answers back as they come: nothing is kept but
what is under way, however large an answer is, and a watch lasts as long as both
ends want.

# Who may do what

The API server decides what the proxy's account may do, and the proxy which part
of that it lends. Whoever reaches it acts as that account, so [Rules] pass on
reads alone unless told otherwise, and neither Secrets nor tokens, nor what runs
commands in pods.

Nobody becomes someone else. What a client says of itself is left out
(Authorization, X-Forwarded-For) or refused (Impersonate-User, X-Remote-User), and
protocols that take over a connection are refused. Web pages are, too: neither the
name that one has given to 127.0.0.1 nor what its scripts send gets through.

# One path

Rules are worth as much as the path that they look at. A request target is decoded
once, and refused if anybody could read it in another way: dots, double and encoded
slashes, backslashes, parameters, what is encoded twice. What remains is matched,
and sent, encoded anew.
*/
package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/podfacts/podfacts/agent/serve"
)

// What the clients of a proxy may take. A watcher costs some 40 kB.
const (
	maxConnections = 640
	maxRequests    = 512
	maxStreams     = 448 // of the requests: watches and logs leave place for what is short
	maxHeader      = 64 << 10
	grace          = 5 * time.Second // for answers under way at the end
	// stall is how long a client may take none of what is there for it, or send
	// nothing of what it has announced. The pause of a pager is shorter.
	stall = 2 * time.Minute
	// leftover is how long the rest of a body may take that nobody reads any more.
	leftover = 5 * time.Second
	// patience is how long an API server may take to begin an answer. It takes no
	// more than a minute by itself (--request-timeout); logs and what stands behind
	// a service may take any time.
	patience = 90 * time.Second
	// rest is the quiet after many requests.
	rest = 5 * time.Second
	many = 1000
)

// Proxy passes requests on to an API server.
type Proxy struct {
	// Server is the URL of the API server. Its path comes before every other.
	Server *url.URL
	// Transport makes requests. It adds credentials.
	Transport http.RoundTripper
	Log       *slog.Logger // nil: silent
	// Rest is called when there is a quiet after many requests, to clear up after
	// them. Nil: nothing.
	Rest func()

	filter  atomic.Pointer[Filter]
	stats   stats
	buffers buffers
	away    atomic.Bool // the last request did not reach the API server
	quiet   *time.Timer
}

// Set says which requests are passed on from now on. It is called before Serve, and
// may be called again.
func (p *Proxy) Set(f *Filter) { p.filter.Store(f) }

// Serve answers until ctx ends, and then returns nil. What is under way then may end
// within seconds; watches are told to begin anew elsewhere. It closes the listener
// and all connections, and has joined its goroutines when it returns.
func (p *Proxy) Serve(ctx context.Context, l net.Listener) error {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	p.quiet = time.AfterFunc(rest, func() {
		if p.stats.recent.Swap(0) >= many && p.Rest != nil {
			p.Rest()
		}
	})
	defer p.quiet.Stop()
	s := serve.Server{
		Handler:     &handler{Proxy: p, ends: ctx},
		Log:         p.Log,
		Hosts:       func(host string) bool { return p.filter.Load().host(host) },
		Streams:     true,
		Connections: maxConnections,
		Header:      maxHeader,
		Grace:       grace,
	}
	return s.Serve(ctx, l)
}

// handler answers for a proxy until it ends.
type handler struct {
	*Proxy
	ends context.Context
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	e := &exchange{handler: h, client: http.NewResponseController(w), w: w, r: r}
	h.stats.begin()
	err := e.run()
	h.stats.end(r.Method, e.code)
	if h.stats.recent.Add(1) >= many {
		h.quiet.Reset(rest)
	}
	// Neither what a query asks for nor what headers say is anybody's business.
	if h.Log.Enabled(r.Context(), slog.LevelDebug) {
		log := h.Log.With("method", r.Method, "path", e.path, "code", e.code, "bytes", e.bytes, "took", time.Since(began))
		if err != nil {
			log = log.With("error", err)
		}
		log.Debug("proxied")
	}
	if e.broken {
		panic(http.ErrAbortHandler) // the only way to tell a client that the answer is not whole
	}
}
