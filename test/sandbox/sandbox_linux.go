// Package sandbox gives tests real faults: mounts of their own that are full,
// read-only or in the way, and that nobody else sees.
//
// [Enter] runs the calling test once more, in a process with a mount namespace of
// its own. None of its mounts outlives the process, however that ends.
package sandbox

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const (
	// inside holds the name of the test that has entered.
	inside = "TEST_NAMESPACE"
	// without is for a machine that permits no mount namespace. CI does not
	// set it.
	without = "TEST_WITHOUT_NAMESPACES"
)

// Enter reports whether the test is in its sandbox. Where it is not, it has been
// run there meanwhile, and has nothing left to do.
func Enter(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		AsRoot(cmd.SysProcAttr)
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		if os.Getenv(without) != "" {
			t.Skip("no mount namespace, and " + without + " is set")
		}
		t.Fatalf("cannot make a mount namespace (%v): run as root or permit user namespaces; "+
			"only where neither can be had, set %s=1", err, without)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a mount namespace: %v\n%s", err, out)
	}
	return false
}

// AsRoot has a process be root in a user namespace of its own, where it can set
// the limits of user_namespaces(7) for itself.
func AsRoot(attr *syscall.SysProcAttr) {
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

// Tmpfs makes the directory, if need be, and mounts an empty file system there.
func Tmpfs(t *testing.T, dir, options string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unmount(t, dir) })
	return dir
}

// Bind mounts a file or a directory at another place.
func Bind(t *testing.T, from, to string) {
	t.Helper()
	if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unmount(t, to) })
}

// Remount changes the flags of a mount.
func Remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
		t.Fatal(err)
	}
}

func unmount(t *testing.T, dir string) {
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		t.Errorf("unmount %s: %v", dir, err)
	}
}
