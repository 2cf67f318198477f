package watch

import "time"

// merger keeps what each source last said and merges it into snapshots.
//
// Which source wins a fact:
//
//  1. one that is live, in the order of the sources;
//  2. else the one whose word changed last. Words that have stood since the
//     start changed together, and go by the order of the sources. So does
//     what a source has said all along, and came to understand only later.
//
// Of two that agree on a quantity but for rounding, the one rounded less is
// taken: 250m rather than the 1 that a divisor of 1 makes of it.
//
// A word that says "absent" (a key gone from a map) counts like any other.
// Time is counted in updates, not in seconds, so a clock that is set back
// decides nothing.
type merger struct {
	sources []held
	now     uint64 // grows with each update after the first round
}

// held is what one source last said.
type held struct {
	source    Source
	name      string
	live      bool
	err       error
	answered  time.Time // last without error
	written   time.Time // when what it says was written down
	container string
	words     map[Path]word
	whole     map[Path]whole
}

// word is what a source says on one fact.
type word struct {
	Statement
	parent    Path   // of the fact, kept because finding it takes time
	changed   uint64 // when it began to say so
	confirmed time.Time
	absent    bool // the key is known to be gone
	stale     bool
}

// whole is a map of which a source knows every key.
type whole struct {
	since uint64
	stale bool
}

func newMerger(sources []Source) *merger {
	m := &merger{sources: make([]held, len(sources))}
	for i, s := range sources {
		m.sources[i] = held{source: s, name: s.String(), words: make(map[Path]word), whole: make(map[Path]whole)}
	}
	return m
}

// tick separates what is said from now on from what was said before.
func (m *merger) tick() { m.now++ }

// update takes in what a source now says.
func (m *merger) update(r result, at time.Time) {
	h := &m.sources[r.source]
	h.live, h.err = r.layer.Live, r.err
	if r.err == nil {
		h.answered = at
	}
	if r.layer.Container != "" || r.err == nil {
		h.container, h.written = r.layer.Container, r.layer.Written
	}
	h.hear(r.layer, m.now, at)
	h.miss(r.layer, r.err != nil, m.now)
}

// hear takes in what is said.
func (h *held) hear(l Layer, now uint64, at time.Time) {
	first := now // when what is heard for the first time has changed
	if l.Learned {
		first = 0
	}
	for p := range l.whole {
		since := first
		if old, ok := h.whole[p]; ok {
			since = old.since
		}
		h.whole[p] = whole{since: since}
	}
	for p, s := range l.facts {
		w := word{Statement: s, changed: now, confirmed: at}
		if old, ok := h.words[p]; ok {
			w.parent = old.parent
			if !old.absent && old.same(s) {
				w.changed = old.changed
			}
		} else {
			w.parent, _ = p.Parent()
			w.changed = first
		}
		h.words[p] = w
	}
}

// miss deals with what is no longer said. An entry of a map that is known in
// whole is absent from now on. So is a single label, whose file is empty when
// the label is gone. After an error the rest stands, stale; without one it is
// forgotten.
func (h *held) miss(l Layer, failed bool, now uint64) {
	for p, w := range h.words {
		if _, said := l.facts[p]; said {
			continue
		}
		_, mapped := l.whole[w.parent]
		_, wasMapped := h.whole[w.parent]
		switch {
		case mapped, !failed && !wasMapped && isLabels(w.parent):
			if !w.absent {
				w = word{parent: w.parent, absent: true, changed: now}
			}
			w.stale = false
			h.words[p] = w
		case failed:
			w.stale = true
			h.words[p] = w
		default:
			delete(h.words, p)
		}
	}
	for p, w := range h.whole {
		if _, said := l.whole[p]; said {
			continue
		}
		if failed {
			h.whole[p] = whole{since: w.since, stale: true}
		} else {
			delete(h.whole, p)
		}
	}
}

// isLabels reports whether what lies below a path are labels or annotations.
func isLabels(p Path) bool {
	kind, _ := KindOf(p)
	return kind == Strings
}

// err joins what the sources last complained of.
func (m *merger) err() error {
	var errs []error
	for _, h := range m.sources {
		errs = append(errs, h.err)
	}
	return Join(errs...)
}

