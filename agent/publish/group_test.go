//go:build unix

package publish_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/publish"
)

// group makes a group of files in dir.
func group(dir string, names ...string) publish.Group {
	var g publish.Group
	for _, name := range names {
		g.Files = append(g.Files, publish.File{Path: filepath.Join(dir, name)})
	}
	return g
}

// contents are one string for each file of a group.
func contents(texts ...string) [][]byte {
	var data [][]byte
	for _, text := range texts {
		data = append(data, []byte(text))
	}
	return data
}

func mustPublish(t testing.TB, g publish.Group, changed bool, texts ...string) {
	t.Helper()
	got, err := g.Publish(t.Context(), contents(texts...))
	if err != nil || got != changed {
		t.Fatalf("Publish: %v, %v, want %v", got, err, changed)
	}
	for i, f := range g.Files {
		wantFile(t, f.Path, texts[i])
	}
}

func current(t testing.TB, dir string) string {
	t.Helper()
	link, err := os.Readlink(filepath.Join(dir, "..data"))
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func TestGroupPublish(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "other"), "other", 0o644)
	g := group(dir, "tls.crt", "tls.key")
	g.Files[1].Mode = 0o600

	mustPublish(t, g, true, "crt 1", "key 1")
	wantList(t, dir, "..2", "..data", "other", "tls.crt", "tls.key")
	wantMode(t, filepath.Join(dir, "tls.crt"), 0o644)
	wantMode(t, filepath.Join(dir, "tls.key"), 0o600)
	wantMode(t, filepath.Join(dir, "..data/"), fs.ModeDir|0o755)
	first := current(t, dir)

	mustPublish(t, g, false, "crt 1", "key 1")
	if current(t, dir) != first {
		t.Error("publishing the same swapped the directory")
	}
	mustPublish(t, g, true, "crt 1", "key 2")
	if current(t, dir) == first {
		t.Error("publishing a change did not swap the directory")
	}
	g.Files[1].Mode = 0o640
	mustPublish(t, g, true, "crt 1", "key 2")
	wantMode(t, filepath.Join(dir, "tls.key"), 0o640)
	wantList(t, dir, "..2", "..data", "other", "tls.crt", "tls.key")

	t.Log("a name joins and another leaves")
	g = group(dir, "tls.crt", "ca.crt")
	mustPublish(t, g, true, "crt 3", "ca 3")
	wantList(t, dir, "..2", "..data", "ca.crt", "other", "tls.crt")

	t.Log("what others damaged is repaired")
	for _, damage := range []func() error{
		func() error { return os.Remove(filepath.Join(dir, "ca.crt")) },
		func() error { return os.Remove(filepath.Join(dir, "..data")) },
		func() error { return os.RemoveAll(filepath.Join(dir, current(t, dir))) },
		func() error { return os.Chmod(filepath.Join(dir, "ca.crt"), 0o666) },
		func() error { return os.WriteFile(filepath.Join(dir, "..data/extra"), nil, 0o600) },
		func() error { return os.Symlink("nowhere", filepath.Join(dir, "..data_tmp")) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		_, tmp := os.Lstat(filepath.Join(dir, "..data_tmp"))
		mustPublish(t, g, tmp != nil, "crt 3", "ca 3") // a stray ..data_tmp is no change
		if err := g.Clean(); err != nil {
			t.Fatal(err)
		}
		wantList(t, dir, "..2", "..data", "ca.crt", "other", "tls.crt")
		mustPublish(t, g, false, "crt 3", "ca 3")
	}
}

