package publish_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/test/sandbox"
)

var large = strings.Repeat("x", 256<<10)

func TestFullDisk(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	for _, options := range []string{"size=64k", "nr_inodes=5"} { // no bytes, and no inodes
		for _, inPlace := range []bool{false, true} {
			if options != "size=64k" && inPlace {
				continue // which takes no inode
			}
			t.Run(options, func(t *testing.T) {
				dir := sandbox.Tmpfs(t, filepath.Join(t.TempDir(), "full"), options)
				f := publish.File{Path: filepath.Join(dir, "pod.env"), InPlace: inPlace}
				if _, err := f.Publish(t.Context(), []byte("old")); err != nil {
					t.Fatal(err)
				}
				if options != "size=64k" {
					for _, name := range []string{"1", "2", "3"} {
						write(t, filepath.Join(dir, name), "", 0o644)
					}
				}
				before := tree(t, dir)
				changed, err := f.Publish(t.Context(), []byte(large))
				if changed {
					t.Error("changed")
				}
				wantError(t, err, syscall.ENOSPC, f.Path, "no space left on device", "raise its sizeLimit")
				if inPlace {
					wantError(t, err, nil, "the old content is restored")
				} else {
					wantError(t, err, nil, "the old file is kept")
				}
				if after := tree(t, dir); after != before {
					t.Errorf("the directory was\n%s\nand is\n%s", before, after)
				}
				if changed, err := f.Publish(t.Context(), []byte("old")); changed || err != nil {
					t.Errorf("Publish on a full disk what is there: %v, %v", changed, err)
				}
			})
		}
	}
}

// A group meets the full disk at each of its steps: with every number of free
// inodes from none to enough.
func TestFullDiskGroup(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	tests := []struct {
		name   string
		before func(t *testing.T, dir string)
	}{
		{"change", func(t *testing.T, dir string) { mustPublish(t, group(dir, "a", "b"), true, "old a", "old b") }},
		{"plain files", func(t *testing.T, dir string) {
			write(t, dir+"/a", "old a", 0o644)
			write(t, dir+"/b", "old b", 0o644)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			failed := 0
			for free := 0; ; free++ {
				if free > 30 {
					t.Fatal("never enough")
				}
				dir := sandbox.Tmpfs(t, filepath.Join(t.TempDir(), "full"), "nr_inodes=40")
				test.before(t, dir)
				mkdir(t, dir+"/fill")
				for n := 0; ; n++ {
					if err := os.WriteFile(dir+"/fill/"+strings.Repeat("x", n+1), nil, 0o600); err != nil {
						for i := range free {
							if err := os.Remove(dir + "/fill/" + strings.Repeat("x", n-i)); err != nil {
								t.Fatal(err)
							}
						}
						break
					}
				}
				g := group(dir, "a", "b", "c")
				changed, err := g.Publish(t.Context(), contents("new a", "new b", "new c"))
				if err == nil {
					wantFile(t, dir+"/a", "new a")
					break
				}
				failed++
				if changed {
					t.Error("changed")
				}
				wantError(t, err, syscall.ENOSPC, dir, "the old files are kept")
				wantFile(t, dir+"/a", "old a")
				wantFile(t, dir+"/b", "old b")
				if _, err := os.Lstat(dir + "/c"); err == nil {
					t.Error("c is there")
				}
				left := listing(t, dir)
				if err := g.Clean(); err != nil {
					t.Error(err)
				}
				wantList(t, dir, left...) // nothing to clean
				if t.Failed() {
					t.Fatalf("with %d free inodes", free)
				}
			}
			if failed < 5 {
				t.Errorf("failed with %d numbers of free inodes: that is not each step", failed)
			}
		})
	}
	t.Run("bytes", func(t *testing.T) {
		dir := sandbox.Tmpfs(t, filepath.Join(t.TempDir(), "full"), "size=64k")
		g := group(dir, "a", "b")
		mustPublish(t, g, true, "old a", "old b")
		before := tree(t, dir)
		_, err := g.Publish(t.Context(), contents("new a", large))
		wantError(t, err, syscall.ENOSPC, dir, "raise its sizeLimit")
		if after := tree(t, dir); after != before {
			t.Errorf("the directory was\n%s\nand is\n%s", before, after)
		}
	})
}

