package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// socketDir is short enough for sockets, as t.TempDir need not be.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func parse(t *testing.T, s string) Address {
	t.Helper()
	a, err := Parse(s, false)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func listen(t *testing.T, a Address) net.Listener {
	t.Helper()
	l, err := a.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) //nolint:errcheck // the test may have closed it
	return l
}

func TestListenInUse(t *testing.T) {
	t.Parallel()
	l := listen(t, parse(t, "127.0.0.1:0"))
	_, err := parse(t, l.Addr().String()).Listen(t.Context())
	want := "cannot listen on " + l.Addr().String() + ": the address is in use by another process; choose another one, or end that process"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// One that ends soon makes place for the next.
func TestListenInUseForAMoment(t *testing.T) {
	t.Parallel()
	// Linux, as it comes, does not give the port to those who ask for any, which one may do in between.
	port := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
	for _, address := range []string{port, "unix://" + filepath.Join(socketDir(t), "p.sock")} {
		a := parse(t, address)
		l := listen(t, a)
		time.AfterFunc(100*time.Millisecond, func() { l.Close() }) //nolint:errcheck // it is closed once more
		listen(t, a)
	}
}

func TestListenSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "p.sock")
	a := parse(t, "unix://"+path)
	l := listen(t, a)
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("mode %v, %v, want srw-rw----", info.Mode(), err)
	}
	if l.Addr().String() != path {
		t.Errorf("address %s", l.Addr())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}

	// A live one stays.
	if _, err := a.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second one: %v", err)
	}
	c, err := a.Dial(t.Context())
	if err != nil {
		t.Fatal("the first one is gone: ", err)
	}
	c.Close() //nolint:errcheck // it was only opened

	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

// The mode of a socket can be chosen; an address of TCP has none.
func TestListenSocketMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "p.sock")
	for _, mode := range []fs.FileMode{0o600, 0o666} {
		l := listen(t, parse(t, "unix://"+path).WithMode(mode))
		if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("mode %v, %v, want %v", info.Mode(), err, mode)
		}
		l.Close() //nolint:errcheck // what it leaves is looked at elsewhere
	}
	if tcp := parse(t, "127.0.0.1:0"); tcp.WithMode(0o600) != tcp || tcp.IsSocket() {
		t.Error("an address of TCP has a mode")
	}
}

// A process that was killed leaves its socket.
func TestListenStaleSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "p.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	a := parse(t, "unix://"+path)
	l := listen(t, a)
	c, err := a.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Close() //nolint:errcheck // it was only opened

	// Nor does the end of one remove the socket of the next.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next := listen(t, a)
	l.Close() //nolint:errcheck // what it leaves is looked at
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
	next.Close() //nolint:errcheck // as above
}

func TestListenSocketRefused(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		file:                                "there is a file that is no socket; remove it, or choose another path",
		dir:                                 "there is a file that is no socket",
		filepath.Join(dir, "absent", "s"):   "no such file or directory; mount an emptyDir there",
		filepath.Join(file, "not", "a-dir"): "not a directory",
	} {
		_, err := parse(t, "unix://"+path).Listen(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "cannot listen on unix://"+path+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "precious" {
		t.Errorf("%q, %v", data, err)
	}
}
