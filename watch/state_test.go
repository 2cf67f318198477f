package watch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The states of the sources tell when each answered without error, and how
// often its watch broke.
func TestFollowSourceState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := func(func()) error { return errDown }
		breaking := &flaky{fake: fixed("breaking", says("env.X", "1")), watches: []func(func()) error{down, down}}
		failing := &pushed{name: "failing", value: "1"}
		states := make(map[string]SourceState)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- Follow(ctx, quiet, func(s *Snapshot, _ error) error {
				for _, state := range s.Sources() {
					states[state.Name] = state
				}
				return nil
			}, failing, breaking)
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		last := time.Now()
		failing.set("2", nil)
		synctest.Wait()
		time.Sleep(time.Minute)
		failing.set("3", errDown)
		synctest.Wait()
		if got := states["failing"]; !got.Answered.Equal(last) || !errors.Is(got.Err, errDown) || got.Restarts != 0 {
			t.Errorf("failing: %+v, want an answer at %v", got, last)
		}
		if got := states["breaking"]; got.Restarts != 2 || got.Answered.IsZero() {
			t.Errorf("breaking: %+v, want 2 restarts", got)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestTimingLongest(t *testing.T) {
	t.Parallel()
	for want, timing := range map[time.Duration]Timing{
		time.Minute + 150*time.Millisecond: {},
		2*time.Hour + 50*time.Millisecond:  {Resync: time.Hour, Window: time.Hour},
		0:                                  {Resync: -1, Window: time.Hour},
	} {
		if got := timing.Longest(); got != want {
			t.Errorf("%+v: %v, want %v", timing, got, want)
		}
	}
}
