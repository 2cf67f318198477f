package main

import (
	"time"

	"github.com/podfacts/podfacts/agent"
)

// settled is when a sidecar that has published has nothing left to do.
const settled = time.Second

// settling gives back what starting took, once a sidecar has published and has
// nothing left to do, or does not get there.
type settling struct {
	timer *time.Timer
	next  func(agent.Report) // nil: nobody else wants reports
}

func settle(next func(agent.Report)) *settling {
	return &settling{time.AfterFunc(time.Minute, releaseStartup), next}
}

// report is for agent.Agent.
func (s *settling) report(r agent.Report) {
	if isDone(r) && s.timer.Stop() { // it is still to come
		s.timer.Reset(settled)
	}
	if s.next != nil {
		s.next(r)
	}
}

// isDone reports whether something has been published, or there was nothing to be.
func isDone(r agent.Report) bool {
	ended, ok := r.(agent.Ended)
	_, published := r.(agent.Published)
	return published || ok && ended.Err == nil
}

func (s *settling) stop() { s.timer.Stop() }