// Plain files from a time before the group become links, and no reader sees
// anything but the old set or the new one.
func TestGroupAdoptsPlainFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "old a", 0o600)
	write(t, filepath.Join(dir, "b"), "old b", 0o640)
	g := group(dir, "a", "b", "c")
	g.Files[0].Check = func(context.Context, string) error { return errors.New("no") }
	before := tree(t, dir)
	if changed, err := g.Publish(t.Context(), contents("new a", "new b", "new c")); changed || err == nil {
		t.Errorf("Publish: %v, %v", changed, err)
	}
	if after := tree(t, dir); after != before {
		t.Errorf("a failed check left\n%s\nof\n%s", after, before)
	}
	g.Files[0].Check = nil
	mustPublish(t, g, true, "new a", "new b", "new c")
	wantList(t, dir, "..2", "..data", "a", "b", "c")

	t.Log("one link replaced by a file")
	if err := os.Remove(filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "b"), "edited b", 0o640)
	mustPublish(t, g, true, "new a", "new b", "new c")
	wantList(t, dir, "..2", "..data", "a", "b", "c")
	for _, name := range []string{"a", "b", "c"} {
		if link, err := os.Readlink(filepath.Join(dir, name)); link != "..data/"+name {
			t.Errorf("%s is a link to %q (%v)", name, link, err)
		}
	}
}

func TestGroupCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := group(dir, "a", "b")
	mustPublish(t, g, true, "a 1", "b 1")
	answer := errors.New("b is bad")
	ctx, cancel := context.WithCancel(t.Context())
	g.Files[1].Check = func(_ context.Context, staged string) error {
		wantFile(t, staged, "b 2")
		wantFile(t, filepath.Join(filepath.Dir(staged), "a"), "a 2") // it may include its neighbour
		wantFile(t, filepath.Join(dir, "b"), "b 1")
		if answer == nil {
			cancel()
		}
		return answer
	}
	before := tree(t, dir)
	changed, err := g.Publish(t.Context(), contents("a 2", "b 2"))
	if changed {
		t.Error("changed in spite of the check")
	}
	wantError(t, err, publish.ErrCheck, filepath.Join(dir, "b"), "b is bad")

	answer = nil
	for range 2 {
		if changed, err = g.Publish(ctx, contents("a 2", "b 2")); changed {
			t.Error("changed after cancel")
		}
		wantError(t, err, context.Canceled, dir)
	}
	if after := tree(t, dir); after != before {
		t.Errorf("the directory was\n%s\nand is\n%s", before, after)
	}
	mustPublish(t, g, true, "a 2", "b 2")
}

func TestGroupRefuses(t *testing.T) {
	t.Parallel()
	in := func(names ...string) func(string) publish.Group {
		return func(dir string) publish.Group { return group(dir, names...) }
	}
	tests := []struct {
		name   string
		group  func(dir string) publish.Group
		before func(t *testing.T, dir string)
		target error
		text   string
	}{
		{"no files", in(), nil, nil, "no files"},
		{"two directories", in("a", "sub/b"), nil, nil, "not in "},
		{"twice", in("a", "a"), nil, nil, "twice"},
		{"reserved name", in("a", "..data"), nil, nil, "cannot be ..data"},
		{"in place", func(dir string) publish.Group {
			g := group(dir, "a")
			g.Files[0].InPlace = true
			return g
		}, nil, nil, "in place"},
		{"missing directory", in("x/a", "x/b"), nil, fs.ErrNotExist, "mount an emptyDir there"},
		{"directory in the way", in("a", "b"), func(t *testing.T, dir string) { mkdir(t, dir+"/b") }, publish.ErrNotRegular, "b: is a directory"},
		{"link to elsewhere", in("a", "b"), func(t *testing.T, dir string) { symlink(t, "a", dir+"/b") }, publish.ErrLink, "remove the link"},
		{"absolute link", in("a", "b"), func(t *testing.T, dir string) { symlink(t, "/etc/hostname", dir+"/b") }, publish.ErrLink, "remove the link"},
		{"..data is a directory", in("a", "b"), func(t *testing.T, dir string) { mkdir(t, dir+"/..data") }, publish.ErrLink, "..data is not a link"},
		{"..data leads elsewhere", in("a", "b"), func(t *testing.T, dir string) { symlink(t, "/etc", dir+"/..data") }, publish.ErrLink, "..data is a link to /etc"},
		{"..data leads up", in("a", "b"), func(t *testing.T, dir string) { symlink(t, "..2026_01_02_03_04_05.6/../..", dir+"/..data") }, publish.ErrLink, "..data is a link to"},
		{"set is a link", in("a", "b"), func(t *testing.T, dir string) {
			symlink(t, "..2026_01_02_03_04_05.6", dir+"/..data")
			symlink(t, "/etc", dir+"/..2026_01_02_03_04_05.6")
		}, publish.ErrLink, "which is no directory"},
		{"..data_tmp is a directory", in("a", "b"), func(t *testing.T, dir string) { mkdir(t, dir+"/..data_tmp/x") }, nil, "cannot replace"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if test.before != nil {
				test.before(t, dir)
			}
			before := tree(t, dir)
			g := test.group(dir)
			changed, err := g.Publish(t.Context(), make([][]byte, len(g.Files)))
			if changed {
				t.Error("changed")
			}
			wantError(t, err, test.target, test.text)
			if after := tree(t, dir); after != before {
				t.Errorf("the directory was\n%s\nand is\n%s", before, after)
			}
		})
	}
	dir := t.TempDir()
	_, err := group(dir, "a", "b").Publish(t.Context(), contents("a"))
	wantError(t, err, nil, "1 contents for 2 files")
}

