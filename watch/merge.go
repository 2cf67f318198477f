package watch

import (
	"slices"
	"time"
)

// merger keeps what each source last said and merges it into snapshots.
//
// Which source wins a fact:
//
//  1. one that is live, in the order of the sources;
//  2. else the one whose word changed last. Words that have stood since the
//     start changed together, and go by the order of the sources.
//
// A word that says "absent" (a key gone from a map that the source knows in
// whole) counts like any other. Time is counted in updates, not in seconds,
// so a clock that is set back decides nothing.
type merger struct {
	sources []held
	now     uint64 // grows with each update after the first round
}

// held is what one source last said.
type held struct {
	source    Source
	live      bool
	err       error
	container string
	words     map[Path]word
	whole     map[Path]whole
}

type word struct {
	Statement
	absent    bool // the key is known to be gone
	changed   uint64
	confirmed time.Time
	stale     bool
}

type whole struct {
	from      string
	since     uint64
	confirmed time.Time
	stale     bool
}

func newMerger(sources []Source) *merger {
	m := &merger{sources: make([]held, len(sources))}
	for i, s := range sources {
		m.sources[i] = held{source: s, words: make(map[Path]word), whole: make(map[Path]whole)}
	}
	return m
}

// tick separates what is said from now on from what was said before.
func (m *merger) tick() { m.now++ }

// update takes in what a source now says.
func (m *merger) update(r result, at time.Time) {
	h := &m.sources[r.source]
	h.live, h.err = r.layer.Live && r.err == nil, r.err
	if r.layer.Container != "" || r.err == nil {
		h.container = r.layer.Container
	}

	// 1. What is said anew.
	for p, s := range r.layer.facts {
		w := word{Statement: s, changed: m.now, confirmed: at}
		if old, ok := h.words[p]; ok && !old.absent && old.same(s) {
			w.changed = old.changed
		}
		h.words[p] = w
	}
	for p, from := range r.layer.whole {
		w := whole{from: from, since: m.now, confirmed: at}
		if old, ok := h.whole[p]; ok {
			w.since = old.since
		}
		h.whole[p] = w
	}

	// 2. What is no longer said. After an error it stands, stale. Below a
	// whole map it is absent from now on. Otherwise it is forgotten.
	for p, w := range h.whole {
		if _, said := r.layer.whole[p]; said {
			continue
		}
		if r.err == nil {
			delete(h.whole, p)
			continue
		}
		w.stale = true
		h.whole[p] = w
	}
	for p, w := range h.words {
		if _, said := r.layer.facts[p]; said {
			continue
		}
		parent, _ := p.Parent()
		container, mapped := h.whole[parent]
		switch {
		case mapped && !container.stale:
			if !w.absent {
				w = word{absent: true, changed: m.now}
			}
			w.From, w.confirmed, w.stale = container.from, at, false
			h.words[p] = w
		case r.err != nil:
			w.stale = true
			h.words[p] = w
		default:
			delete(h.words, p)
		}
	}
}

// err joins what the sources last complained of.
func (m *merger) err() error {
	var errs []error
	for _, h := range m.sources {
		errs = append(errs, h.err)
	}
	return joinErrors(errs...)
}

// snapshot merges.
func (m *merger) snapshot() *Snapshot {
	s := &Snapshot{facts: make(map[Path]Fact), whole: make(map[Path]bool)}
	for i := range m.sources {
		h := &m.sources[i]
		s.sources = append(s.sources, SourceState{Name: h.source.String(), Live: h.live, Err: h.err, source: h.source})
		if s.container == "" {
			s.container = h.container
		}
		for p := range h.whole {
			s.whole[p] = true
		}
		for p := range h.words {
			if _, done := s.facts[p]; done {
				continue
			}
			if f, ok := m.decide(p); ok {
				s.facts[p] = f
			}
		}
	}
	derive(s)
	return s
}

// decide picks the winner of one fact. ok is false where it is absent.
func (m *merger) decide(p Path) (f Fact, ok bool) {
	type candidate struct {
		word
		source string
		live   bool
	}
	var all []candidate
	parent, _ := p.Parent()
	for i := range m.sources {
		h := &m.sources[i]
		w, said := h.words[p]
		if !said {
			container, mapped := h.whole[parent]
			if !mapped {
				continue
			}
			w = word{absent: true, changed: container.since, confirmed: container.confirmed, stale: container.stale}
			w.From = container.from
		}
		all = append(all, candidate{word: w, source: h.source.String(), live: h.live})
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		switch {
		case a.live != b.live:
			if a.live {
				return -1
			}
			return 1
		case a.live || a.changed == b.changed:
			return 0
		case a.changed > b.changed:
			return -1
		}
		return 1
	})
	winner := all[0]
	if winner.absent {
		return Fact{}, false
	}
	f = Fact{Path: p, Value: winner.Value, Unset: winner.Unset, Sensitive: winner.Sensitive, Origin: Origin{
		Source: winner.source, From: winner.From, Confirmed: winner.confirmed, Stale: winner.stale,
	}}
	for _, c := range all[1:] {
		// That a fact is unset is known to the API alone; the number that
		// stands in its place may be known to the volume alone.
		if f.Value == nil && !c.absent && c.Value != nil {
			f.Value = c.Value
			continue
		}
		if c.Sensitive {
			f.Sensitive = true
		}
		if !c.absent && !agree(p, f.Value, c.Value) {
			f.Origin.Others = append(f.Origin.Others, Other{Source: c.source, From: c.From, Value: c.Value})
		}
	}
	return f, f.Value != nil
}
