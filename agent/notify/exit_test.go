package notify_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

// life is one process: it publishes contents of /a, one a minute, and ends with
// an exit code, or with -1 where nobody asks it to exit.
func life(t *testing.T, store notify.Store, hooks []notify.Hook, contents ...byte) int {
	t.Helper()
	n := &notify.Notifier{Hooks: hooks, Store: store}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for _, c := range contents {
			n.Published(state("/a", c))
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
			}
		}
		cancel()
	}()
	err := n.Run(ctx)
	if exit, ok := err.(*notify.ExitError); ok { //nolint:errorlint // Run says that it returns just that
		return exit.Code
	}
	if err != nil {
		t.Error(err)
	}
	return -1
}

func exit(code int, skipFirst bool) notify.Hook {
	return notify.Hook{On: []string{"/a"}, Action: notify.Exit{Code: code}, SkipFirst: skipFirst}
}

// A restarted process does not exit again, whatever becomes of the store.
func TestExit(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	tests := []struct {
		name    string
		hook    notify.Hook
		prepare func(*memory)
		lives   [][]byte
		want    []int
	}{
		{"at a change", exit(88, true), nil, [][]byte{{1}, {1, 1}, {1, 2}, {2}, {3}, {3, 3}}, []int{-1, -1, 88, -1, 88, -1}},
		{"there and back", exit(88, true), nil, [][]byte{{1, 2}, {1}, {1}}, []int{88, 88, -1}},
		{"at first, too", exit(3, false), nil, [][]byte{{1}, {1}, {2}, {2}}, []int{3, -1, 3, -1}},
		{"code 0", exit(0, true), nil, [][]byte{{1, 2}, {2}}, []int{0, -1}},
		{"nothing can be saved", exit(88, true), func(m *memory) { m.fail(nil, full) }, [][]byte{{1, 2}, {2}, {3}, {3, 4}}, []int{88, -1, -1, 88}},
		{"nothing can be saved, at first", exit(88, false), func(m *memory) { m.fail(nil, full) }, [][]byte{{1, 2, 3}, {3}}, []int{-1, -1}},
		{"nothing can be read", exit(88, false), func(m *memory) { m.fail(errors.New("permission denied"), nil) }, [][]byte{{1}, {2}, {2, 3}, {3}}, []int{-1, -1, 88, -1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &memory{}
				if test.prepare != nil {
					test.prepare(store)
				}
				for i, contents := range test.lives {
					if got := life(t, store, []notify.Hook{test.hook}, contents...); got != test.want[i] {
						t.Errorf("process %d, of contents %v, exits with %d, want %d", i, contents, got, test.want[i])
					}
				}
			})
		})
	}
}

// What could be saved once and cannot any more would be due at each start. Such
// an exit waits until it can be remembered.
func TestExitThatCannotBeRemembered(t *testing.T) {
	t.Parallel()
	for _, skipFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			store, hooks := &memory{}, []notify.Hook{exit(88, skipFirst)}
			life(t, store, hooks, 1)
			store.fail(nil, errors.New("no space left on device"))
			for range 3 {
				if got := life(t, store, hooks, 2); got != -1 {
					t.Errorf("exits with %d although that is forgotten", got)
				}
			}
			var failed error
			n := &notify.Notifier{Hooks: hooks, Store: store, Done: func(d notify.Delivery) { failed = d.Err }}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			wantError(t, n.Once(ctx, state("/a", 2)), "hook exit 88: not done, since it could not be remembered", "no space left on device")
			wantError(t, failed, "not done")

			go func() {
				time.Sleep(10 * time.Minute)
				store.fail(nil, nil)
			}()
			err := n.Once(t.Context(), state("/a", 2))
			if code, ok := errors.AsType[*notify.ExitError](err); !ok || code.Code != 88 {
				t.Errorf("got %v, want exit 88", err)
			}
			if got := life(t, store, hooks, 2); got != -1 {
				t.Errorf("exits once more, with %d", got)
			}
		})
	}
}

// An exit stops the other hooks, which are run after the restart. Several exits
// with one code are one.
func TestExitAmongOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		slow := &recorder{name: "slow", takes: time.Minute}
		late := exit(88, false)
		late.On = []string{"/a", "/b"}
		hooks := []notify.Hook{{On: []string{"/a"}, Action: slow, Timeout: time.Hour}, exit(88, false), late, exit(7, false)}
		codes := map[int]int{}
		for range 6 {
			codes[life(t, store, hooks, 1, 1, 1)]++
		}
		if codes[88] != 1 || codes[7] != 1 || codes[-1] != 4 {
			t.Errorf("exits %v, want each code once", codes)
		}
		ran := len(slow.told())
		if err := (&notify.Notifier{Hooks: hooks, Store: store}).Once(t.Context(), state("/a", 1)); err != nil || ran == 0 || len(slow.told()) != ran {
			t.Errorf("the slow hook was run %d times, then %d: %v", ran, len(slow.told()), err)
		}
	})
}

// In an init container the other hooks come first.
func TestExitOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &recorder{name: "slow", takes: 5 * time.Second}
		hooks := []notify.Hook{exit(88, false), {On: []string{"/a"}, Action: slow}}
		store := &memory{}
		n := &notify.Notifier{Hooks: hooks, Store: store}
		err := n.Once(t.Context(), state("/a", 1))
		if code, ok := errors.AsType[*notify.ExitError](err); !ok || code.Code != 88 {
			t.Errorf("got %v, want exit 88", err)
		}
		n = &notify.Notifier{Hooks: hooks, Store: store}
		if err := n.Once(t.Context(), state("/a", 1)); err != nil || len(slow.told()) != 1 {
			t.Errorf("the second time: %v, the other hook ran %d times", err, len(slow.told()))
		}
	})
}

// Until all others have ended an exit is not remembered: a process that is killed
// meanwhile exits at its next start.
func TestExitIsRememberedLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		var killed map[string][]byte // the files of a process that is killed while another hook ends
		other := action{"stubborn", func(ctx context.Context, _ notify.Event) error {
			<-ctx.Done()
			time.Sleep(time.Second) // as long as a command may take to end
			killed = make(map[string][]byte)
			for path := range store.files {
				killed[path], _ = store.Load(path)
			}
			return ctx.Err()
		}}
		hooks := []notify.Hook{exit(88, true), {On: []string{"/a"}, Action: other, Timeout: time.Hour}}
		if got := life(t, store, hooks, 1, 2); got != 88 {
			t.Errorf("exits with %d", got)
		}
		if got := life(t, &memory{files: killed}, hooks[:1], 2); got != 88 {
			t.Errorf("when killed in between, exits with %d at the next start", got)
		}
		if got := life(t, store, hooks[:1], 2); got != -1 {
			t.Errorf("when not, exits with %d at the next start", got)
		}
	})
}
