package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// socketMode is the default: it lets the owner and the group ask. Containers of a pod with an
// fsGroup share that group.
const socketMode = 0o660

// A socket is staged as DIR/.pf1234567890/s.
const (
	stagePrefix = ".pf"
	stageName   = "s"
	stageLength = len("/" + stagePrefix + "4294967295/" + stageName)
)

var errInUse = errors.New("in use by another process")

// listenSocket opens a unix socket. The socket gets its mode under another name
// and takes its own by a rename, so that nobody sees it without.
func listenSocket(ctx context.Context, path string, mode fs.FileMode) (net.Listener, error) {
	if err := vacant(ctx, path); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), stagePrefix)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	staged := filepath.Join(dir, stageName)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: staged, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	s := &socket{UnixListener: l, path: path}
	if err = os.Chmod(staged, mode); err == nil {
		s.own, err = os.Lstat(staged)
	}
	if err == nil {
		err = os.Rename(staged, path)
	}
	if err != nil {
		l.Close() //nolint:errcheck // the first error is the one to tell
		return nil, err
	}
	return s, nil
}

// vacant reports what stands in the way at a path. A socket that nobody listens
// on does not.
func vacant(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("there is a file that is no socket; remove it, or choose another path")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		c.Close() //nolint:errcheck // it was opened to see whether it can be
		return errInUse
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("there is a socket of another user; remove it, or choose another path")
	}
	return errInUse // its queue is full, or it belongs to another kind of socket
}

// socket is a listener that removes its file, if it is still its own.
type socket struct {
	*net.UnixListener
	path string
	own  os.FileInfo
}

func (s *socket) Close() error {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.own) {
		os.Remove(s.path)
	}
	return s.UnixListener.Close()
}

// Addr names the path that clients use.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }
