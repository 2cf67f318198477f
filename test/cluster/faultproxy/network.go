package faultproxy

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"github.com/podfacts/podfacts/test/cluster/internal/port"
)

// Refuse stops listening; connections that are open stay. The port stays ours.
func (p *Proxy) Refuse() { p.network.refuse() }

// Reset breaks the connections that are open.
func (p *Proxy) Reset() { p.network.reset() }

// ResetAll breaks those that will be opened, too.
func (p *Proxy) ResetAll() {
	p.network.set(func(n *network) { n.resets = true })
	p.network.reset()
}

// Freeze lets no byte through on the connections that are open, in either direction,
// and closes none of them: a device between here and there has forgotten them.
func (p *Proxy) Freeze() { p.network.freeze() }

// FreezeAll does so with those that will be opened, too.
func (p *Proxy) FreezeAll() {
	p.network.set(func(n *network) { n.freezes = true })
	p.network.freeze()
}

// Throttle sends answers byte by byte, with a pause after each.
func (p *Proxy) Throttle(pause time.Duration) { p.network.set(func(n *network) { n.pause = pause }) }

// network is the listener of a proxy and its connections.
type network struct {
	reserve io.Closer
	port    int

	mu              sync.Mutex
	listener        net.Listener // nil while refusing
	reopened        chan struct{}
	closed          bool
	conns           map[*conn]bool
	resets, freezes bool
	pause           time.Duration
	frozen          []chan struct{} // to be closed when all is well again
}

func listen() (*network, error) {
	reserve, number, err := port.Reserve()
	if err != nil {
		return nil, err
	}
	n := &network{reserve: reserve, port: number, conns: make(map[*conn]bool), reopened: make(chan struct{})}
	if n.listener, err = port.Listen(context.Background(), number); err != nil {
		return nil, err
	}
	return n, nil
}

func (n *network) release() { _ = n.reserve.Close() }

func (n *network) set(change func(*network)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

func (n *network) refuse() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener != nil {
		_ = n.listener.Close() // it closes, or is closed
		n.listener = nil
	}
}

func (n *network) reset() {
	n.mu.Lock()
	all := n.conns
	n.conns = make(map[*conn]bool)
	n.mu.Unlock()
	for c := range all {
		c.reset()
	}
}

func (n *network) freeze() {
	n.mu.Lock()
	defer n.mu.Unlock()
	until := make(chan struct{})
	n.frozen = append(n.frozen, until)
	for c := range n.conns {
		c.frozen = until
	}
}

func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resets, n.freezes, n.pause = false, false, 0
	for _, until := range n.frozen {
		close(until)
	}
	n.frozen = nil
	if n.listener != nil || n.closed {
		return
	}
	listener, err := port.Listen(context.Background(), n.port)
	if err != nil {
		panic(err) // the port is ours
	}
	n.listener = listener
	close(n.reopened)
	n.reopened = make(chan struct{})
}

// Accept outlasts times in which nobody listens.
func (n *network) Accept() (net.Conn, error) {
	for {
		n.mu.Lock()
		listener, reopened, closed := n.listener, n.reopened, n.closed
		n.mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		if listener == nil {
			<-reopened
			continue
		}
		accepted, err := listener.Accept()
		if err != nil {
			continue // refusing from now on, or closed
		}
		c := &conn{Conn: accepted, network: n, closed: make(chan struct{})}
		n.mu.Lock()
		resets := n.resets || n.listener != listener // which has been closed since, to refuse
		if n.freezes {
			c.frozen = make(chan struct{})
			n.frozen = append(n.frozen, c.frozen)
		}
		n.conns[c] = true
		n.mu.Unlock()
		if resets {
			c.reset()
			continue
		}
		return c, nil
	}
}

func (n *network) Close() error {
	n.refuse()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		n.closed = true
		close(n.reopened)
	}
	return nil
}

func (n *network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n.port} }

// conn is one connection of a client.
type conn struct {
	net.Conn
	network *network
	once    sync.Once
	closed  chan struct{}
	frozen  chan struct{} // guarded by network.mu; nil, or closed when it thaws
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.thaw() // what was read while it froze has not arrived
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	next := time.Now()
	for i := range b {
		c.thaw()
		pause := c.pause()
		if pause == 0 {
			n, err := c.Conn.Write(b[i:])
			return i + n, err
		}
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
		next = next.Add(pause)
		time.Sleep(time.Until(next)) // a busy machine is no slower
	}
	return len(b), nil
}

func (c *conn) pause() time.Duration {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	return c.network.pause
}

// thaw waits while the connection is frozen.
func (c *conn) thaw() {
	c.network.mu.Lock()
	frozen := c.frozen
	c.network.mu.Unlock()
	if frozen == nil {
		return
	}
	select {
	case <-frozen:
	case <-c.closed:
	}
}

// Close is heard by the client unless the connection is frozen.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.network.set(func(n *network) { delete(n.conns, c) })
	return c.Conn.Close()
}

func (c *conn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // closing sends RST then
	}
	_ = c.Close()
}
