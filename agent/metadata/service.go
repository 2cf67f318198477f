/*
Package metadata answers other containers of the pod over HTTP, in the manner of
a cloud's instance metadata service: a path for each fact, plain text for what is
one value, and JSON for the rest.

A [Service] is given every [agent.Report], keeps the newest snapshot, and shows
the part of it that [Settings] expose. What it serves is said in one table
(routes.go), from which /openapi.json is made as well.

# Change

Every answer has a strong ETag, made of its bytes. Whoever sends it back in
If-None-Match and adds ?wait=30s is answered when something has changed, and with
304 when nothing has. /v1/watch tells of each change as a server-sent event. Its
id is the ETag of the view, so that a client that comes back hears of what it has
missed, and of nothing else.

Nobody who waits holds up anybody: a report puts the snapshot down and goes on;
what is shown is made of it when somebody asks. Who reads slowly hears of several
changes at once, and always of the newest state. Those who wait are woken when a
round has ended, so that the files hold by then what they are told of, or a
moment after the snapshot came, where publishing takes long.

# Who may ask

The server listens on loopback or a unix socket, and answers the containers of
the pod. A web page must not: [serve.Foreign] tells its requests by their headers,
and [serve.Server] turns away the names that lead to 127.0.0.1. Nor must those whom
a proxy in the pod forwards: X-Forwarded-For tells. Requests change nothing, so that
nothing but GET and HEAD is answered.
*/
package metadata

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/watch"
)

// Connections is how many a server should keep for a [Service]: those that wait,
// and some that ask.
const Connections = maxWaiting + 64

// Settings say what is shown.
type Settings struct {
	Expose []Exposed
	// Container is what a path without container means, such as limits.memory.
	// Empty: the pod's default container.
	Container string
}

// Exposed is a fact, a map or a group that is shown.
type Exposed struct {
	Path watch.Path
	// Named: what is sensitive is shown too, unless the path is a whole group.
	Named bool
}

// Service answers HTTP requests. The zero Service exposes nothing, and asks for
// patience until it gets its first report. Its methods may be called at the same
// time.
type Service struct {
	waiting atomic.Int32 // requests that wait for a change

	mu       sync.Mutex // held for moments only: reports take it
	settings Settings
	newest   *watch.Snapshot
	version  uint64        // of the two above
	moved    chan struct{} // closed when there is something new; nil: nobody waits
	late     *time.Timer   // wakes them where a round takes long; nil: as above

	routing sync.Once
	routes  []route

	making  sync.Mutex // held while the view is made
	view    *view      // the last that was made
	history []step     // that led to it
}

// patience is how long those who wait are kept waiting for the end of a round.
const patience = 100 * time.Millisecond

// Set says what is shown from now on.
func (s *Service) Set(settings Settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings = settings
	s.version++
	s.wake()
}

// Report takes in what an agent has done. It does not wait for anybody.
func (s *Service) Report(r agent.Report) {
	switch r := r.(type) {
	case agent.Looked:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.newest = r.Snapshot
		s.version++
		if s.moved != nil && s.late == nil {
			s.late = time.AfterFunc(patience, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.wake()
			})
		}
	case agent.Ended:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wake()
	}
}

// wake tells those who wait to look again.
func (s *Service) wake() {
	if s.late != nil {
		s.late.Stop()
		s.late = nil
	}
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}

// moves is closed when there is something new. Who waits for it looks after
// having asked for it, so that nothing falls between.
func (s *Service) moves() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved == nil {
		s.moved = make(chan struct{})
	}
	return s.moved
}