func TestGroupClean(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := group(dir, "a", "b")
	mustPublish(t, g, true, "a", "b")
	const random = ".abcdefghijklm.podfacts"
	mkdir(t, dir+"/..2026_01_02_03_04_05.678/sub")
	mkdir(t, dir+"/..2026_01_02_not_a_set")
	symlink(t, "..2026_01_02_03_04_05.678", dir+"/..data_tmp")
	symlink(t, "..data/gone", dir+"/gone")
	symlink(t, "..data/other", dir+"/mine") // not of a group
	symlink(t, "..data/a", dir+"/.a"+random)
	write(t, dir+"/.b"+random, "", 0o600)
	write(t, dir+"/.c"+random, "", 0o600)
	if err := g.Clean(); err != nil {
		t.Error(err)
	}
	wantList(t, dir, "..2", "..2", "..data", ".c.*.podfacts", "a", "b", "mine")
	wantFile(t, dir+"/a", "a")
	if err := group(dir+"/missing", "a").Clean(); err != nil {
		t.Errorf("a missing directory is not clean: %v", err)
	}

	t.Log("a first publication that was killed before the swap")
	dir = t.TempDir()
	mkdir(t, dir+"/..2026_01_02_03_04_05.678")
	symlink(t, "..data/a", dir+"/a")
	if err := group(dir, "a", "b").Clean(); err != nil {
		t.Error(err)
	}
	wantList(t, dir)
}

func TestGroupMakeDirsAndLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := group(filepath.Join(dir, "x/y"), "a", "b")
	g.Files[1].MakeDirs = true
	mustPublish(t, g, true, "a", "b")
	symlink(t, "x/y", filepath.Join(dir, "z"))
	mustPublish(t, group(filepath.Join(dir, "z"), "a", "b"), false, "a", "b")
}

// Two groups that take turns in one directory do not tear each other's set.
func TestGroupLock(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	done := make(chan error)
	const writers, rounds = 3, 100
	for range writers {
		go func() {
			var err error
			for n := range rounds {
				text := string(payload(n))
				if _, e := group(dir, "a", "b").Publish(t.Context(), contents(text, text)); e != nil {
					err = e
				}
			}
			done <- err
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	wantList(t, dir, "..2", "..data", "a", "b")
	a, _ := os.ReadFile(filepath.Join(dir, "a"))
	if n, err := version(a); err != nil || n != rounds-1 {
		t.Errorf("version %d, %v", n, err)
	}
}

// Whoever holds the directory's lock for ever does not hold us for ever.
func TestGroupLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if err := syscall.Flock(int(holder.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // where time goes on only while it is waited for
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := group(dir, "a").Publish(ctx, contents("a"))
		wantError(t, err, context.DeadlineExceeded, "lock directory "+dir)
	})
	wantList(t, dir)
}

func TestGroupNameOfSet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustPublish(t, group(dir, "a"), true, "a")
	name := current(t, dir)
	_, random, _ := strings.Cut(strings.TrimPrefix(name, ".."), ".")
	if _, err := strconv.ParseUint(random, 10, 32); err != nil || strings.Count(name, "_") != 5 {
		t.Errorf("the set is called %s, which is not how the kubelet calls one", name)
	}
}
