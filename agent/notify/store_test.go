package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

// once is a process that publishes one state, waits for its hooks, and ends. It
// says how often the hook was run.
func once(t *testing.T, n *notify.Notifier, h notify.Hook, p notify.Publication) (runs int) {
	t.Helper()
	do := h.Action.Do
	h.Action = action{h.Action.String(), func(ctx context.Context, e notify.Event) error {
		runs++
		return do(ctx, e)
	}}
	n.Hooks = []notify.Hook{h}
	if err := n.Once(t.Context(), p); err != nil {
		t.Error(err)
	}
	return runs
}

func nothing(on ...string) notify.Hook {
	return notify.Hook{On: on, Action: action{"nothing", func(context.Context, notify.Event) error { return nil }}}
}

func TestRemembered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	both := func(x, y byte) notify.Publication {
		return notify.Publication{Digests: map[string]notify.Digest{a: {x}, b: {y}}}
	}
	steps := []struct {
		name string
		hook notify.Hook
		p    notify.Publication
		want int
	}{
		{"first", nothing(a, b), both(1, 1), 1},
		{"the same", nothing(a, b), both(1, 1), 0},
		{"another order", nothing(b, a), both(1, 1), 0},
		{"one differs", nothing(a, b), both(1, 2), 1},
		{"one is not known", nothing(a, b), state(a, 1), 0},
		{"then it is", nothing(a, b), both(1, 2), 0},
		{"another hook", nothing(a), both(1, 2), 1},
		{"of which the first knows nothing", nothing(a, b), both(1, 2), 0},
	}
	for _, step := range steps {
		if got := once(t, &notify.Notifier{Store: notify.Disk{}}, step.hook, step.p); got != step.want {
			t.Errorf("%s: run %d times, want %d", step.name, got, step.want)
		}
	}
	ledgers, err := filepath.Glob(filepath.Join(dir, ".podfacts-notified-*"))
	if err != nil || len(ledgers) != 2 {
		t.Fatalf("%q, %v", ledgers, err)
	}
	for _, path := range ledgers {
		if fi, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && fi.Mode() != 0o600 {
			t.Errorf("%v, %v", fi.Mode(), err)
		}
	}
}

// Who removes what was published may remove what is remembered. It is written
// down again, so that a restart does not take what is new then for the first.
func TestRestored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a")
		hook := nothing(path)
		hook.SkipFirst = true
		n := &notify.Notifier{Store: notify.Disk{}, Hooks: []notify.Hook{hook}}
		stop := running(t, n)
		n.Published(state(path, 1))
		synctest.Wait()
		ledgers, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".podfacts-notified-*"))
		if err != nil || len(ledgers) != 1 {
			t.Fatalf("%q, %v", ledgers, err)
		}
		if err := os.Remove(ledgers[0]); err != nil {
			t.Fatal(err)
		}
		n.Restored()
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got := once(t, &notify.Notifier{Store: notify.Disk{}}, hook, state(path, 2)); got != 1 {
			t.Errorf("run %d times after a restart, want once", got)
		}
	})
}

func TestSkipFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		h := nothing("/a", "/b")
		h.SkipFirst = true
		steps := []struct {
			name string
			p    notify.Publication
			want int
		}{
			{"the first is not for it", state("/a", 1), 0},
			{"after a restart it is the same", state("/a", 1), 0},
			{"the second is", state("/a", 2), 1},
			{"another output's first is not", state("/b", 1), 0},
			{"its second is", state("/b", 2), 1},
		}
		for _, step := range steps {
			if got := once(t, &notify.Notifier{Store: store}, h, step.p); got != step.want {
				t.Errorf("%s: run %d times, want %d", step.name, got, step.want)
			}
		}
	})
}

