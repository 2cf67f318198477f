package publish_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/test/sandbox"
)

// What others plant in the volume leads neither out of it nor into a wait.
func TestTouchAndReadAreConfined(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	in, out := volumes(t)
	victim := filepath.Join(out, "victim")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(victim, old, old); err != nil {
		t.Fatal(err)
	}
	symlink(t, victim, filepath.Join(in, "absolute"))
	symlink(t, "../out/victim", filepath.Join(in, "relative"))
	symlink(t, "../out/new", filepath.Join(in, "new"))
	symlink(t, "../out", filepath.Join(in, "dir"))
	for _, name := range []string{"absolute", "relative", "new", "dir/victim", "dir/new"} {
		f := publish.File{Path: filepath.Join(in, name)}
		wantError(t, f.Touch(t.Context()), publish.ErrLink)
		_, err := f.Read(100)
		wantError(t, err, publish.ErrLink)
	}
	wantList(t, out, "victim")
	if fi, err := os.Stat(victim); err != nil || time.Since(fi.ModTime()) < time.Minute {
		t.Errorf("touched outside: %v", err)
	}

	fifo := publish.File{Path: filepath.Join(in, "fifo")}
	if err := syscall.Mkfifo(fifo.Path, 0o666); err != nil {
		t.Fatal(err)
	}
	wantError(t, fifo.Touch(t.Context()), publish.ErrNotRegular)
	_, err := fifo.Read(100)
	wantError(t, err, publish.ErrNotRegular)

	inside := publish.File{Path: filepath.Join(in, "inside")}
	symlink(t, "real", inside.Path)
	if err := inside.Touch(t.Context()); err != nil {
		t.Error(err)
	}
	wantFile(t, filepath.Join(in, "real"), "")
	sandbox.Remount(t, in, syscall.MS_RDONLY)
	wantError(t, inside.Touch(t.Context()), syscall.EROFS, "open the file to touch", "mount a writable volume")
}
