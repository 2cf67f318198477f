package serve

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// gate is a listener that keeps no more than so many connections open.
type gate struct {
	net.Listener
	most int

	mu    sync.Mutex
	kept  map[net.Conn]activity
	conns sync.WaitGroup // those that the server has to do with
}

// activity is what a connection does, and since when.
type activity struct {
	asks  bool // a request is being read or answered
	since time.Time
}

// Accept makes place for who comes.
func (g *gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.kept == nil {
		g.kept = make(map[net.Conn]activity)
	}
	if len(g.kept) >= g.most {
		leaves := g.idlest()
		delete(g.kept, leaves)
		leaves.Close() //nolint:errcheck // it is not wanted any more
	}
	g.kept[c] = activity{since: time.Now()}
	g.conns.Add(1)
	return c, nil
}

// idlest is the connection that has done nothing for the longest time. One with
// a request goes only if all have one.
func (g *gate) idlest() net.Conn {
	var idlest net.Conn
	var most activity
	for c, a := range g.kept {
		if idlest == nil || most.asks && !a.asks || most.asks == a.asks && a.since.Before(most.since) {
			idlest, most = c, a
		}
	}
	return idlest
}

// note is told by the server what a connection does: at last, when the goroutine
// that serves it is about to end, that it is closed.
func (g *gate) note(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(g.kept, c)
		g.conns.Done()
		return
	}
	if _, ok := g.kept[c]; ok {
		g.kept[c] = activity{asks: state == http.StateActive, since: time.Now()}
	}
}
