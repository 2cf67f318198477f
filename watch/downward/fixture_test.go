package downward

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unflatten copies a volume that a kubelet wrote and that was stored with
// regular files in place of its links, and makes the links again.
func unflatten(t testing.TB, stored string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", stored))); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		name := filepath.Join(dir, e.Name())
		target, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(target), "..") {
			t.Fatalf("%s holds %q, which is not the target of a link", name, target)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(string(target), name); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
