package metrics

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/watch"
)

var update = flag.Bool("update", false, "rewrite golden files")

var errBroken = errors.New("broken")

// source fails from its second read on.
type source struct {
	name  string
	facts map[string]string
	mu    sync.Mutex
	reads int
}

func (s *source) String() string { return s.name }

func (s *source) Read(context.Context) (watch.Layer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.reads > 1 {
		return watch.Layer{}, errBroken
	}
	var l watch.Layer
	if s.facts != nil {
		l.Set("pod.labels", s.facts, "labels")
	}
	return l, nil
}

// well is a source that never fails. Its watch does, a few times: each is followed by
// a read, and how long after the one before is left to chance.
type well struct{ watches int }

func (*well) String() string                            { return `volume "C:\info"` }
func (*well) Read(context.Context) (watch.Layer, error) { return watch.Layer{}, nil }

func (w *well) Watch(ctx context.Context, _ func()) error {
	const most = 6 // by half a minute, and so before all is read again
	if w.watches++; w.watches > most {
		<-ctx.Done()
		return ctx.Err()
	}
	return errBroken
}

func started(outputs []string, hooks ...string) agent.Report {
	return agent.Started{At: time.Now(), Outputs: outputs, Hooks: hooks}
}

// own leaves what depends on the machine out of a page.
func own(text []byte) string {
	var lines []string
	for line := range strings.Lines(string(text)) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if strings.HasPrefix(name, "podfacts_") && !strings.HasPrefix(name, "podfacts_build_info{") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// Every metric, after a life with everything in it.
func TestText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Metrics{
			Version: "v1",
			Health:  func() []Probe { return []Probe{{"startup", true}, {"ready", false}} },
			API: func() API {
				return API{Source: "API server", Restarts: 3, Requests: []Request{{"watch", 200, 2}, {"get", 0, 1}, {"get", 404, 1}, {"get", 200, 4}}}
			},
		}
		m.Report(started([]string{"/run/app.conf", "group web"}, "exec reload"))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- watch.Follow(ctx, watch.Timing{RetryMax: time.Hour}, func(s *watch.Snapshot, err error) error {
				m.Report(agent.Looked{Snapshot: s, Err: err})
				return nil
			}, &source{name: "API server", facts: map[string]string{"a": "1", "b": "2"}}, &source{name: "environment"}, &well{})
		}()
		time.Sleep(90 * time.Second) // they were read twice
		synctest.Wait()

		now := time.Now()
		for _, r := range []agent.Report{
			agent.Rendered{Output: "/run/app.conf", Took: 2 * time.Millisecond},
			agent.Rendered{Output: "group web", Took: 3 * time.Millisecond, Err: errBroken},
			agent.Published{Output: "/run/app.conf", Changed: true},
			agent.Ended{At: now, Err: errBroken},
			agent.Published{Output: "/run/app.conf", Changed: true, Noticed: now.Add(-70 * time.Millisecond)},
			agent.Published{Output: "/run/app.conf", Noticed: now.Add(-time.Hour)}, // nothing had to be done
			agent.Published{Output: "/run/app.conf", Noticed: now.Add(-time.Hour), Err: errBroken},
			agent.Published{Output: "/run/app.conf", Changed: true, Noticed: now.Add(-time.Hour)},
			agent.Ended{At: now},
			agent.Notified{Hook: "exec reload", Took: time.Second, Noticed: now.Add(-time.Minute), Err: errBroken},
			agent.Notified{Hook: "exec reload", Took: time.Second, Noticed: now.Add(-2 * time.Second)},
			agent.Notified{Hook: "exec reload", Took: time.Second},
			agent.Notified{Hook: "http\nlate", Err: errBroken},
		} {
			m.Report(r)
		}
		got := own(m.Text())
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		const golden = "testdata/page.txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("got:\n%s", got)
		}
	})
}

// What is configured is there before it has happened; what a new configuration
// leaves out is gone, and what stays has not begun anew.
func TestStarted(t *testing.T) {
	t.Parallel()
	m := &Metrics{}
	m.Report(started([]string{"/a", "/b"}, "x", "y"))
	m.Report(agent.Published{Output: "/a", Changed: true})
	m.Report(agent.Notified{Hook: "x"})
	for _, line := range []string{
		`podfacts_publishes_total{output="/b",result="failure"} 0`,
		`podfacts_output_failing{output="/b"} 0`,
		`podfacts_notifications_total{hook="y",result="success"} 0`,
	} {
		if !strings.Contains(string(m.Text()), line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
	m.Report(started([]string{"/c", "/a"}, "x", "x"))
	text := string(m.Text())
	for line, want := range map[string]bool{
		`podfacts_publishes_total{output="/a",result="changed"} 1`:  true,
		`podfacts_publishes_total{output="/c",result="changed"} 0`:  true,
		`podfacts_notifications_total{hook="x",result="success"} 1`: true,
		`output="/b"`: false,
		`hook="y"`:    false,
	} {
		if strings.Contains(text, line) != want {
			t.Errorf("%s: %v, want %v", line, !want, want)
		}
	}
	if n := strings.Count(text, `podfacts_hook_failing{hook="x"}`); n != 1 {
		t.Errorf("two hooks of one name are told of %d times, which nobody may scrape", n)
	}
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	var h histogram
	for _, d := range []time.Duration{-time.Second, 0, 5 * time.Millisecond, 5*time.Millisecond + 1, 300 * time.Second, time.Hour} {
		h.observe(d)
	}
	p := &page{}
	p.histogram("x_seconds", "X.", &h)
	for _, line := range []string{
		`x_seconds_bucket{le="0.005"} 3`, `x_seconds_bucket{le="0.01"} 4`, `x_seconds_bucket{le="60"} 4`,
		`x_seconds_bucket{le="300"} 5`, `x_seconds_bucket{le="+Inf"} 6`, `x_seconds_count 6`, `x_seconds_sum 3900.010000001`,
	} {
		if !strings.Contains(string(p.text), line+"\n") {
			t.Errorf("%s is missing from:\n%s", line, p.text)
		}
	}
}

func TestServeHTTP(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	(&Metrics{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if kind := w.Header().Get("Content-Type"); w.Code != http.StatusOK || kind != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("%d %s", w.Code, kind)
	}
	if !strings.HasPrefix(w.Body.String(), "# HELP podfacts_build_info ") {
		t.Errorf("got:\n%s", w.Body)
	}
}

// Reports and scrapes come from several goroutines.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	m := &Metrics{}
	m.Report(started([]string{"/a"}, "x"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				m.Report(agent.Looked{Snapshot: &watch.Snapshot{}})
				m.Report(agent.Rendered{Output: "/a"})
				m.Report(agent.Published{Output: "/a", Changed: true, Noticed: time.Now()})
				m.Report(agent.Notified{Hook: "x"})
				m.Text()
			}
		})
	}
	all.Wait()
	if text := string(m.Text()); !strings.Contains(text, `podfacts_publishes_total{output="/a",result="changed"} 800`) {
		t.Errorf("got:\n%s", text)
	}
}

func BenchmarkText(b *testing.B) {
	m := &Metrics{}
	m.Report(started([]string{"/a", "/b", "/c"}, "x", "y"))
	for b.Loop() {
		m.Text()
	}
}
