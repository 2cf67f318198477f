/*
Package health tells how an agent does, from what it reports: whether it has
started, whether its outputs are current, and whether it still moves.

A [Monitor] is given every [agent.Report] and answers three questions, those
that the kubelet asks of a container.

# Startup

[Startup] is answered with yes once every output has been published, and from
then on for ever: what fails later is for readiness to tell.

# Ready

[Ready] is answered with yes while every output is current: its last rendering
and its last publishing succeeded, with the newest view of the facts, and no fact
that it uses is older than it may be. It turns to no when that ends, and back to
yes when it holds again.

A fact is as old as the time since its source last confirmed it, but only a
source that has failed, or does not answer, lets its facts age: one that is
well would have told of a change. Without [Monitor.MaxAge] there is no limit, and
failing sources are named as warnings.

A hook that fails is a warning too. The files are current; that somebody was not
told is an alert's business.

# Live

[Live] is answered with yes while everything moves: a round that has begun ends
some time, the next one begins when it is due, a source answers, a hook ends at
its timeout. It takes a hang to turn that to no, never a failure: an API server
that is down for a day must not restart ten thousand sidecars.

Time is the monotonic clock's, so that a step of the other one changes nothing.
A process that was stopped for a while finds itself late when it goes on; what
only time speaks against is given a moment to move before the answer is no.
*/
package health

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/watch"
)

// Probe is a question, by the name that the kubelet has for it.
type Probe string

// The questions.
const (
	Startup Probe = "startup"
	Ready   Probe = "ready"
	Live    Probe = "live"
)

// Probes lists them.
func Probes() []Probe { return []Probe{Startup, Ready, Live} }

const (
	// settling is how long an output may lag behind the newest view.
	settling = 10 * time.Second
	// slack is how much later than due a round may begin.
	slack = 30 * time.Second
	// defaultLimit is how long a round may take, and a source to answer:
	// requests to an API server that swallows them time out one after another.
	defaultLimit = 5 * time.Minute
	// moment is what is given to what only time speaks against.
	moment = 200 * time.Millisecond
)

// Monitor judges an agent. The zero Monitor is ready for use. Its methods may be
// called at the same time.
type Monitor struct {
	mu      sync.Mutex
	maxAge  time.Duration
	agent   agent.Started
	started bool // agent is set
	// complete: every output has been published at least once.
	complete bool
	rounds   rounds
	outputs  []*output
	hooks    map[string]*hook
	view     *watch.Snapshot
	needs    map[watch.Path]bool // known answers of agent.Needs.Wants
	sources  map[string]failure  // why a source fails
	watches  []error             // why watches are down
	moved    chan struct{}       // closed at the next report; nil: nobody waits
}

// rounds is where the main loop is.
type rounds struct {
	began, ended time.Time
	running      bool
	err          error // of the last one that ended
}

// output is a file or a group of them.
type output struct {
	name      string
	published bool    // at least once
	failure   failure // of the last attempt
	// behind is when the oldest view came that it has not dealt with.
	behind time.Time
}

// hook is one that has been run.
type hook struct {
	running map[time.Time]time.Duration // since when, and how long it may take
	failure failure
}

// failure is an error that stays. The zero failure is none.
type failure struct {
	err   error
	since time.Time
	times int
}

// note takes in how something went.
func (f *failure) note(err error) {
	switch {
	case err == nil:
		*f = failure{}
		return
	case f.err == nil:
		f.since = time.Now()
	}
	f.err = err
	f.times++
}

// SetMaxAge says how old a fact that an output uses may be, for [Ready]. Zero: as
// old as it likes.
func (m *Monitor) SetMaxAge(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.maxAge = d
}

// Report takes in what an agent has done.
func (m *Monitor) Report(r agent.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r := r.(type) {
	case agent.Started:
		m.start(r)
	case agent.Began:
		m.rounds.began, m.rounds.running = r.At, true
	case agent.Looked:
		m.look(r)
	case agent.Rendered:
		if r.Err != nil {
			m.output(r.Output).end(r.Err)
		}
	case agent.Published:
		m.output(r.Output).end(r.Err)
	case agent.Notifying:
		m.hook(r.Hook).running[r.At] = r.Limit
	case agent.Notified:
		m.hook(r.Hook).end(r)
	case agent.Ended:
		m.end(r)
	}
	if m.moved != nil {
		close(m.moved)
		m.moved = nil
	}
}

