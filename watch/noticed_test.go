package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A snapshot tells how long ago the oldest change in it was noticed, and which
// sources have not answered. Slow's second read takes ten seconds, during
// which something changes twice; -1ns stands for no change.
func TestFollowNoticed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var rounds []string
		fast := &pushed{name: "fast", value: "1", took: 10 * time.Millisecond}
		slow := &pushed{name: "slow", value: "1"}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- Follow(ctx, quiet, func(s *Snapshot, _ error) error {
				age := time.Duration(-1)
				if !s.Noticed().IsZero() {
					age = time.Since(s.Noticed())
				}
				var asked []time.Duration
				for _, state := range s.Sources() {
					if !state.Asked.IsZero() {
						asked = append(asked, time.Since(state.Asked))
					}
				}
				mu.Lock()
				defer mu.Unlock()
				rounds = append(rounds, fmt.Sprint(age, asked))
				return nil
			}, slow, fast)
		}()
		page := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(rounds, want) {
				t.Errorf("age of the oldest change, and of unanswered reads:\ngot  %q\nwant %q", rounds, want)
			}
			rounds = nil
		}
		time.Sleep(time.Second)
		synctest.Wait()
		mu.Lock()
		if first := rounds[0]; first != "-1ns []" {
			t.Errorf("first round: %s", first)
		}
		rounds = nil
		mu.Unlock()

		fast.set("2", nil)
		time.Sleep(time.Second)
		page("10ms []")

		slow.took = 10 * time.Second
		slow.set("2", nil) // read at once
		time.Sleep(time.Second)
		slow.set("3", nil) // too late for that read
		time.Sleep(time.Second)
		fast.set("3", nil)
		time.Sleep(20 * time.Second)
		page("-1ns [50ms]", "-1ns [1s]", "10ms [2.01s]", "10.05s [50ms]", "19s []")
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
