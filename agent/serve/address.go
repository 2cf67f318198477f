/*
Package serve is the HTTP server of a sidecar: where it listens, and how little
whoever comes can make it do.

An [Address] is on loopback or a unix socket, unless more is asked for by name.
[Address.Listen] opens it, and a [Server] answers there, with a bound for
everything: time, header, body, connections. It answers to addresses and to
localhost, and not to the name that some web page has given to 127.0.0.1.
[Foreign] tells what the pages of others have a browser send all the same.
*/
package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Address is where a server listens. Get one from [Parse].
type Address struct {
	network string // tcp or unix
	address string
	mode    fs.FileMode // of the socket; zero: the default
}

// ErrElsewhere says that an address is neither on loopback nor a unix socket.
var ErrElsewhere = errors.New("not on loopback")

const unixScheme = "unix://"

// Parse reads an address: 127.0.0.1:9300, [::1]:9300, localhost:9300,
// unix:///run/podfacts/podfacts.sock. One that others than this machine can
// reach, such as :9300, is an [ErrElsewhere] without anywhere.
func Parse(s string, anywhere bool) (Address, error) {
	if path, ok := strings.CutPrefix(s, unixScheme); ok {
		return parseSocket(s, path)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		if _, err := strconv.ParseUint(s, 10, 16); err == nil {
			return Address{}, fmt.Errorf("%q has no host; write 127.0.0.1:%s", s, s)
		}
		return Address{}, fmt.Errorf("%q is no address; write it as 127.0.0.1:9300 or unix:///run/podfacts/podfacts.sock", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return Address{}, fmt.Errorf("%q: the port must be a number from 0 to 65535, as in 127.0.0.1:9300", s)
	}
	if host == "localhost" {
		return Address{network: "tcp", address: s}, nil
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host != "" && err != nil:
		return Address{}, fmt.Errorf("%q: the host must be an IP address or localhost, as in 127.0.0.1:9300", s)
	case anywhere || ip.Unmap().IsLoopback():
		return Address{network: "tcp", address: s}, nil
	}
	return Address{}, fmt.Errorf("%q is %w; write 127.0.0.1:%s", s, ErrElsewhere, port)
}

func parseSocket(s, path string) (Address, error) {
	const most = 103 // what fits into sockaddr_un everywhere
	switch {
	case !strings.HasPrefix(path, "/") && !filepath.IsAbs(path):
		return Address{}, fmt.Errorf("%q: a socket has an absolute path, as in unix:///run/podfacts/podfacts.sock", s)
	case strings.HasSuffix(path, "/") || strings.ContainsRune(path, 0):
		return Address{}, fmt.Errorf("%q names no file, as in unix:///run/podfacts/podfacts.sock", s)
	case max(len(path), len(filepath.Dir(path))+stageLength) > most:
		return Address{}, fmt.Errorf("%q: the path of a socket has at most %d bytes, that of its directory %d; choose a shorter one", s, most, most-stageLength)
	}
	return Address{network: "unix", address: path}, nil
}

// String gives the address as Parse reads it.
func (a Address) String() string {
	if a.network == "unix" {
		return unixScheme + a.address
	}
	return a.address
}

// IsSocket reports whether the address is that of a unix socket.
func (a Address) IsSocket() bool { return a.network == "unix" }

// WithMode is the same address, with the permissions that its socket gets. Zero:
// 0660. A TCP address has none.
func (a Address) WithMode(mode fs.FileMode) Address {
	if a.IsSocket() {
		a.mode = mode
	}
	return a
}

// Listen opens the address. A socket that a dead process has left is replaced.
// One that is in use is waited for, a second at most: a program that the dead
// process was about to start holds its address for a moment.
func (a Address) Listen(ctx context.Context) (net.Listener, error) {
	for patience := time.Now().Add(time.Second); ; {
		l, err := a.open(ctx)
		switch {
		case err == nil:
			return l, nil
		case !inUse(err) || time.Now().After(patience) || ctx.Err() != nil:
			return nil, a.explain(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (a Address) open(ctx context.Context) (net.Listener, error) {
	if a.IsSocket() {
		return listenSocket(ctx, a.address, cmp.Or(a.mode, socketMode))
	}
	return new(net.ListenConfig).Listen(ctx, a.network, a.address)
}

func inUse(err error) bool { return errors.Is(err, errInUse) || errors.Is(err, syscall.EADDRINUSE) }

// Dial connects to a server that listens there. Where it listens on all
// addresses, loopback is one of them.
func (a Address) Dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, a.network, a.target())
}

// target is the address to dial.
func (a Address) target() string {
	host, port, err := net.SplitHostPort(a.address)
	if a.network == "unix" || err != nil {
		return a.address
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() && ip.Is6() {
		return net.JoinHostPort("::1", port)
	} else if host == "" || err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return a.address
}

// explain says what could not be done, and what to do about it.
func (a Address) explain(err error) error {
	var hint string
	switch {
	case inUse(err):
		return fmt.Errorf("cannot listen on %s: the address is in use by another process; choose another one, or end that process", a)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "; it is not an address of this pod"
	case errors.Is(err, syscall.EACCES) && a.network == "tcp":
		hint = "; ports below 1024 take a privilege, choose a higher one"
	case errors.Is(err, syscall.ENOENT):
		hint = "; mount an emptyDir there, or choose another directory"
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES):
		hint = "; choose a directory that podfacts may write, such as an emptyDir"
	}
	var op *net.OpError
	var path *fs.PathError
	switch { // the address is said already
	case errors.As(err, &op):
		err = op.Err
	case errors.As(err, &path):
		err = path.Err
	}
	return fmt.Errorf("cannot listen on %s: %w%s", a, err, hint)
}