func TestReadOnlyFileSystem(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	dir := sandbox.Tmpfs(t, filepath.Join(t.TempDir(), "volume"), "")
	f := publish.File{Path: filepath.Join(dir, "pod.env")}
	if _, err := f.Publish(t.Context(), []byte("old")); err != nil {
		t.Fatal(err)
	}
	g := group(mkdir(t, filepath.Join(dir, "group")), "a", "b")
	mustPublish(t, g, true, "a", "b")
	sandbox.Remount(t, dir, syscall.MS_RDONLY)
	for _, f.InPlace = range []bool{false, true} {
		changed, err := f.Publish(t.Context(), []byte("new"))
		if changed {
			t.Error("changed")
		}
		wantError(t, err, syscall.EROFS, f.Path, "read-only file system; mount a writable volume there")
		if changed, err := f.Publish(t.Context(), []byte("old")); changed || err != nil {
			t.Errorf("Publish what is there: %v, %v", changed, err)
		}
	}
	mustPublish(t, g, false, "a", "b")
	_, err := g.Publish(t.Context(), contents("a", "new"))
	wantError(t, err, syscall.EROFS, "mount a writable volume there")
	wantFile(t, g.Files[1].Path, "b")
	_, err = publish.File{Path: filepath.Join(dir, "sub/pod.env"), MakeDirs: true}.Publish(t.Context(), nil)
	wantError(t, err, syscall.EROFS, "create directory "+dir+"/sub", "mount a writable volume there")
}

// A single file that is bind-mounted, as a subPath volume is, or by docker -v.
func TestMountedFile(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	in, out := volumes(t)
	path := filepath.Join(in, "pod.env")
	write(t, path, "", 0o644)
	sandbox.Bind(t, filepath.Join(out, "victim"), path)
	symlink(t, "pod.env", filepath.Join(in, "link")) // hides the mount point until the rename
	for _, path := range []string{path, filepath.Join(in, "link")} {
		changed, err := publish.File{Path: path}.Publish(t.Context(), []byte("new"))
		if changed {
			t.Error("changed")
		}
		wantError(t, err, publish.ErrMountPoint, path, "mount its directory instead, or set inPlace: true")
		wantList(t, in, "link", "pod.env")
		wantFile(t, path, "untouched")
	}
	if changed, err := (publish.File{Path: path}).Publish(t.Context(), []byte("untouched")); changed || err != nil {
		t.Errorf("Publish what is there: %v, %v", changed, err)
	}
	_, err := group(in, "a", "pod.env").Publish(t.Context(), contents("a", "new"))
	wantError(t, err, publish.ErrMountPoint, path, "mount its directory instead")
	wantList(t, in, "link", "pod.env")

	t.Log("in place, the directory read-only, with a check")
	t.Setenv("TMPDIR", sandbox.Tmpfs(t, filepath.Join(t.TempDir(), "tmp"), ""))
	sandbox.Remount(t, in, syscall.MS_RDONLY)
	f := publish.File{Path: path, InPlace: true, Check: func(_ context.Context, staged string) error {
		wantFile(t, staged, "new and longer")
		if filepath.Dir(staged) != os.TempDir() {
			t.Errorf("staged as %s", staged)
		}
		return nil
	}}
	if changed, err := f.Publish(t.Context(), []byte("new and longer")); !changed || err != nil {
		t.Errorf("Publish: %v, %v", changed, err)
	}
	wantFile(t, filepath.Join(out, "victim"), "new and longer")
	wantList(t, os.TempDir())
	write(t, filepath.Join(os.TempDir(), ".pod.env.abcdefghijklm.podfacts"), "", 0o600)
	if err := f.Clean(); err != nil {
		t.Error(err)
	}
	wantList(t, os.TempDir())
}

