package notify_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/podfacts/podfacts/agent/notify"
)

// What a hook was told that is one no more is forgotten, and nothing else in the
// directory.
func TestForget(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, others := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "others")
	hook := func(name string, on ...string) notify.Hook {
		return notify.Hook{On: on, Action: action{name, func(context.Context, notify.Event) error { return nil }}}
	}
	tell := func(stateDir string, hooks ...notify.Hook) {
		t.Helper()
		p := notify.Publication{Digests: map[string]notify.Digest{a: {1}, b: {1}, others: {1}}}
		if err := (&notify.Notifier{Hooks: hooks, Store: notify.Disk{}, Dir: stateDir}).Once(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	ledgers := func(dir string) (all []string) {
		t.Helper()
		all, err := filepath.Glob(filepath.Join(dir, ".podfacts-notified-*"))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	run := func(stateDir string, outputs []string, hooks ...notify.Hook) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := (&notify.Notifier{Hooks: hooks, Store: notify.Disk{}, Dir: stateDir, Outputs: outputs}).Run(ctx); err != nil {
			t.Error(err)
		}
	}

	stays := hook("stays", a, b)
	tell("", stays, hook("with others", a, others), hook("theirs", others))
	want := ledgers(dir)
	for _, name := range []string{".podfacts-notified-x", ".podfacts-notified", "podfacts-notified-x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Base(want[0]), filepath.Join(dir, ".podfacts-notified-link")); err != nil {
		t.Fatal(err)
	}
	want = ledgers(dir)
	tell("", hook("went", a), hook("went, too", b, a))
	if len(ledgers(dir)) != len(want)+2 {
		t.Fatalf("%q", ledgers(dir))
	}
	run("", nil, stays)
	if len(ledgers(dir)) != len(want)+2 {
		t.Errorf("who publishes nothing forgets: %q", ledgers(dir))
	}
	run("", []string{a, b}, stays)
	if got := ledgers(dir); !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}

	// In a directory of their own it is the same, and what was beside the outputs
	// before goes.
	elsewhere := t.TempDir()
	tell(elsewhere, stays, hook("went", a), hook("theirs", others))
	run(elsewhere, []string{a, b}, stays)
	if got := len(ledgers(elsewhere)); got != 2 {
		t.Errorf("%d are left, want 2", got)
	}
	if got := ledgers(dir); len(got) != len(want)-1 {
		t.Errorf("left beside the outputs are %q", got)
	}
}
