//go:build unix

package publish_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/podfacts/podfacts/agent/publish"
)

func TestFilePublish(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		before  func(t *testing.T, path string) // nil: there is no file
		file    publish.File
		changed bool
		mode    fs.FileMode
	}{
		{"new file", nil, publish.File{}, true, 0o644},
		{"new file with a mode the umask would cut", nil, publish.File{Mode: 0o666}, true, 0o666},
		{"new secret", nil, publish.File{Mode: 0o400}, true, 0o400},
		{"same", old("new", 0o644), publish.File{}, false, 0o644},
		{"same content, other mode", old("new", 0o600), publish.File{}, true, 0o644},
		{"same length", old("old", 0o644), publish.File{}, true, 0o644},
		{"longer", old("newer", 0o644), publish.File{}, true, 0o644},
		{"shorter", old("ne", 0o644), publish.File{}, true, 0o644},
		{"empty", old("", 0o644), publish.File{}, true, 0o644},
		{"in place, new file", nil, publish.File{InPlace: true}, true, 0o644},
		{"in place, same", old("new", 0o644), publish.File{InPlace: true}, false, 0o644},
		{"in place, other mode", old("new", 0o600), publish.File{InPlace: true}, true, 0o644},
		{"in place, longer", old("newer", 0o640), publish.File{InPlace: true, Mode: 0o640}, true, 0o640},
		{"in place, shorter", old("n", 0o640), publish.File{InPlace: true, Mode: 0o640}, true, 0o640},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f := test.file
			f.Path = filepath.Join(dir, "pod.env")
			if test.before != nil {
				test.before(t, f.Path)
			}
			changed, err := f.Publish(t.Context(), []byte("new"))
			if err != nil || changed != test.changed {
				t.Errorf("Publish: %v, %v, want %v", changed, err, test.changed)
			}
			wantFile(t, f.Path, "new")
			wantMode(t, f.Path, test.mode)
			wantList(t, dir, "pod.env")
			if changed, err := f.Publish(t.Context(), []byte("new")); changed || err != nil {
				t.Errorf("second Publish: %v, %v, want nothing to do", changed, err)
			}
		})
	}
}

func old(text string, mode fs.FileMode) func(*testing.T, string) {
	return func(t *testing.T, path string) { write(t, path, text, mode) }
}

func wantMode(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Error(err)
	} else if fi.Mode() != mode {
		t.Errorf("%s has mode %v, want %v", path, fi.Mode(), mode)
	}
}

