package publish_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/publish"
)

func TestTouch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := publish.File{Path: filepath.Join(dir, "reload"), Mode: 0o604}
	touch := func(f publish.File) {
		t.Helper()
		before := time.Now().Add(-time.Second) // file systems are coarse
		if err := f.Touch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Stat(f.Path); err != nil || fi.ModTime().Before(before) {
			t.Errorf("%v, %v", fi.ModTime(), err)
		}
	}
	touch(f)
	if fi, err := os.Stat(f.Path); err != nil || fi.Size() != 0 || runtime.GOOS != "windows" && fi.Mode() != 0o604 {
		t.Errorf("created %v, %v", fi, err)
	}

	if err := os.WriteFile(f.Path, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(f.Path, old, old); err != nil {
		t.Fatal(err)
	}
	touch(f)
	if text, err := os.ReadFile(f.Path); err != nil || string(text) != "kept" {
		t.Errorf("%q, %v", text, err)
	}

	f.Path = filepath.Join(dir, "sub", "reload")
	if err := f.Touch(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its directory: %v", err)
	}
	f.MakeDirs = true
	touch(f)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Touch(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTouchRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]error{
		dir:       publish.ErrNotRegular,
		dir + "/": publish.ErrNotRegular,
		"":        nil,
	} {
		if err := (publish.File{Path: path}).Touch(t.Context()); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	f := publish.File{Path: filepath.Join(t.TempDir(), "a")}
	if _, err := f.Read(10); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := os.WriteFile(f.Path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := f.Read(10); string(data) != "0123456789" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if data, err := f.Read(9); err == nil || data != nil {
		t.Errorf("%q, %v", data, err)
	}
}
