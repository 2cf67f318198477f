package main

import (
	"sync"
	"time"

	"github.com/podfacts/podfacts/agent"
)

const (
	// settled is when an agent that has published has nothing left to do.
	settled = time.Second
	// rested is when one that has settled long ago gives back what it took
	// since. It is shorter than the two minutes after which the runtime collects
	// garbage by itself, and comes in place of that.
	rested = 110 * time.Second
)

// settling gives back what starting took, once an agent that follows facts has
// published and has nothing left to do, or does not get there; and after each
// long quiet, what was taken since: heap that is free, and pages of the program
// that came back.
type settling struct {
	next func(agent.Report) // nil: nobody else wants reports
	give func()             // giveBack, but in tests

	mu    sync.Mutex
	timer *time.Timer // nil: stopped
	given bool        // at least once
}

func settle(next func(agent.Report), give func()) *settling {
	s := &settling{next: next, give: give}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(time.Minute, s.release)
	return s
}

func (s *settling) release() {
	s.give()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = true
	if s.timer != nil {
		s.timer.Reset(rested)
	}
}

// report is for agent.Agent.
func (s *settling) report(r agent.Report) {
	ended, over := r.(agent.Ended)
	_, published := r.(agent.Published)
	if published || over && ended.Err == nil {
		s.postpone(published)
	}
	if s.next != nil {
		s.next(r)
	}
}

// postpone waits for quiet after something was published, or there was nothing to
// be. Later, rounds without a change are part of the quiet. What is being given
// back just now is.
func (s *settling) postpone(published bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == nil || s.given && !published || !s.timer.Stop() {
		return
	}
	quiet := settled
	if s.given {
		quiet = rested
	}
	s.timer.Reset(quiet)
}

func (s *settling) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
	s.timer = nil
}