// An unchanged file keeps its inode, a changed one gets a new one, except in
// place.
func TestInode(t *testing.T) {
	t.Parallel()
	f := publish.File{Path: filepath.Join(t.TempDir(), "pod.env")}
	stat := func(text string) fs.FileInfo {
		t.Helper()
		if _, err := f.Publish(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		return fi
	}
	first := stat("1")
	open, err := os.Open(f.Path) // keeps the inode's number from being used again
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if !os.SameFile(first, stat("1")) {
		t.Error("publishing the same bytes replaced the file")
	}
	second := stat("2")
	if os.SameFile(first, second) {
		t.Error("publishing other bytes wrote through the inode")
	}
	f.InPlace = true
	if !os.SameFile(second, stat("3")) {
		t.Error("publishing in place replaced the file")
	}
}

func TestFileRefuses(t *testing.T) {
	t.Parallel()
	fifo := func(t *testing.T, path string) {
		if err := syscall.Mkfifo(path, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name   string
		before func(t *testing.T, path string)
		file   publish.File
		target error
		text   []string
	}{
		{"no path", nil, publish.File{}, nil, []string{"no path"}},
		{"odd mode", nil, publish.File{Path: "x", Mode: fs.ModeSetuid | 0o755}, nil, []string{"publish ", "permission bits"}},
		{"missing directory", nil, publish.File{Path: "missing/pod.env"}, fs.ErrNotExist,
			[]string{"missing/pod.env: directory ", "does not exist; mount an emptyDir there or set makeDirs: true"}},
		{"directory", func(t *testing.T, path string) { mkdir(t, path) }, publish.File{Path: "x"}, publish.ErrNotRegular,
			[]string{"is a directory", "choose another path"}},
		{"directory, in place", func(t *testing.T, path string) { mkdir(t, path) }, publish.File{Path: "x", InPlace: true},
			publish.ErrNotRegular, []string{"is a directory"}},
		{"the directory itself", nil, publish.File{Path: "x/.."}, publish.ErrNotRegular, []string{"is a directory"}},
		{"trailing slash", nil, publish.File{Path: "x/"}, publish.ErrNotRegular, []string{"add the name of the file"}},
		{"pipe for a directory", fifo, publish.File{Path: "x/pod.env"}, syscall.ENOTDIR, []string{"a file is where a directory should be"}},
		{"named pipe", fifo, publish.File{Path: "x"}, publish.ErrNotRegular, []string{"is a named pipe"}},
		{"named pipe, in place", fifo, publish.File{Path: "x", InPlace: true}, publish.ErrNotRegular, []string{"is a named pipe"}},
		{"file for a directory", old("", 0o644), publish.File{Path: "x/pod.env"}, syscall.ENOTDIR, []string{"a file is where a directory should be"}},
		{"file for a directory to make", old("", 0o644), publish.File{Path: "x/y/pod.env", MakeDirs: true}, nil, []string{"x/y"}},
		{"absolute link", func(t *testing.T, path string) { symlink(t, "/etc/hostname", path) }, publish.File{Path: "x"},
			publish.ErrLink, []string{"is a link to the absolute path /etc/hostname"}},
		{"link to itself", func(t *testing.T, path string) { symlink(t, "x", path) }, publish.File{Path: "x"}, publish.ErrLink, nil},
		{"link to a directory", func(t *testing.T, path string) { symlink(t, ".", path) }, publish.File{Path: "x"}, publish.ErrNotRegular, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if test.before != nil {
				test.before(t, filepath.Join(dir, "x"))
			}
			f := test.file
			if f.Path != "" {
				f.Path = dir + "/" + f.Path
			}
			before := tree(t, dir)
			changed, err := f.Publish(t.Context(), []byte("new"))
			if changed {
				t.Error("changed")
			}
			wantError(t, err, test.target, append(test.text, "publish "+f.Path)...)
			if after := tree(t, dir); after != before {
				t.Errorf("the directory was\n%s\nand is\n%s", before, after)
			}
			if e, ok := errors.AsType[*publish.Error](err); !ok || e.Path != f.Path {
				t.Errorf("not a *publish.Error of %s: %#v", f.Path, err)
			}
		})
	}
}

func TestDevice(t *testing.T) {
	t.Parallel()
	_, err := publish.File{Path: "/dev/null"}.Publish(t.Context(), []byte("new"))
	wantError(t, err, publish.ErrNotRegular, "/dev/null: is a device")
}

func TestFollowsLinks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		links map[string]string
		path  string
		want  string // the file that gets the content
	}{
		{"target", map[string]string{"pod.env": "real/pod.env"}, "pod.env", "real/pod.env"},
		{"dangling target", map[string]string{"pod.env": "real/new.env"}, "pod.env", "real/new.env"},
		{"chain", map[string]string{"pod.env": "a", "a": "./b", "b": "real/../real/pod.env"}, "pod.env", "real/pod.env"},
		{"parent", map[string]string{"conf.d": "real"}, "conf.d/pod.env", "real/pod.env"},
		{"parent and target", map[string]string{"conf.d": "real/deep", "real/deep/pod.env": "../pod.env"}, "conf.d/pod.env", "real/pod.env"},
	}
	for _, test := range tests {
		for _, inPlace := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				mkdir(t, filepath.Join(dir, "real/deep"))
				write(t, filepath.Join(dir, "real/pod.env"), "old", 0o644)
				for name, target := range test.links {
					symlink(t, target, filepath.Join(dir, name))
				}
				f := publish.File{Path: filepath.Join(dir, test.path), InPlace: inPlace}
				for _, text := range []string{"new", "newer"} {
					if changed, err := f.Publish(t.Context(), []byte(text)); !changed || err != nil {
						t.Fatalf("Publish: %v, %v", changed, err)
					}
					wantFile(t, filepath.Join(dir, test.want), text)
				}
				for name, target := range test.links {
					if got, err := os.Readlink(filepath.Join(dir, name)); got != target {
						t.Errorf("link %s leads to %q (%v), want %q", name, got, err, target)
					}
				}
			})
		}
	}
}

func TestMakeDirs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := publish.File{Path: filepath.Join(dir, "a/b/c/pod.env"), MakeDirs: true}
	if changed, err := f.Publish(t.Context(), []byte("new")); !changed || err != nil {
		t.Errorf("Publish: %v, %v", changed, err)
	}
	wantFile(t, f.Path, "new")
}