// snapshot merges.
func (m *merger) snapshot() *Snapshot {
	size := 0
	for i := range m.sources {
		size = max(size, len(m.sources[i].words))
	}
	s := &Snapshot{facts: make(map[Path]Fact, size), whole: make(map[Path]bool)}
	said := make([]candidate, 0, len(m.sources))
	for i := range m.sources {
		h := &m.sources[i]
		s.sources = append(s.sources, SourceState{Name: h.name, Live: h.live, Err: h.err, Answered: h.answered, source: h.source})
		if s.container == "" {
			s.container = h.container
		}
		for p := range h.whole {
			s.whole[p] = true
		}
		for p, w := range h.words {
			if _, done := s.facts[p]; done {
				continue
			}
			var present bool
			if said, present = m.said(p, w.parent, said[:0]); !present {
				delete(h.words, p) // nobody knows the key any more: it need not be denied
			} else if f, ok := decide(p, said); ok {
				s.facts[p] = f
			}
		}
	}
	derive(s)
	return s
}

// candidate is the word of one source, live or not.
type candidate struct {
	word
	source  string
	written time.Time
	live    bool
}

// said appends what each source says on a fact. present is false where all of
// them deny it.
func (m *merger) said(p, parent Path, all []candidate) (_ []candidate, present bool) {
	for i := range m.sources {
		h := &m.sources[i]
		w, ok := h.words[p]
		if !ok {
			container, mapped := h.whole[parent]
			if !mapped {
				continue
			}
			w = word{absent: true, changed: container.since, stale: container.stale}
		}
		present = present || !w.absent
		all = append(all, candidate{word: w, source: h.name, written: h.written, live: h.live && !w.stale})
	}
	return all, present
}

// decide picks the winner. ok is false where the fact is absent.
func decide(p Path, all []candidate) (f Fact, ok bool) {
	best := 0
	for i := range all {
		if all[i].beats(&all[best]) {
			best = i
		}
	}
	if all[best].absent {
		return Fact{}, false
	}
	best = exactest(p, all, best)
	winner := &all[best]
	f = Fact{Path: p, Value: winner.Value, Unset: winner.Unset, Sensitive: winner.Sensitive, Origin: Origin{
		Source: winner.source, From: winner.From, Confirmed: winner.confirmed, Written: winner.written, Stale: winner.stale,
	}}
	for i := range all {
		c := &all[i]
		if i == best || c.Value == nil {
			continue
		}
		f.Sensitive = f.Sensitive || c.Sensitive
		if c.roundsFrom(p, winner) {
			continue // no disagreement
		}
		if f.Value == nil {
			// That a limit is unset is known to the API alone; the number that
			// stands in its place may be known to the volume alone.
			f.Value = c.Value
		} else if !agree(p, f.Value, c.Value) {
			f.Origin.Others = append(f.Origin.Others, Other{Source: c.source, From: c.From, Value: c.Value, Written: c.written, Stale: c.stale})
		}
	}
	return f, f.Value != nil
}

// exactest looks for a candidate that says the same as the best one, and was
// rounded less.
func exactest(p Path, all []candidate, best int) int {
	for i := range all {
		if all[best].Divisor == nil {
			break
		}
		if all[best].roundsFrom(p, &all[i]) && (!all[i].stale || all[best].stale) {
			best = i
		}
	}
	return best
}

// roundsFrom reports whether c is what rounding makes of finer.
func (c *candidate) roundsFrom(p Path, finer *candidate) bool {
	if c.Divisor == nil || finer.Divisor != nil && finer.Divisor.Cmp(*c.Divisor) >= 0 {
		return false
	}
	mine, okMine := c.Value.(string)
	theirs, okTheirs := finer.Value.(string)
	if !okMine || !okTheirs {
		return false
	}
	coarse, err := ParseQuantity(mine)
	exact, errExact := ParseQuantity(theirs)
	_, name := p.Parent()
	return err == nil && errExact == nil &&
		DivideQuantity(name, coarse, *c.Divisor) == DivideQuantity(name, exact, *c.Divisor)
}

// beats reports whether c goes before one that precedes it in the order of
// the sources.
func (c *candidate) beats(earlier *candidate) bool {
	if c.live || earlier.live {
		return c.live && !earlier.live
	}
	return c.changed > earlier.changed
}
