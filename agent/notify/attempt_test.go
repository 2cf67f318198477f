package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

// A hook that panics is one that fails.
func TestPanic(t *testing.T) {
	t.Parallel()
	for _, hook := range []notify.Hook{
		{Action: action{"panics", func(context.Context, notify.Event) error { panic("oh") }}},
		{Action: action{"is not reached", func(context.Context, notify.Event) error { return nil }}, Body: func(context.Context) ([]byte, error) { panic("oh") }},
		{Action: action{"is not reached", func(context.Context, notify.Event) error { return nil }}, Body: func(context.Context) ([]byte, error) { return nil, errors.New("oh") }},
	} {
		hook.On = []string{"/a"}
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			n := notify.Notifier{Hooks: []notify.Hook{hook}}
			wantError(t, n.Once(ctx, state("/a", 1)), "hook "+hook.Action.String()+": ", "oh")
		})
	}
}

// A body is made anew for each attempt.
func TestBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		tries := 0
		n := notify.Notifier{Hooks: []notify.Hook{{
			On:   []string{"/a"},
			Body: func(context.Context) ([]byte, error) { tries++; return fmt.Append(nil, "body ", tries), nil },
			Action: action{"r", func(_ context.Context, e notify.Event) error {
				bodies = append(bodies, string(e.Body))
				if tries < 3 {
					return errors.New("not yet")
				}
				return nil
			}},
		}}}
		if err := n.Once(t.Context(), state("/a", 1)); err != nil {
			t.Error(err)
		}
		if !slices.Equal(bodies, []string{"body 1", "body 2", "body 3"}) {
			t.Errorf("sent %q", bodies)
		}
	})
}

// Attempts are bounded by the timeout, and reported when they begin and end.
func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := &recorder{name: "hangs", takes: time.Hour}
		var told []string
		start := time.Now()
		n := &notify.Notifier{
			Hooks: []notify.Hook{{On: []string{"/a"}, Action: hangs, Timeout: 3 * time.Second}},
			Started: func(hook string, at time.Time, limit time.Duration) {
				told = append(told, fmt.Sprint(hook, " started at ", at.Sub(start), " for ", limit))
			},
			Done: func(d notify.Delivery) { told = append(told, fmt.Sprint(d.Hook, " took ", d.Took, ": ", d.Err)) },
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		wantError(t, n.Once(ctx, state("/a", 1)), "hook hangs: no answer within 3s")
		want := []string{"hangs started at 0s for 3s", "hangs took 3s: no answer within 3s"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// Once does all that is due, and says of each hook why it could not.
func TestOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late := 0
		store := &memory{}
		n := notify.Notifier{
			Store: store,
			Hooks: []notify.Hook{
				{On: []string{"/a"}, Action: &recorder{name: "well"}},
				{On: []string{"/a"}, Action: action{"late", func(context.Context, notify.Event) error {
					if late++; late < 4 {
						return errors.New("not yet")
					}
					return nil
				}}},
				{On: []string{"/a"}, Action: &recorder{name: "down", err: errors.New("refused")}},
				{On: []string{"/a"}, Action: &recorder{name: "hangs", takes: time.Hour}, Timeout: time.Hour},
				{On: []string{"/b"}, Action: &recorder{name: "not concerned", err: errors.New("never")}},
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := n.Once(ctx, state("/a", 1))
		if want := "hook down: refused\nhook hangs: context deadline exceeded"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
		if len(store.files) != 4 {
			t.Errorf("%d files", len(store.files))
		}
		var names []string
		for _, due := range n.Pending() {
			names = append(names, due.Hook)
		}
		if !slices.Equal(names, []string{"down", "hangs"}) {
			t.Errorf("pending %q", names)
		}
	})
}

// When ctx ends, a hook that is running is stopped and counts as not told.
func TestStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		r := &recorder{name: "r", takes: time.Hour}
		var log logged
		notifier := func() *notify.Notifier {
			return &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: r, Timeout: 2 * time.Hour}}, Store: store, Log: log.logger()}
		}
		n := notifier()
		stop := running(t, n)
		n.Published(state("/a", 1))
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if lines := log.lines(); len(lines) > 0 {
			t.Errorf("logged %q", lines)
		}
		r.become(0, nil)
		n = notifier()
		if err := n.Once(t.Context(), state("/a", 1)); err != nil || len(r.told()) != 2 {
			t.Errorf("told %d times in all, %v", len(r.told()), err)
		}
	})
}
