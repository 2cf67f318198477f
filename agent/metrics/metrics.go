/*
Package metrics counts what an agent does, and tells it in the text format of
Prometheus.

A [Metrics] is given every [agent.Report], and is an [http.Handler] for whoever
scrapes. Names follow Prometheus' conventions: podfacts_ in front, base units,
_total for what only grows. Labels take their values from the configuration
(outputs, hooks, sources) and from short lists (results, verbs, codes), never
from facts, so that there are as many series as there is configuration.

It is written by hand rather than with a library. What would be registered there
is state that [agent.Report] fills here, and the format takes fewer lines than the
registration.
*/
package metrics

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/watch"
)

// Metrics counts. The zero Metrics is ready for use; its fields are set before
// that. Its methods may be called at the same time.
type Metrics struct {
	// Version is podfacts' own.
	Version string
	// Health says which probes are answered with yes now. Nil: nothing.
	Health func() []Probe
	// API says what was asked of the API server up to now. Nil: nothing.
	API func() API
	// Proxy says what others asked of the API server. Nil, or the answer nil: nothing.
	Proxy func() *Proxy

	mu      sync.Mutex
	started time.Time // the first agent
	born    time.Time // the process, once known
	view    *watch.Snapshot

	rounds    tally
	lastRound time.Time
	outputs   []*output
	hooks     []*hook

	rendering, notifying        time.Duration // spent in all
	publishLatency, hookLatency histogram     // from the notice of a change
}

// Probe is a probe and its answer.
type Probe struct {
	Name string
	OK   bool
}

// API is what was asked of the API server.
type API struct {
	Source   string // name of the source that asks
	Requests []Request
	Restarts uint64 // of watches
}

// Request counts the requests of a kind.
type Request struct {
	Verb  string
	Code  int // of the answer, 0 where there was none
	Count uint64
}

// Proxy is what others asked of the API server.
type Proxy struct {
	Requests []Request // that have ended; their verbs are methods
	InFlight int
}

// tally counts by result.
type tally struct{ success, failure uint64 }

func (t *tally) add(err error) {
	if err != nil {
		t.failure++
	} else {
		t.success++
	}
}

// output is what is known of one.
type output struct {
	name               string
	renders            tally
	changed, unchanged uint64 // publishes that succeeded
	failed             uint64
	failing            bool
	lastSuccess        time.Time
	lastChange         time.Time
}

// hook is what is known of one.
type hook struct {
	name          string
	notifications tally
	failing       bool
	lastSuccess   time.Time
}

// Report takes in what an agent has done.
func (m *Metrics) Report(r agent.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r := r.(type) {
	case agent.Started:
		m.start(r)
	case agent.Looked:
		m.view = r.Snapshot
	case agent.Rendered:
		m.rendering += r.Took
		o := m.output(r.Output)
		o.renders.add(r.Err)
		if r.Err != nil {
			o.failing = true
		}
	case agent.Published:
		m.published(r)
	case agent.Notified:
		m.notified(r)
	case agent.Ended:
		m.rounds.add(r.Err)
		m.lastRound = r.At
	}
}

// start makes a place for all that will be told of, so that it can be seen before
// it happens, and forgets what a new configuration has left out.
func (m *Metrics) start(s agent.Started) {
	if m.started.IsZero() {
		m.started = s.At
	}
	for _, name := range s.Outputs {
		m.output(name)
	}
	m.outputs = slices.DeleteFunc(m.outputs, func(o *output) bool { return !slices.Contains(s.Outputs, o.name) })
	for _, name := range s.Hooks {
		m.hook(name)
	}
	m.hooks = slices.DeleteFunc(m.hooks, func(h *hook) bool { return !slices.Contains(s.Hooks, h.name) })
}

func (m *Metrics) published(p agent.Published) {
	o := m.output(p.Output)
	o.failing = p.Err != nil
	switch {
	case p.Err != nil:
		o.failed++
		return
	case p.Changed:
		o.changed++
		o.lastChange = time.Now()
		if !p.Noticed.IsZero() {
			m.publishLatency.observe(time.Since(p.Noticed))
		}
	default:
		o.unchanged++
	}
	o.lastSuccess = time.Now()
}

func (m *Metrics) notified(n agent.Notified) {
	h := m.hook(n.Hook)
	h.notifications.add(n.Err)
	h.failing = n.Err != nil
	m.notifying += n.Took
	if n.Err != nil {
		return
	}
	h.lastSuccess = time.Now()
	if !n.Noticed.IsZero() {
		m.hookLatency.observe(time.Since(n.Noticed))
	}
}

// output gives the output of a name.
func (m *Metrics) output(name string) *output {
	if i := slices.IndexFunc(m.outputs, func(o *output) bool { return o.name == name }); i >= 0 {
		return m.outputs[i]
	}
	o := &output{name: name}
	m.outputs = append(m.outputs, o)
	return o
}

// hook gives the hook of a name.
func (m *Metrics) hook(name string) *hook {
	if i := slices.IndexFunc(m.hooks, func(h *hook) bool { return h.name == name }); i >= 0 {
		return m.hooks[i]
	}
	h := &hook{name: name}
	m.hooks = append(m.hooks, h)
	return h
}

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(m.Text()) //nolint:errcheck // who asked may have gone
}
