package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// reservePort finds a free port and keeps it: a socket that is bound but does not
// listen takes no connection, so clients are refused while the API server is down, and
// nobody else gets the port. The server shares it through SO_REUSEPORT.
func reservePort() (io.Closer, int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, 0, err
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "port")
	fail := func(err error) (io.Closer, int, error) { return nil, 0, errors.Join(err, f.Close()) }

	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
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
