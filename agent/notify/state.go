package notify

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// state is what is published and what a hook knows of it. Whoever publishes
// changes the one, the hook's worker the other.
//
// An output is uncertain, and so is due, from the moment that the hook, or an
// application that starts just then, may have seen something else than what is
// noted: from the begin of an attempt until it succeeds, and when its content has
// moved on, even if it has come back since.
type state struct {
	on     []string      // sorted
	skip   bool          // what the hook does not know at first counts as known
	wake   chan struct{} // something has changed
	mu     sync.Mutex
	known  map[string]Digest // what is published
	moved  map[string]bool   // that which was something else before
	moving map[string]int    // by how many an output is being replaced
	await  map[string]bool   // what was being replaced when an attempt was put off, and is not over; nil: none was
	waited bool              // until all of that was over
	told   ledger            // what the hook knows; nil: not loaded yet
	doubt  bool              // an attempt began and none has succeeded since
	now    ledger            // what the attempt that is running tells; nil: none is
	first  map[string]bool   // what is noted as known before it is published for the first time
	start  start             // for an exit
	fresh  news              // since the last attempt began
	news   news              // since the last success, until then
	err    error             // of the last attempt
}

func newState(on []string) *state {
	return &state{
		on:     slices.Compact(slices.Sorted(slices.Values(on))),
		wake:   make(chan struct{}, 1),
		known:  make(map[string]Digest),
		moved:  make(map[string]bool),
		moving: make(map[string]int),
		first:  make(map[string]bool),
	}
}

// publishing says that outputs are being replaced, by what, and which of them
// concern the hook. Some are noted as known ahead, if they are published for the
// first time and that counts as known.
func (s *state) publishing(next map[string]Digest) (concerned []string, ahead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range s.on {
		digest, ok := next[path]
		if !ok {
			continue
		}
		concerned = append(concerned, path)
		s.moving[path]++
		s.torn(path)
		if _, had := s.told[path]; s.told != nil && s.skip && (!had || s.first[path]) {
			s.told[path], s.first[path], ahead = mark{digest: digest, sure: true}, true, true
		}
	}
	return concerned, ahead
}

// settled ends what publishing began.
func (s *state) settled(concerned []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range concerned {
		if s.moving[path]--; s.moving[path] == 0 {
			delete(s.moving, path)
			if s.first[path] { // it was not published after all
				delete(s.told, path)
				delete(s.first, path)
			}
		}
		delete(s.await, path)
	}
	s.waited = s.await != nil && len(s.await) == 0
	s.rouse()
}

func (s *state) published(p Publication) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for _, path := range s.on {
		digest, ok := p.Digests[path]
		old, had := s.known[path]
		if !ok || had && old == digest {
			continue
		}
		if s.torn(path); had {
			s.moved[path], s.start.over = true, true
		}
		if s.first[path] {
			s.told[path] = mark{digest: digest, sure: true}
			delete(s.first, path)
		}
		s.known[path], changed = digest, true
	}
	if changed {
		s.fresh.add(news{facts: p.Facts, noticed: p.Noticed, since: time.Now()})
		s.rouse()
	}
}

// torn notes that an attempt that is running may see more than one content, where
// it knew of one at all.
func (s *state) torn(path string) {
	if _, had := s.known[path]; had && s.now != nil {
		s.moved[path] = true
		delete(s.now, path)
	}
}

func (s *state) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// load notes what the hook was told before this process, and how the last exit
// at a start came about.
func (s *state) load(told ledger, last map[string]string, skip bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told, s.skip, s.start.last = told, skip, last
}

// due names the outputs that the hook has not been told of.
func (s *state) due() (outputs []string) {
	for _, path := range s.on {
		digest, published := s.known[path]
		if published && (s.moved[path] || s.told[path] != (mark{digest: digest, sure: true})) {
			outputs = append(outputs, path)
		}
	}
	return outputs
}

func (s *state) pending() Due {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Due{Outputs: s.due(), Err: s.err, Since: oldest(s.news.since, s.fresh.since)}
}

// look reports whether something is due.
func (s *state) look() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.wake: // it is seen now
	default:
	}
	s.note()
	due := len(s.due()) > 0
	if !due {
		if len(s.known) == len(s.on) {
			s.start.settled()
		}
		s.news, s.fresh, s.err, s.await, s.waited = news{}, news{}, nil, nil, false
	}
	return due
}

// newer reports whether something has been published since the last attempt
// began.
func (s *state) newer() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.fresh.since.IsZero()
}

// note brings what the hook knows up to date with what has been published.
func (s *state) note() {
	for path, digest := range s.known {
		if _, had := s.told[path]; s.moved[path] {
			s.told[path] = mark{}
		} else if !had && s.skip {
			s.told[path] = mark{digest: digest, sure: true}
		}
	}
	clear(s.moved)
}

// begin says what an attempt tells. It is put off while outputs are being
// replaced; but only until those are, or a storm of changes would put it off for
// ever.
func (s *state) begin() (e Event, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.moving) > 0 && !s.waited {
		if s.await == nil {
			s.await = make(map[string]bool)
			for path := range s.moving {
				s.await[path] = true
			}
		}
		return e, false
	}
	s.await, s.waited = nil, false
	s.note()
	s.news.add(s.fresh)
	s.fresh = news{}
	e = Event{Outputs: s.due(), Facts: slices.Clone(s.news.facts)}
	s.now, s.doubt = s.target(), true
	s.start.begin(s.told, s.now)
	for _, path := range e.Outputs {
		s.told[path] = mark{}
	}
	for path := range s.moving {
		s.torn(path)
	}
	return e, true
}

// target is what the hook knows once it has been told of what is due.
func (s *state) target() ledger {
	l := make(ledger)
	for _, path := range s.due() {
		l[path] = mark{digest: s.known[path], sure: true}
	}
	return l
}

// succeed notes that the attempt has told, and says since when that was awaited.
func (s *state) succeed() (noticed time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	noticed = s.news.noticed
	maps.Copy(s.told, s.now)
	s.news, s.err, s.doubt, s.now = news{}, nil, false, nil
	s.note()
	return noticed
}

// fail notes that it may not have. When it was stopped an older reason tells
// more.
func (s *state) fail(err error, stopped bool) (noticed time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil || !stopped {
		s.err = err
	}
	s.now = nil
	s.note()
	return s.news.noticed
}

// leave notes that the end of the process tells of all that is published.
func (s *state) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note()
	maps.Copy(s.told, s.target())
	s.start.leave()
	s.doubt = false
}

// again reports whether an exit would repeat one at an earlier start.
func (s *state) again(outputs []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start.again(outputs)
}

// page is what is to be remembered; nothing, before anything was told. While an
// attempt may have told something, that is uncertain of every output, since the
// hook may read them all and each may change meanwhile.
func (s *state) page() (data []byte, nothing bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err = s.told.encode(s.doubt, s.start.last)
	return data, len(s.told) == 0, err
}
