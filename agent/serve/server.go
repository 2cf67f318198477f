package serve

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// What a client may take of a server. A probe and a scrape need a small part of
// it.
const (
	maxConnections = 32
	maxHeader      = 8 << 10
	maxBody        = 64 << 10
	headerTimeout  = 2 * time.Second
	readTimeout    = 5 * time.Second
	writeTimeout   = 10 * time.Second
	idleTimeout    = 2 * time.Minute // longer than between two scrapes
	lastWords      = time.Second     // for answers under way at the end
)

// Server answers HTTP requests. Where there are more connections than it keeps,
// the one that has done nothing for the longest time makes place: slow clients
// keep nobody out.
type Server struct {
	Handler http.Handler
	// Connections is how many are kept. Zero: 32.
	Connections int
	Log         *slog.Logger // nil: silent

	// Hosts reports whether a Host header is answered. Nil is [IsOwn].
	Hosts func(host string) bool
	// Header is how many bytes of a request's are read. Zero: 8 KiB.
	Header int
	// Streams leaves it to the Handler to bound how long a request's body and its
	// answer take, and how large they are.
	Streams bool
	// Grace is how long requests may go on at the end. Zero: they are told to end at
	// once, and have a second.
	Grace time.Duration
}

// Serve answers until ctx ends, and then returns nil. It closes the listener and
// all connections, and has joined its goroutines when it returns.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	g := &gate{Listener: l, most: cmp.Or(s.Connections, maxConnections)}
	requests, end := ctx, context.CancelFunc(func() {})
	if s.Grace > 0 {
		requests, end = context.WithCancel(context.WithoutCancel(ctx))
	}
	defer end()
	server := &http.Server{
		Handler:                      s.handler(),
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            headerTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               cmp.Or(s.Header, maxHeader),
		ConnState:                    g.note,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:                  func(net.Listener) context.Context { return requests },
	}
	if !s.Streams {
		server.ReadTimeout, server.WriteTimeout = readTimeout, writeTimeout
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(g) }()
	select {
	case err := <-done:
		server.Close() //nolint:errcheck // the first error is the one to tell
		g.conns.Wait()
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(s.Grace, lastWords))
	defer cancel()
	if server.Shutdown(last) != nil {
		end()
		server.Close() //nolint:errcheck // nothing more can be done for them
	}
	err := <-done
	g.conns.Wait()
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler is what stands before the handler proper.
func (s *Server) handler() http.Handler {
	hosts := s.Hosts
	if hosts == nil {
		hosts = IsOwn
	}
	h := checkHost(hosts, s.Handler)
	if s.Streams {
		return h
	}
	return http.MaxBytesHandler(h, maxBody)
}
