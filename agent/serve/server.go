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
}

// Serve answers until ctx ends, and then returns nil. It closes the listener and
// all connections, and has joined its goroutines when it returns.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	g := &gate{Listener: l, most: cmp.Or(s.Connections, maxConnections)}
	server := &http.Server{
		Handler:                      http.MaxBytesHandler(checkHost(s.Handler), maxBody),
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeader,
		ConnState:                    g.note,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:                  func(net.Listener) context.Context { return ctx },
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
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if server.Shutdown(last) != nil {
		server.Close() //nolint:errcheck // nothing more can be done for them
	}
	err := <-done
	g.conns.Wait()
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
