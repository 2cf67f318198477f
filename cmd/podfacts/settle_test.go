package main

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent"
)

// Memory is given back a second after the first publication, then after each
// quiet that is long enough, and never while there is something to do.
func TestSettling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var given []time.Duration
		s := settle(nil, func() { given = append(given, time.Since(start)) })
		time.Sleep(4500 * time.Millisecond)
		s.report(agent.Published{})
		time.Sleep(settled / 2)
		s.report(agent.Published{}) // at 5 s
		time.Sleep(rested)
		s.report(agent.Published{}) // at 115 s, one second before what would be next
		time.Sleep(rested - time.Second)
		s.report(agent.Ended{}) // a round without a change
		time.Sleep(2*rested - time.Second)
		s.stop()
		time.Sleep(time.Hour)
		want := []time.Duration{6 * time.Second, 115*time.Second + rested, 115*time.Second + 2*rested}
		if !slices.Equal(given, want) {
			t.Errorf("given back at %v, want %v", given, want)
		}
	})
}

// One that never publishes gives back all the same.
func TestSettlingWithoutPublication(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		given := 0
		s := settle(nil, func() { given++ })
		time.Sleep(time.Minute + rested + time.Second)
		s.stop()
		if given != 2 {
			t.Errorf("given back %d times, want 2", given)
		}
	})
}