// TestUmask shows that who runs podfacts does not decide who can read what it
// writes.
func TestUmask(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	dir := t.TempDir()
	defer syscall.Umask(syscall.Umask(0o077))
	one := publish.File{Path: filepath.Join(dir, "a", "b", "file"), MakeDirs: true}
	if _, err := one.Publish(t.Context(), []byte("1")); err != nil {
		t.Fatal(err)
	}
	several := publish.Group{Files: []publish.File{{Path: filepath.Join(dir, "c", "d", "file"), MakeDirs: true}}}
	if _, err := several.Publish(t.Context(), [][]byte{[]byte("1")}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"a": 0o755, "a/b": 0o755, "a/b/file": 0o644, "c": 0o755, "c/d": 0o755, "c/d/..data": 0o755, "c/d/file": 0o644} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fi.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
}

func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		f := publish.File{Path: filepath.Join(t.TempDir(), "pod.env"), UID: new(0)}
		_, err := f.Publish(t.Context(), []byte("new"))
		wantError(t, err, fs.ErrPermission, "capability CHOWN")
		wantList(t, filepath.Dir(f.Path))
		return
	}
	f := publish.File{Path: filepath.Join(t.TempDir(), "pod.env"), UID: new(1234), GID: new(5678), Mode: 0o440}
	owner := func() (uid, gid int) {
		fi, err := os.Stat(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		stat := fi.Sys().(*syscall.Stat_t)
		return int(stat.Uid), int(stat.Gid)
	}
	for _, f.InPlace = range []bool{false, true} {
		if err := os.WriteFile(f.Path, []byte("new"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(f.Path, 0, 0); err != nil {
			t.Fatal(err)
		}
		for _, want := range []bool{true, false} {
			if changed, err := f.Publish(t.Context(), []byte("new")); changed != want || err != nil {
				t.Errorf("Publish: %v, %v, want %v", changed, err, want)
			}
			if uid, gid := owner(); uid != 1234 || gid != 5678 {
				t.Errorf("owner %d:%d", uid, gid)
			}
			wantMode(t, f.Path, 0o440)
		}
	}
	t.Log("no owner asked for: what is there stays")
	f.UID, f.GID = nil, nil
	if changed, err := f.Publish(t.Context(), []byte("new")); changed || err != nil {
		t.Errorf("Publish: %v, %v", changed, err)
	}
}

// Without the right to write to the directory.
func TestPermission(t *testing.T) {
	dir := t.TempDir()
	f := publish.File{Path: filepath.Join(dir, "pod.env")}
	g := group(mkdir(t, filepath.Join(dir, "group")), "a", "b")
	write(t, f.Path, "old", 0o600)
	asNobody(t, func() {
		for _, err := range []error{
			errOf(f.Publish(t.Context(), []byte("new"))),
			errOf(g.Publish(t.Context(), contents("a", "b"))),
		} {
			wantError(t, err, fs.ErrPermission, dir, "permission denied; the process runs as uid ", "set fsGroup")
		}
	}, dir, filepath.Dir(g.Files[0].Path))
	wantFile(t, f.Path, "old")
	wantList(t, dir, "group", "pod.env")
}

func errOf(_ bool, err error) error { return err }

// asNobody runs fn without the right to write to the directories. The kernel
// judges root by the thread's fsuid.
func asNobody(t *testing.T, fn func(), dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Error(err)
			}
		})
	}
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := syscall.Setfsuid(0); err != nil {
				t.Error(err)
			}
		}()
	}
	fn()
}

// A link in the root file system may lead anywhere, one in the volume may not
// lead out.
func TestVolumeBehindLink(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	in, out := volumes(t)
	link := filepath.Join(t.TempDir(), "run")
	symlink(t, in, link) // absolute, in the root file system: as /var/run is
	f := publish.File{Path: filepath.Join(link, "sub/pod.env"), MakeDirs: true}
	if changed, err := f.Publish(t.Context(), []byte("new")); !changed || err != nil {
		t.Fatalf("Publish: %v, %v", changed, err)
	}
	wantFile(t, filepath.Join(in, "sub/pod.env"), "new")

	symlink(t, out, filepath.Join(in, "planted")) // the same, in the volume
	f.Path = filepath.Join(link, "planted/victim")
	_, err := f.Publish(t.Context(), []byte("new"))
	wantError(t, err, publish.ErrLink, f.Path, "leads out of the volume "+in)
	wantFile(t, filepath.Join(out, "victim"), "untouched")
	if errors.Is(err, fs.ErrNotExist) {
		t.Error("a planted link counts as a missing file")
	}
}
