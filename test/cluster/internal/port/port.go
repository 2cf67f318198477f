// Package port keeps ports of the loopback address for those who stop listening on them
// now and then, as servers do that tests stop and start.
package port

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reserve finds a free port and keeps it: a socket that is bound but does not listen
// takes no connection, so clients are refused while the server is down, and nobody else
// gets the port. The server shares it through SO_REUSEPORT.
func Reserve() (io.Closer, int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, 0, err
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "port")
	fail := func(err error) (io.Closer, int, error) { return nil, 0, errors.Join(err, f.Close()) }

	if err := share(fd); err != nil {
		return fail(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fail(err)
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		return fail(err)
	}
	inet, ok := address.(*unix.SockaddrInet4)
	if !ok {
		return fail(fmt.Errorf("a socket of another family: %T", address))
	}
	return f, inet.Port, nil
}

// Listen listens on a port that is reserved.
func Listen(ctx context.Context, port int) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = share(int(fd)) }), err)
	}}
	return config.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

func share(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }
