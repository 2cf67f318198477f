package downward

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
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

// volume is a directory that swaps as the kubelet's AtomicWriter does.
type volume struct {
	tb      testing.TB
	dir     string
	version int
}

func newVolume(tb testing.TB, files map[string]string) *volume {
	v := &volume{tb: tb, dir: tb.TempDir()}
	v.swap(files)
	return v
}

// swap publishes a version and deletes the one before.
func (v *volume) swap(files map[string]string) {
	v.tb.Helper()
	check := func(err error) {
		if err != nil {
			v.tb.Helper()
			v.tb.Error(err) // not Fatal: it may run in another goroutine
		}
	}
	v.version++
	version := "..2026_11_22_01_37_08." + strconv.Itoa(v.version)
	for name, text := range files {
		file := filepath.Join(v.dir, version, filepath.FromSlash(name))
		check(os.MkdirAll(filepath.Dir(file), 0o755))
		check(os.WriteFile(file, []byte(text), 0o644))
	}
	before, _ := os.Readlink(filepath.Join(v.dir, "..data"))
	check(os.Symlink(version, filepath.Join(v.dir, "..data_tmp")))
	check(os.Rename(filepath.Join(v.dir, "..data_tmp"), filepath.Join(v.dir, "..data")))
	for name := range files {
		top, _, _ := strings.Cut(name, "/")
		if err := os.Symlink("..data/"+top, filepath.Join(v.dir, top)); !errors.Is(err, fs.ErrExist) {
			check(err)
		}
	}
	if before != "" {
		check(os.RemoveAll(filepath.Join(v.dir, before)))
	}
}
