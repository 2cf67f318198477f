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

// TestWritten: facts are as old as what they come from says, also those that lost, those
// that follow from others, and those of a source that failed since.
func TestWritten(t *testing.T) {
	t.Parallel()
	written := second(-90)
	old := says("pod.nodeName", "n1", "pod.uid", "v", "pod.name", "web-0")
	old.layer.Written = written
	for name, s := range map[string]*Snapshot{
		"in time": merge(round{"api": says("pod.uid", "a"), "volume": old}),
		"failed":  merge(round{"api": says("pod.uid", "a"), "volume": old}, round{"volume": says().failing()}),
	} {
		uid, err := s.Lookup("pod.uid")
		if err != nil || !uid.Origin.Written.IsZero() || len(uid.Origin.Others) != 1 || !uid.Origin.Others[0].Written.Equal(written) {
			t.Errorf("%s: %+v, %v", name, uid.Origin, err)
		}
		for _, p := range []Path{"pod.name", "node.name"} {
			if f, err := s.Lookup(p); err != nil || !f.Origin.Written.Equal(written) {
				t.Errorf("%s: %s: %+v, %v", name, p, f.Origin, err)
			}
		}
		if stale := name == "failed"; uid.Origin.Others[0].Stale != stale {
			t.Errorf("%s: %+v", name, uid.Origin.Others)
		}
	}
}
