package publish_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const (
	namespaceVariable = "PODFACTS_TEST_NAMESPACE"
	// withoutVariable is for a machine that permits no mount namespace. CI
	// does not set it.
	withoutVariable = "PODFACTS_TEST_WITHOUT_NAMESPACES"
)

// inNamespace runs the calling test once more, in a process with a mount
// namespace of its own: real mounts give real faults, and none of them outlives
// the process. It reports whether this is that process.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(namespaceVariable) == t.Name() {
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
	cmd.Env = append(os.Environ(), namespaceVariable+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		if os.Getenv(withoutVariable) != "" {
			t.Skip("no mount namespace, and " + withoutVariable + " is set")
		}
		t.Fatalf("cannot make a mount namespace (%v): run as root or permit user namespaces; "+
			"only where neither can be had, set %s=1", err, withoutVariable)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a mount namespace: %v\n%s", err, out)
	}
	return false
}

// tmpfs mounts an empty file system at dir.
func tmpfs(t *testing.T, dir, options string) string {
	t.Helper()
	mkdir(t, dir)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unmount(t, dir) })
	return dir
}

func bind(t *testing.T, from, to string) {
	t.Helper()
	if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unmount(t, to) })
}

func remount(t *testing.T, dir string, flags uintptr) {
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

// volumes mounts two file systems side by side: one to publish into, and one
// that must not be touched.
func volumes(t *testing.T) (in, out string) {
	t.Helper()
	base := t.TempDir()
	in = tmpfs(t, filepath.Join(base, "in"), "")
	out = tmpfs(t, filepath.Join(base, "out"), "")
	write(t, filepath.Join(out, "victim"), "untouched", 0o644)
	return in, out
}
