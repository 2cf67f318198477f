package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// dialTimeout is for connections within the machine, one at a time.
const dialTimeout = 5 * time.Second

// A network is a network namespace that this process has one thread in. A socket belongs
// to the namespace of the thread that made it, and serves any thread from then on: so
// this process can stand with one foot on either side.
type network struct {
	jobs   chan func()
	closed chan struct{}
	once   sync.Once
}

// newNetwork makes a namespace in which the loopback device, which is all it has, also
// has these addresses.
func newNetwork(addresses ...netip.Addr) (*network, error) {
	n := &network{jobs: make(chan func()), closed: make(chan struct{})}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err != nil {
			err = fmt.Errorf("making a network namespace: %w", err)
		} else {
			err = raiseLoopback(addresses)
		}
		ready <- err
		if err != nil {
			return
		}
		for {
			select {
			case job := <-n.jobs:
				job()
			case <-n.closed:
				return
			}
		}
	}()
	if err := <-ready; err != nil {
		return nil, err
	}
	return n, nil
}

// do runs a function in the namespace, where it opens sockets and starts processes.
func (n *network) do(job func() error) error {
	result := make(chan error)
	select {
	case n.jobs <- func() { result <- job() }:
		return <-result
	case <-n.closed:
		return errors.New("this node is stopped")
	}
}

// close ends the thread, and with it the processes that are to die with their parent.
func (n *network) close() { n.once.Do(func() { close(n.closed) }) }

// dial connects to an address in the namespace.
func (n *network) dial(ctx context.Context, address string) (conn net.Conn, err error) {
	err = n.do(func() (err error) {
		conn, err = (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
		return err
	})
	return conn, err
}

// forward lets those in the namespace reach at address what out dials. It returns once
// it listens, and goes on until the listener is closed.
func (n *network) forward(address string, out func(context.Context) (net.Conn, error)) (listener net.Listener, err error) {
	err = n.do(func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	})
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				conn, err := out(context.Background())
				if err != nil {
					refuse(in)
					return
				}
				join(in, conn)
			}()
		}
	}()
	return listener, nil
}

// refuse resets a connection, which is the nearest to never having accepted it.
func refuse(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// join copies both ways until both sides have said all they had to say.
func join(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			_, err := io.Copy(pair[0], pair[1])
			half, ok := pair[0].(interface{ CloseWrite() error })
			if err != nil || !ok {
				_ = a.Close()
				_ = b.Close()
				return
			}
			_ = half.CloseWrite()
		})
	}
	wg.Wait()
	_ = a.Close()
	_ = b.Close()
}

// raiseLoopback brings up the loopback device of this thread's namespace.
func raiseLoopback(addresses []netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer os.NewFile(uintptr(fd), "socket").Close()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	errs := []error{unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)}
	for i, address := range addresses {
		alias, err := unix.NewIfreq(fmt.Sprintf("lo:%d", i))
		if err != nil {
			return err
		}
		errs = append(errs, alias.SetInet4Addr(address.AsSlice()), unix.IoctlIfreq(fd, unix.SIOCSIFADDR, alias))
		// Only itself, or the whole net would be at home here.
		errs = append(errs, alias.SetInet4Addr([]byte{255, 255, 255, 255}), unix.IoctlIfreq(fd, unix.SIOCSIFNETMASK, alias))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("setting up a loopback device: %w", err)
	}
	return nil
}
