package cluster

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBuildHappensOnce builds etcd into a directory of its own, with
// inputs that then change.
func TestBuildHappensOnce(t *testing.T) {
	t.Parallel()
	module, err := moduleDir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var progress bytes.Buffer
	b := &builder{origin: Etcd.origin(), module: module, dir: t.TempDir(), progress: &progress}
	if err := b.describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(b.dir, ".build-killed")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	executable := filepath.Join(b.dir, "etcd")
	for _, step := range []struct {
		name   string
		change func() error
		builds bool
	}{
		{"nothing there", func() error { return nil }, true},
		{"all there", func() error { return nil }, false},
		{"go.mod changed", func() error { b.inputs = append(b.inputs, '\n'); return nil }, true},
		{"executable removed", func() error { return os.Remove(executable) }, true},
	} {
		progress.Reset()
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		if err := b.ensure(t.Context(), Etcd); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := strings.HasPrefix(progress.String(), "building etcd for Kubernetes v"); got != step.builds {
			t.Errorf("%s: built is to be %t; said %q", step.name, step.builds, &progress)
		}
		if info, err := os.Stat(executable); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s: %v, %v", step.name, info, err)
		}
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what a killed build left is still there")
	}
}
