package metrics

import (
	"cmp"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// silence is how long a read may take before the source counts as one that does
// not answer.
const silence = 10 * time.Second

// Text gives every metric, as Prometheus reads it.
func (m *Metrics) Text() []byte {
	var probes []Probe // before the lock is taken: they have locks of their own
	if m.Health != nil {
		probes = m.Health()
	}
	var api API
	if m.API != nil {
		api = m.API()
	}
	var proxy *Proxy
	if m.Proxy != nil {
		proxy = m.Proxy()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := &page{text: make([]byte, 0, 16<<10)}
	p.gauge("podfacts_build_info", "Always 1; the labels say what runs.").add(1, "version", m.Version, "goversion", runtime.Version())
	healthy := p.gauge("podfacts_healthy", "1 while the probe is answered with yes.")
	for _, probe := range probes {
		healthy.addFlag(probe.OK, "probe", probe.Name)
	}
	m.writeRounds(p)
	m.writeOutputs(p)
	m.writeHooks(p)
	m.writeSources(p, api)
	writeAPI(p, api)
	writeProxy(p, proxy)
	writeRuntime(p)
	m.writeProcess(p)
	return p.text
}

func (m *Metrics) writeRounds(p *page) {
	p.counter("podfacts_rounds_total", "Rounds of looking, rendering and publishing. One fails when an output of it does.").addTally(m.rounds)
	p.gauge("podfacts_last_round_timestamp_seconds", "When the last round ended.").addTime(m.lastRound)
}

func (m *Metrics) writeOutputs(p *page) {
	f := p.counter("podfacts_renders_total", "Renderings of an output.")
	for _, o := range m.outputs {
		f.addTally(o.renders, "output", o.name)
	}
	f = p.counter("podfacts_publishes_total", "Publishings of an output: files replaced (changed), found as they should be (unchanged), or not published (failure).")
	for _, o := range m.outputs {
		f.add(float64(o.changed), "output", o.name, "result", "changed")
		f.add(float64(o.unchanged), "output", o.name, "result", "unchanged")
		f.add(float64(o.failed), "output", o.name, "result", "failure")
	}
	f = p.gauge("podfacts_output_failing", "1 while the last rendering or publishing of the output has failed, so that it is not current.")
	for _, o := range m.outputs {
		f.addFlag(o.failing, "output", o.name)
	}
	f = p.gauge("podfacts_output_last_success_timestamp_seconds", "When the output was last published, or found to be as it should be.")
	for _, o := range m.outputs {
		f.addTime(o.lastSuccess, "output", o.name)
	}
	f = p.gauge("podfacts_output_last_change_timestamp_seconds", "When files of the output were last replaced.")
	for _, o := range m.outputs {
		f.addTime(o.lastChange, "output", o.name)
	}
	p.counter("podfacts_render_seconds_total", "Time spent in rendering outputs.").add(m.rendering.Seconds())
	p.histogram("podfacts_publish_latency_seconds", "From the notice of the oldest change to its being published.", &m.publishLatency)
}

func (m *Metrics) writeHooks(p *page) {
	f := p.counter("podfacts_notifications_total", "Runs of a hook.")
	for _, h := range m.hooks {
		f.addTally(h.notifications, "hook", h.name)
	}
	f = p.gauge("podfacts_hook_failing", "1 while the last run of the hook has failed, so that somebody does not know of a change.")
	for _, h := range m.hooks {
		f.addFlag(h.failing, "hook", h.name)
	}
	f = p.gauge("podfacts_hook_last_success_timestamp_seconds", "When the hook last succeeded.")
	for _, h := range m.hooks {
		f.addTime(h.lastSuccess, "hook", h.name)
	}
	p.counter("podfacts_notification_seconds_total", "Time spent in running hooks.").add(m.notifying.Seconds())
	p.histogram("podfacts_notify_latency_seconds", "From the notice of the oldest change to the success of a hook that was told of it.", &m.hookLatency)
}

// writeSources tells of each source, as of the last round.
func (m *Metrics) writeSources(p *page, api API) {
	if m.view == nil {
		return
	}
	all := m.view.Sources()
	slices.SortStableFunc(all, func(a, b watch.SourceState) int { return cmp.Compare(a.Name, b.Name) })
	all = slices.CompactFunc(all, func(a, b watch.SourceState) bool { return a.Name == b.Name })
	unwell := func(s watch.SourceState) bool {
		return s.Err != nil || !s.Asked.IsZero() && time.Since(s.Asked) > silence
	}
	facts, stale := make(map[string]int), make(map[string]int)
	if slices.ContainsFunc(all, unwell) {
		for f := range m.view.Facts() {
			facts[f.Origin.Source]++
			if f.Origin.Stale {
				stale[f.Origin.Source]++
			}
		}
	}
	state := p.gauge("podfacts_source_state", "1 for the state of the source: current; stale, where it fails or does not answer, and its last facts stay; failed, where there are none.")
	for _, s := range all {
		now := "current"
		switch {
		case unwell(s) && facts[s.Name] > 0:
			now = "stale"
		case unwell(s):
			now = "failed"
		}
		for _, name := range []string{"current", "stale", "failed"} {
			state.addFlag(name == now, "source", s.Name, "state", name)
		}
	}
	f := p.gauge("podfacts_source_stale_facts", "Facts in the view that the source, which fails, does not confirm any more.")
	for _, s := range all {
		f.add(float64(stale[s.Name]), "source", s.Name)
	}
	f = p.gauge("podfacts_source_age_seconds", "How long ago the source was last read without error, or the start where it never was.")
	for _, s := range all {
		since := s.Answered
		if since.IsZero() {
			since = m.started
		}
		f.add(time.Since(since).Seconds(), "source", s.Name)
	}
	f = p.counter("podfacts_watch_restarts_total", "Watches of the source that ended before their time.")
	for _, s := range all {
		if s.Name == api.Source {
			s.Restarts += api.Restarts
		}
		f.add(float64(s.Restarts), "source", s.Name)
	}
}

func writeAPI(p *page, api API) {
	f := p.counter("podfacts_api_requests_total", "Requests to the API server, by the status code of the answer; error where there was none.")
	writeRequests(f, api.Requests)
}

// writeProxy tells of what is passed on to the API server, if anything is.
func writeProxy(p *page, proxy *Proxy) {
	if proxy == nil {
		return
	}
	f := p.counter("podfacts_proxy_requests_total", "Requests to the proxy that have ended, by the status code of the answer; error where the client did not wait for one.")
	writeRequests(f, proxy.Requests)
	p.gauge("podfacts_proxy_requests_in_flight", "Requests to the proxy that are under way, watches among them.").add(float64(proxy.InFlight))
}

func writeRequests(f *family, requests []Request) {
	slices.SortFunc(requests, func(a, b Request) int {
		return cmp.Or(cmp.Compare(a.Verb, b.Verb), cmp.Compare(a.Code, b.Code))
	})
	for _, r := range requests {
		code := "error"
		if r.Code != 0 {
			code = strconv.Itoa(r.Code)
		}
		f.add(float64(r.Count), "verb", r.Verb, "code", code)
	}
}