func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if changed, err := (publish.File{Path: "pod.env"}).Publish(t.Context(), []byte("new")); !changed || err != nil {
		t.Errorf("Publish: %v, %v", changed, err)
	}
	wantFile(t, filepath.Join(dir, "pod.env"), "new")
}

func TestLongName(t *testing.T) {
	t.Parallel()
	f := publish.File{Path: filepath.Join(t.TempDir(), strings.Repeat("x", 255))}
	if changed, err := f.Publish(t.Context(), []byte("new")); !changed || err != nil {
		t.Errorf("Publish: %v, %v", changed, err)
	}
	wantFile(t, f.Path, "new")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, inPlace := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "pod.env")
		write(t, path, "old", 0o644)
		var calls atomic.Int32
		var answer error
		f := publish.File{Path: path, InPlace: inPlace, Mode: 0o640, Check: func(_ context.Context, staged string) error {
			calls.Add(1)
			wantFile(t, staged, "new")
			wantMode(t, staged, 0o640)
			wantFile(t, path, "old")
			if name := filepath.Base(staged); !strings.HasPrefix(name, ".pod.env.") || filepath.Dir(staged) != dir {
				t.Errorf("staged as %s", staged)
			}
			return answer
		}}
		answer = errors.New("line 3: no such directive")
		changed, err := f.Publish(t.Context(), []byte("new"))
		if changed {
			t.Error("changed in spite of the check")
		}
		wantError(t, err, publish.ErrCheck, path, "the old file is kept, the check failed: line 3: no such directive")
		wantError(t, err, answer)
		wantFile(t, path, "old")
		wantMode(t, path, 0o644)
		wantList(t, dir, "pod.env")

		answer = nil
		for _, want := range []bool{true, false} {
			if changed, err := f.Publish(t.Context(), []byte("new")); changed != want || err != nil {
				t.Errorf("Publish: %v, %v, want %v", changed, err, want)
			}
		}
		if calls.Load() != 2 {
			t.Errorf("%d checks, want 2: none for what is there already", calls.Load())
		}
		wantList(t, dir, "pod.env")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, inPlace := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "pod.env")
		write(t, path, "old", 0o644)
		ctx, cancel := context.WithCancel(t.Context())
		f := publish.File{Path: path, InPlace: inPlace, Check: func(context.Context, string) error {
			cancel() // after staging and before the swap
			return nil
		}}
		for range 2 { // the second time it is cancelled from the start
			changed, err := f.Publish(ctx, []byte("new"))
			if changed {
				t.Error("changed after cancel")
			}
			wantError(t, err, context.Canceled, path)
		}
		wantFile(t, path, "old")
		wantList(t, dir, "pod.env")
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	const random = "abcdefghijklm"
	dir := t.TempDir()
	kept := []string{
		".a.b." + random + ".podfacts", // of a neighbour called a.b
		".a.short.podfacts",
		".b." + random + ".podfacts",
		"a",
		"a." + random + ".podfacts",
	}
	for _, name := range append([]string{".a." + random + ".podfacts"}, kept...) {
		write(t, filepath.Join(dir, name), "x", 0o600)
	}
	if err := (publish.File{Path: filepath.Join(dir, "a")}).Clean(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, ".a."+random+".podfacts")); err == nil {
		t.Error("the temporary is still there")
	}
	for _, name := range kept {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if err := (publish.File{Path: filepath.Join(dir, "missing/a")}).Clean(); err != nil {
		t.Errorf("a missing directory is not clean: %v", err)
	}
}

// Clean leaves alone what is being written at the moment.
func TestCleanSparesTheLiving(t *testing.T) {
	t.Parallel()
	for _, inPlace := range []bool{false, true} {
		f := publish.File{Path: filepath.Join(t.TempDir(), "pod.env"), InPlace: inPlace}
		write(t, f.Path, "old", 0o644)
		f.Check = func(_ context.Context, staged string) error {
			if err := f.Clean(); err != nil {
				t.Error(err)
			}
			_, err := os.Stat(staged)
			return err
		}
		if changed, err := f.Publish(t.Context(), []byte("new")); !changed || err != nil {
			t.Errorf("Publish: %v, %v", changed, err)
		}
		wantFile(t, f.Path, "new")
	}
}
