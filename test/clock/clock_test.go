package clock

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// The hook fails until the file up is there.
const config = `
volumes: [{path: volume}]
timing: {window: 50ms, retry: 100ms, resync: 1h}
health: {maxAge: 30m}
outputs: [{path: a, text: "{{ .pod.labels.n }}"}]
notify: [{exec: {command: [sh, -c, 'test -e up && cp a told']}}]
`

// TestRun steps the clock while a sidecar waits for changes, while a hook waits
// to be tried again, and while a source is away. Changes are published and
// told as before, no fact grows old, nothing counts as hung, and what is
// measured was never long or negative.
func TestRun(t *testing.T) {
	t.Parallel()
	const hour, year = 3600, 365 * 24 * 3600
	for name, step := range map[string]int64{
		"an hour forward": hour, "an hour back": -hour, "ten years forward": 10 * year,
		"to the epoch": -time.Now().Unix(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, config)
			p.start("run", "--listen", "unix://"+p.path("socket"))
			p.holds("a", "1")
			for n := range 4 { // there and back
				time.Sleep(300 * time.Millisecond) // until it waits
				p.step(step * int64(1-n%2))
				p.label(2 + n)
				p.holds("a", strconv.Itoa(2+n))
			}
			p.wantClock(step)
			p.step(step)
			p.retried(3)
			p.step(0)
			p.retried(2)
			p.step(step)
			p.write("up", "")
			p.holds("told", "5")
			p.answers("livez", 200)
			p.answers("readyz", 200)

			p.rename("volume", "away")
			p.eventually("the source fails", func() bool { _, text := p.get("readyz?verbose"); return strings.Contains(text, "stay as they were") })
			p.step(0)
			p.answers("readyz", 200)
			p.step(step)
			p.answers("readyz", 200)
			p.answers("livez", 200)
			p.rename("away", "volume")
			p.label(6)
			p.holds("told", "6")
			p.eventually("it is ready", func() bool { _, text := p.get("readyz?verbose"); return !strings.Contains(text, "stay as they were") })
			for _, metric := range []string{
				"podfacts_publish_latency_seconds_sum", "podfacts_notify_latency_seconds_sum", "podfacts_render_seconds_total",
				"podfacts_notification_seconds_total", `podfacts_source_age_seconds{source="volume volume"}`,
			} {
				if v := p.metric(metric); v < 0 || v > patience.Seconds() {
					t.Errorf("%s is %v", metric, v)
				}
			}
			p.stop()
		})
	}
}

// TestInit steps the clock while an init container waits for a fact: it waits
// neither shorter nor longer.
func TestInit(t *testing.T) {
	t.Parallel()
	const day = 24 * 3600
	t.Run("forward", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, strings.Replace(config, "labels.n", "labels.later", 1))
		p.write("up", "")
		p.start("init", "--timeout=1h")
		p.says("waiting for facts")
		p.step(day)
		time.Sleep(time.Second)
		p.labels(`later="1"`)
		p.holds("told", "1")
		p.ends(0)
	})
	t.Run("back", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, strings.Replace(config, "labels.n", "labels.later", 1))
		p.start("init", "--timeout=2s")
		p.says("waiting for facts")
		p.step(-day)
		p.ends(1)
		p.says("after waiting 2s")
	})
}
