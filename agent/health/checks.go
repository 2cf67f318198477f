package health

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// startup looks for outputs that have never been published.
func (m *Monitor) startup() []Check {
	if m.complete {
		return []Check{well("first publishing of all outputs")}
	}
	if !m.started {
		return []Check{late("agent", "it does not run yet")}
	}
	var checks []Check
	for _, o := range m.outputs {
		if o.published {
			checks = append(checks, well("output "+o.name))
		} else {
			checks = append(checks, o.check())
		}
	}
	// Between the last output and the end of its round there is a moment.
	return append(checks, late("first round", "it has not ended with all outputs published, %s after the start", ago(m.agent.At)))
}

// ready looks for outputs that are not current, and for facts that are too old.
func (m *Monitor) ready() []Check {
	if !m.started {
		return []Check{late("agent", "it does not run yet")}
	}
	var checks []Check
	failing := false
	for _, o := range m.outputs {
		c := o.check()
		failing = failing || c.State == Failed
		checks = append(checks, c)
	}
	if err := m.rounds.err; err != nil && !failing {
		checks = append(checks, fail("round", "the last one failed: %s", line(err)))
	}
	if c := m.checkRounds(); c.State == Failed { // nobody would know of a change
		checks = append(checks, c)
	}
	checks = append(checks, m.checkFacts()...)
	for _, name := range slices.Sorted(maps.Keys(m.hooks)) {
		if h := m.hooks[name]; h.failure.err != nil {
			checks = append(checks, warn("hook "+name, "failing %s", h.failure))
		}
	}
	return checks
}

// check tells whether an output is current.
func (o *output) check() Check {
	name := "output " + o.name
	switch {
	case o.failure.err != nil && o.published:
		return fail(name, "not current, failing %s", o.failure)
	case o.failure.err != nil:
		return fail(name, "never published, failing %s", o.failure)
	case !o.published:
		return late(name, "not published yet, after %s", ago(o.behind))
	case !o.behind.IsZero() && time.Since(o.behind) > settling:
		return late(name, "not current, being published for %s", ago(o.behind))
	}
	return well(name)
}

// checkFacts tells which sources fail or do not answer, and whether they have
// let facts grow too old.
func (m *Monitor) checkFacts() []Check {
	if m.view == nil {
		return nil
	}
	var checks []Check
	for _, err := range m.watches {
		checks = append(checks, warn("watch", "%s", line(err)))
	}
	sources := m.view.Sources()
	silent := func(s watch.SourceState) bool { return !s.Asked.IsZero() && time.Since(s.Asked) > settling }
	if !slices.ContainsFunc(sources, func(s watch.SourceState) bool { return s.Err != nil || silent(s) }) {
		return append(checks, well("sources"))
	}
	for _, s := range sources {
		name := "source " + s.Name
		f, failing := m.sources[s.Name]
		if !failing && !silent(s) {
			checks = append(checks, well(name))
			continue
		}
		why := "no answer for " + ago(s.Asked).String()
		if failing {
			why = "failing " + f.String()
		}
		stale := m.stale(s.Name, silent(s))
		switch age := time.Since(stale.confirmed); {
		case stale.facts == 0:
			checks = append(checks, warn(name, "%s", why))
		case m.maxAge > 0 && age > m.maxAge && failing:
			checks = append(checks, fail(name, "%s was confirmed %s ago, and %s is the limit; %s", stale.oldest, rounded(age), m.maxAge, why))
		case m.maxAge > 0 && age > m.maxAge:
			checks = append(checks, late(name, "%s was confirmed %s ago, and %s is the limit; %s", stale.oldest, rounded(age), m.maxAge, why))
		default:
			checks = append(checks, warn(name, "%s; %d facts in use stay as they were %s ago", why, stale.facts, rounded(age)))
		}
	}
	return checks
}

// stale are the facts in use that a source does not confirm any more.
type stale struct {
	facts     int
	oldest    watch.Path
	confirmed time.Time // the oldest
}

// stale counts them. Where the source does not answer, all of its facts are.
// What is derived counts as what it is derived from.
func (m *Monitor) stale(source string, silent bool) (s stale) {
	for f := range m.view.Facts() {
		if f.Origin.Source != source || !f.Origin.Stale && !silent || !m.uses(f.Path) {
			continue
		}
		if s.facts++; s.confirmed.IsZero() || f.Origin.Confirmed.Before(s.confirmed) {
			s.oldest, s.confirmed = f.Path, f.Origin.Confirmed
		}
	}
	return s
}

// uses reports whether an output uses a fact.
func (m *Monitor) uses(p watch.Path) bool {
	used, known := m.needs[p]
	if !known {
		if m.needs == nil {
			m.needs = make(map[watch.Path]bool)
		}
		used = m.agent.Needs.Wants(p)
		m.needs[p] = used
	}
	return used
}

// live looks for what has stopped moving.
func (m *Monitor) live() []Check {
	if !m.started {
		return []Check{well("agent")}
	}
	checks := []Check{m.checkRounds()}
	if m.view != nil {
		for _, s := range m.view.Sources() {
			name := "source " + s.Name
			if !s.Asked.IsZero() && time.Since(s.Asked) > defaultLimit {
				checks = append(checks, late(name, "hung: a read has not returned for %s", ago(s.Asked)))
			} else {
				checks = append(checks, well(name))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.hooks)) {
		checks = append(checks, m.hooks[name].check("hook "+name))
	}
	return checks
}

// checkRounds tells whether the main loop turns.
func (m *Monitor) checkRounds() Check {
	const name = "rounds"
	limit := cmp.Or(m.agent.Limit, defaultLimit)
	switch r := &m.rounds; {
	case r.began.IsZero() || r.ended.IsZero() && m.view == nil:
		// The first round begins when every source has answered.
		if time.Since(m.agent.At) > max(limit, defaultLimit) {
			return late(name, "hung: not all sources have answered, %s after the start", ago(m.agent.At))
		}
	case r.running:
		if time.Since(r.began) > limit {
			return late(name, "hung: one has been going on for %s, and %s is the limit", ago(r.began), limit)
		}
	case m.agent.Every > 0 && time.Since(r.ended) > m.agent.Every+slack:
		return late(name, "hung: the last one ended %s ago, and the next was due after %s", ago(r.ended), rounded(m.agent.Every))
	}
	return well(name)
}

// check tells whether a hook ends when it must.
func (h *hook) check(name string) Check {
	const grace = 10 * time.Second // to be killed
	for at, limit := range h.running {
		if time.Since(at) > 2*limit+grace {
			return late(name, "hung: running for %s, and its timeout is %s", ago(at), limit)
		}
	}
	return well(name)
}