// An application that has read the first version must hear of the second, even
// when that comes before anybody has looked at the first.
func TestSkipFirstSkipsNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "r"}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a", "/b"}, Action: r, SkipFirst: true}}}
		n.Published(notify.Publication{Digests: map[string]notify.Digest{"/a": {1}, "/b": {1}}})
		n.Published(state("/a", 2))
		stop := running(t, n)
		if told := r.told(); len(told) != 1 || len(told[0].Outputs) != 1 || told[0].Outputs[0] != "/a" {
			t.Errorf("told %v, want /a once", told)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// What cannot be read is not taken for the first time.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	write := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	tests := []struct {
		name  string
		plant func(path string) error
		want  string // of the log
	}{
		{"empty", write(""), "unexpected end of JSON input"},
		{"cut", write(`{"version":1,"told":{"`), "unexpected end of JSON input"},
		{"from the future", write(`{"version":2,"told":{}}`), "version 2, want 1"},
		{"huge", func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
		}, "larger than it can be"},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }, "is a directory"},
		{"a link that leads out", func(path string) error { return os.Symlink("/dev/zero", path) }, "is a link to the absolute path /dev/zero"},
		{"a link to itself", func(path string) error { return os.Symlink(filepath.Base(path), path) }, "links"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			output := filepath.Join(dir, "a")
			h := nothing(output)
			h.SkipFirst = true
			once(t, &notify.Notifier{Store: notify.Disk{}}, h, state(output, 1))
			ledgers, _ := filepath.Glob(filepath.Join(dir, ".podfacts-notified-*"))
			if len(ledgers) != 1 {
				t.Fatalf("%q", ledgers)
			}
			if err := errors.Join(os.Remove(ledgers[0]), test.plant(ledgers[0])); err != nil {
				t.Fatal(err)
			}
			var log logged
			if got := once(t, &notify.Notifier{Store: notify.Disk{}, Log: log.logger()}, h, state(output, 1)); got != 1 {
				t.Errorf("run %d times", got)
			}
			lines := log.lines()
			if len(lines) == 0 || !strings.HasPrefix(lines[0], `level=WARN msg="cannot read what the hook was told"`) || !strings.Contains(lines[0], test.want) {
				t.Errorf("logged %q, want a warning that says %q", lines, test.want)
			}
			if fi, err := os.Lstat(ledgers[0]); err != nil || !fi.Mode().IsRegular() {
				return // it cannot be replaced either
			}
			if got := once(t, &notify.Notifier{Store: notify.Disk{}}, h, state(output, 1)); got != 0 {
				t.Errorf("not written anew: run %d times once more", got)
			}
		})
	}
}

// Without a place to write, hooks run, and that nothing is remembered is said
// once.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logged
		store := &memory{}
		store.fail(nil, &fs.PathError{Op: "open", Path: "x", Err: syscall.EROFS})
		r := &recorder{name: "r"}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: r}}, Store: store, Log: log.logger()}
		stop := running(t, n)
		for i := range byte(5) {
			n.Published(state("/a", i))
			time.Sleep(time.Second)
		}
		if got := len(r.told()); got != 5 {
			t.Errorf("run %d times", got)
		}
		if lines := strings.Join(log.lines(), ""); strings.Count(lines, "level=WARN") != 1 ||
			!strings.Contains(lines, `msg="cannot remember what the hook was told; a restart may tell it again"`) {
			t.Errorf("logged %s", lines)
		}

		// Once there is room again, what was told is written though nothing new
		// happens, so that the next process knows.
		store.fail(nil, nil)
		time.Sleep(2 * time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got := once(t, &notify.Notifier{Store: store}, notify.Hook{On: []string{"/a"}, Action: r}, state("/a", 4)); got != 0 {
			t.Errorf("told again after a restart, %d times", got)
		}
	})
}

// The same on a disk: the directory is not there.
func TestNoDirectory(t *testing.T) {
	t.Parallel()
	var log logged
	output := filepath.Join(t.TempDir(), "missing", "a")
	if got := once(t, &notify.Notifier{Store: notify.Disk{}, Log: log.logger()}, nothing(output), state(output, 1)); got != 1 {
		t.Errorf("run %d times", got)
	}
	if lines := fmt.Sprint(log.lines()); !strings.Contains(lines, "does not exist") {
		t.Errorf("logged %s", lines)
	}
}

// A quiet hook writes nothing: neither at a start that finds all as it was, nor
// at publications that do not concern it.
func TestSaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := &recorder{name: "r"}
		h := notify.Hook{On: []string{"/a"}, Action: r}
		once(t, &notify.Notifier{Store: store}, h, state("/b", 1))
		if len(store.files) != 0 {
			t.Errorf("%d files of a hook that was told nothing", len(store.files))
		}
		once(t, &notify.Notifier{Store: store}, h, state("/a", 1))
		before := store.saves
		once(t, &notify.Notifier{Store: store}, h, state("/a", 1))
		once(t, &notify.Notifier{Store: store}, h, state("/b", 1))
		if store.saves != before {
			t.Errorf("%d saves of nothing new", store.saves-before)
		}
		r.become(0, errors.New("refused"))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		n := &notify.Notifier{Store: store, Hooks: []notify.Hook{h}}
		wantError(t, n.Once(ctx, state("/a", 2)), "refused")
		if got := store.saves - before; got != 1 {
			t.Errorf("%d saves for %d failures in a row, want one", got, len(r.told()))
		}
		for path, data := range store.files {
			if !bytes.Contains(data, []byte(`"/a":""`)) {
				t.Errorf("%s holds %s", path, data)
			}
		}
	})
}
