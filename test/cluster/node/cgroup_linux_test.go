package node

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestStartTime tells processes apart, whatever they are called.
func TestStartTime(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "a) b (c")
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(sleep, name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), name, "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // killed with the context
	child, err := startTime(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	self, err := startTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if len(child) < len(self) || child == self {
		t.Errorf("the child started at %s, its parent at %s", child, self)
	}
}

// TestRemoveTree removes directories alone, as of a cgroup, and keeps what is not empty.
func TestRemoveTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := filepath.Join(dir, "a")
	for _, d := range []string{"b/c", "b/d"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(root, "b/c/file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := removeTree(root); err == nil {
		t.Error("removed what is in use")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := removeTree(root); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if err := removeTree(root); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}
