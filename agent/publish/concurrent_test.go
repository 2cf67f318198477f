//go:build unix

package publish_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/podfacts/podfacts/agent/publish"
)

func rounds() int {
	if slow || testing.Short() {
		return 1000
	}
	return 5000
}

// read calls fn in several goroutines until the returned function is called,
// which says how often fn succeeded.
func read(t *testing.T, fn func() error) (stop func() int64) {
	var done atomic.Bool
	var reads atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !done.Load() && !t.Failed() {
				if err := fn(); err != nil {
					t.Error(err)
				}
				reads.Add(1)
			}
		})
	}
	return func() int64 {
		done.Store(true)
		wg.Wait()
		return reads.Load()
	}
}

// Every read sees one whole version, and never no file.
func TestReaders(t *testing.T) {
	t.Parallel()
	f := publish.File{Path: filepath.Join(memory(t), "pod.env")}
	if _, err := f.Publish(t.Context(), payload(0)); err != nil {
		t.Fatal(err)
	}
	stop := read(t, func() error {
		data, err := os.ReadFile(f.Path)
		if err == nil {
			_, err = version(data)
		}
		return err
	})
	for n := range rounds() {
		if _, err := f.Publish(t.Context(), payload(n)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d reads", stop())
}

// A reader that opens ..data once reads one version of all files. It may find
// the set removed under its hands; then it starts again.
func TestGroupReaders(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	names := []string{"a", "b", "c"}
	g := group(dir, names...)
	var whole atomic.Int64
	put := func(n int) {
		data := payload(n)
		if _, err := g.Publish(t.Context(), [][]byte{data, data, data}); err != nil {
			t.Fatal(err)
		}
	}
	put(0)
	stop := read(t, func() error {
		set, err := os.OpenRoot(filepath.Join(dir, "..data"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer set.Close()
		var first int
		for i, name := range names {
			data, err := set.ReadFile(name)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			n, err := version(data)
			if err != nil {
				return err
			}
			if i == 0 {
				first = n
			}
			if n != first {
				return errors.New("two versions in one set")
			}
		}
		whole.Add(1)
		return nil
	})
	for n := range rounds() / 5 {
		put(n)
	}
	reads := stop()
	if whole.Load() == 0 {
		t.Error("no reader saw a whole set")
	}
	t.Logf("%d of %d reads saw a whole set", whole.Load(), reads)
}

// Two processes that publish to one path do not tear it, and do not remove each
// other's temporaries.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"file", "group"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := memory(t)
			if err := publishVersion(kind, dir, 0); err != nil {
				t.Fatal(err)
			}
			other := exec.Command(self)
			other.Env = append(os.Environ(), childVariable+"="+kind+":"+dir)
			other.Stderr = os.Stderr
			if err := other.Start(); err != nil {
				t.Fatal(err)
			}
			for n := range rounds() / 5 {
				if err := publishVersion(kind, dir, n); err != nil {
					t.Error(err)
					break
				}
				if n%10 == 0 {
					clean := publish.File{Path: filepath.Join(dir, "a")}.Clean
					if kind == "group" {
						clean = group(dir, "a", "b").Clean
					}
					if err := clean(); err != nil {
						t.Error(err)
						break
					}
				}
				data, err := os.ReadFile(filepath.Join(dir, "a"))
				if err == nil {
					_, err = version(data)
				}
				if err != nil && (kind == "file" || !errors.Is(err, fs.ErrNotExist)) {
					t.Error(err)
					break
				}
			}
			if err := other.Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = other.Wait() // it was killed
			if other.ProcessState.Exited() {
				t.Error("the other process failed")
			}
		})
	}
}
