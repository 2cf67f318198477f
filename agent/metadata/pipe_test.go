package metadata

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/podfacts/podfacts/agent/serve"
)

// over has a service answer inside a bubble, by a real server whose connections
// are pipes.
func over(t *testing.T, s *Service) (client *http.Client, stop func()) {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	return overListener(t, s, l, l.dial)
}

// overListener has a service answer at a listener, and a client dial there.
func overListener(t *testing.T, s *Service, l net.Listener, dial func() (net.Conn, error)) (client *http.Client, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&serve.Server{Handler: s, Connections: Connections}).Serve(ctx, l) }()
	transport := &http.Transport{
		DialContext:         func(context.Context, string, string) (net.Conn, error) { return dial() },
		MaxIdleConnsPerHost: 2,
	}
	return &http.Client{Transport: transport}, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
	}
}

// pipes is a listener inside of the process.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }
