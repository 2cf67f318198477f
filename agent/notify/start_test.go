package notify_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/podfacts/podfacts/agent/notify"
)

// initialize is an init container that publishes something and shares its hooks
// with the sidecar after it.
func initialize(t *testing.T, store notify.Store, hooks []notify.Hook, p notify.Publication) {
	t.Helper()
	n := &notify.Notifier{Hooks: hooks, Store: store, SpareExits: true}
	if err := n.Once(t.Context(), p); err != nil {
		t.Error(err)
	}
}

// An exit of an init container does not happen, and counts as told: the sidecar
// exits for what has changed since, which the application does not know. Where the
// two never agree, that comes to nothing, and ends.
func TestExitAtStart(t *testing.T) {
	t.Parallel()
	type container struct {
		before   byte   // what the init container writes
		contents []byte // of the sidecar
		want     int    // its exit code
	}
	for _, test := range []struct {
		name  string
		lives []container
	}{
		{"nothing has changed", []container{{1, []byte{1}, -1}, {1, []byte{1}, -1}}},
		{"it has changed in between", []container{{1, []byte{2}, 88}, {2, []byte{2}, -1}}},
		{"they never agree", []container{{1, []byte{2}, 88}, {1, []byte{2}, -1}, {1, []byte{2}, -1}}},
		{"they never agree, and there are changes", []container{{1, []byte{2}, 88}, {1, []byte{2, 3}, 88}, {1, []byte{3}, 88}, {1, []byte{3}, -1}, {1, []byte{3}, -1}}},
		{"they agree once, and then it happens again", []container{{1, []byte{2}, 88}, {2, []byte{2}, -1}, {1, []byte{1}, -1}, {1, []byte{2}, 88}, {2, []byte{2}, -1}}},
		{"back and forth", []container{{1, []byte{2}, 88}, {2, []byte{1}, 88}, {1, []byte{1}, -1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, hooks := &memory{}, []notify.Hook{exit(88, true)}
				for i, c := range test.lives {
					initialize(t, store, hooks, state("/a", c.before))
					if got := life(t, store, hooks, c.contents...); got != c.want {
						t.Errorf("sidecar %d, of contents %v, exits with %d, want %d", i, c.contents, got, c.want)
					}
				}
			})
		})
	}
}

// Outputs that come one after the other do not let an exit come back for ever, nor
// keep what is new from leading to one.
func TestExitAtStartOfSeveralOutputs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, h := &memory{}, exit(88, true)
		h.On = []string{"/a", "/b"}
		start := func(a, b byte) (exits int) {
			initialize(t, store, []notify.Hook{h}, notify.Publication{Digests: map[string]notify.Digest{"/a": {1}, "/b": {1}}})
			n := &notify.Notifier{Hooks: []notify.Hook{h}, Store: store}
			for _, p := range []notify.Publication{state("/a", a), state("/b", b)} {
				if n.Once(t.Context(), p) != nil {
					return 1
				}
			}
			return 0
		}
		var got []int
		for range 5 {
			got = append(got, start(2, 2))
		}
		if want := []int{1, 1, 0, 0, 0}; !slices.Equal(got, want) {
			t.Errorf("exits %v, want %v", got, want)
		}
		if start(2, 3) != 1 || start(2, 3) != 0 {
			t.Error("a new difference leads to no exit, or to more than one")
		}
	})
}

// Who ends says what for. It is no failure.
func TestExitSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logged
		n := &notify.Notifier{Hooks: []notify.Hook{exit(88, false)}, Log: log.logger(), Store: &memory{}}
		n.Published(state("/a", 1, "pod.labels['role']"))
		if err := n.Run(t.Context()); err == nil {
			t.Error("does not exit")
		}
		want := []string{`level=INFO msg="hook ends the process" outputs=[/a] changed=[pod.labels['role']]` + "\n"}
		if got := log.lines(); !slices.Equal(got, want) {
			t.Errorf("logged %q, want %q", got, want)
		}
		log = logged{}
		initialize(t, &memory{}, n.Hooks, state("/a", 1))
		if got := log.lines(); len(got) > 0 {
			t.Errorf("an init container logs %q", got)
		}
	})
}

// That an exit would come to nothing is said.
func TestExitAtStartSaysThatItIsNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logged
		store, hooks := &memory{}, []notify.Hook{exit(88, true)}
		for range 2 {
			initialize(t, store, hooks, state("/a", 1))
			n := &notify.Notifier{Hooks: hooks, Store: store, Log: log.logger()}
			_ = n.Try(t.Context(), state("/a", 2))
		}
		if all := strings.Join(log.lines(), ""); strings.Count(all, "level=WARN") != 1 || !strings.Contains(all, "not done again") || strings.Contains(all, "succeeded") {
			t.Errorf("logged %s", all)
		}
	})
}