// start forgets what the agent before has left, but for the outputs that are
// still there.
func (m *Monitor) start(s agent.Started) {
	m.agent, m.started = s, true
	m.rounds = rounds{}
	m.hooks, m.sources, m.watches, m.needs = nil, nil, nil, nil
	old := m.outputs
	m.outputs = nil
	for _, name := range s.Outputs {
		o := find(old, name)
		if o == nil {
			o = &output{name: name}
		}
		o.behind = s.At
		m.outputs = append(m.outputs, o)
	}
}

func (m *Monitor) look(l agent.Looked) {
	m.view, m.needs = l.Snapshot, nil
	now := time.Now()
	for _, o := range m.outputs {
		if o.behind.IsZero() {
			o.behind = now
		}
	}
	failing := make(map[string]failure)
	m.watches = slices.Clone(watch.Errors(l.Err)) // theirs stays whole
	for _, s := range l.Snapshot.Sources() {
		f := m.sources[s.Name]
		f.note(s.Err)
		if f.err == nil {
			continue
		}
		f.times = 1 // a round need not have read it
		failing[s.Name] = f
		for _, e := range watch.Errors(s.Err) {
			m.watches = slices.DeleteFunc(m.watches, func(w error) bool { return w.Error() == e.Error() })
		}
	}
	m.sources = failing
}

// end ends a round. What it has not dealt with needed no dealing with.
func (m *Monitor) end(e agent.Ended) {
	m.rounds.ended, m.rounds.running, m.rounds.err = e.At, false, e.Err
	complete := true
	for _, o := range m.outputs {
		o.behind = time.Time{}
		if e.Err == nil {
			o.end(nil)
		}
		complete = complete && o.published
	}
	m.complete = m.complete || complete
}

// output gives the output of a name.
func (m *Monitor) output(name string) *output {
	if o := find(m.outputs, name); o != nil {
		return o
	}
	o := &output{name: name}
	m.outputs = append(m.outputs, o)
	return o
}

func find(outputs []*output, name string) *output {
	for _, o := range outputs {
		if o.name == name {
			return o
		}
	}
	return nil
}

func (o *output) end(err error) {
	o.failure.note(err)
	o.published = o.published || err == nil
	o.behind = time.Time{}
}

func (m *Monitor) hook(name string) *hook {
	if h := m.hooks[name]; h != nil {
		return h
	}
	if m.hooks == nil {
		m.hooks = make(map[string]*hook)
	}
	h := &hook{running: make(map[time.Time]time.Duration)}
	m.hooks[name] = h
	return h
}

// end forgets the attempt that has ended: the one that began as long ago as it
// took, as near as that can be told.
func (h *hook) end(n agent.Notified) {
	h.failure.note(n.Err)
	began := time.Now().Add(-n.Took)
	var nearest time.Time
	for at := range h.running {
		if nearest.IsZero() || at.Sub(began).Abs() < nearest.Sub(began).Abs() {
			nearest = at
		}
	}
	delete(h.running, nearest)
}

// Answer answers a probe. It may take a moment, and less when ctx ends.
func (m *Monitor) Answer(ctx context.Context, p Probe) Verdict {
	patience := time.NewTimer(moment)
	defer patience.Stop()
	for {
		v, moved := m.judge(p)
		if !v.late() {
			return v
		}
		select {
		case <-moved:
		case <-patience.C:
			return v
		case <-ctx.Done():
			return v
		}
	}
}

// Now answers a probe at once.
func (m *Monitor) Now(p Probe) Verdict {
	v, _ := m.judge(p)
	return v
}

// judge answers, and gives what is closed when the answer may be another.
func (m *Monitor) judge(p Probe) (Verdict, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := Verdict{Probe: p}
	switch p {
	case Startup:
		v.Checks = m.startup()
	case Ready:
		v.Checks = m.ready()
	case Live:
		v.Checks = m.live()
	}
	v.OK = v.ok()
	if v.late() && m.moved == nil {
		m.moved = make(chan struct{})
	}
	return v, m.moved
}
