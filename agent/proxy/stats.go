package proxy

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// Stats counts what a [Proxy] has done.
type Stats struct {
	Requests map[Request]uint64 // those that have ended
	InFlight int
}

// Request is a kind of request by its outcome.
type Request struct {
	Verb string // get, head, post, put, patch, delete, other
	Code int    // of the answer; 0 where the client had gone
}

// stats is for many at once.
type stats struct {
	inFlight, streams atomic.Int64
	recent            atomic.Int64 // requests that have ended since there was quiet

	mu       sync.Mutex
	requests map[Request]uint64
}

func (s *stats) begin() { s.inFlight.Add(1) }

func (s *stats) end(method string, code int) {
	verb := "other"
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		verb = strings.ToLower(method)
	}
	s.inFlight.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requests == nil {
		s.requests = make(map[Request]uint64)
	}
	s.requests[Request{verb, code}]++
}

// Stats returns what was counted up to now.
func (p *Proxy) Stats() Stats {
	p.stats.mu.Lock()
	defer p.stats.mu.Unlock()
	return Stats{Requests: maps.Clone(p.stats.requests), InFlight: int(p.stats.inFlight.Load())}
}
