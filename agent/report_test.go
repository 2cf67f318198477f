package agent

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// reports writes down what an agent says of itself.
type reports struct {
	mu    sync.Mutex
	lines []string
}

func (r *reports) report(said Report) {
	line := ""
	switch said := said.(type) {
	case Started:
		line = fmt.Sprint("started ", said.Outputs)
	case Looked:
		line = fmt.Sprint("looked, ", said.Err)
	case Rendered:
		line = fmt.Sprint("rendered ", base(said.Output), ", ", said.Err)
	case Published:
		age := "first"
		if !said.Noticed.IsZero() {
			age = time.Since(said.Noticed).String()
		}
		line = fmt.Sprint("published ", base(said.Output), " ", said.Changed, ", ", age, ", ", said.Err)
	case Ended:
		line = fmt.Sprint("ended, ", said.Err)
	default:
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

func base(path string) string { return path[strings.LastIndex(path, "/")+1:] }

func (r *reports) page() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(r.lines, "\n")
	r.lines = nil
	return text
}

// The change that could not be published counts from when it was noticed.
func TestReports(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, said := &labels{}, &reports{}
		source.set(nil, "app", "web")
		dir := t.TempDir()
		a := Agent{
			Sources: []watch.Source{source},
			Outputs: []Output{output(t, dir, "out", `{{ .pod.labels.app }}`)},
			Timing:  watch.Timing{Resync: -1, Retry: 10 * time.Second},
			Report:  said.report,
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		time.Sleep(time.Second)
		first := said.page()
		for _, want := range []string{"started [" + a.Outputs[0].File.Path + "]\n", "rendered out, <nil>\n", "published out true, first, <nil>\n"} {
			if !strings.Contains(first, want) {
				t.Errorf("at first:\n%s\nwant %q in it", first, want)
			}
		}

		source.set(nil)
		synctest.Wait()
		time.Sleep(5 * time.Second)
		source.set(nil, "app", "shop")
		const missing = `out.tmpl:1:7: pod.labels['app'] is missing: pod.labels has no such key; ` +
			`give it a default, {{ fact "pod.labels['app']" "default" }}, or set it on the pod`
		want := strings.Join([]string{
			"looked, <nil>", "rendered out, " + missing, "ended, WHERE/out: " + missing,
			"looked, <nil>", "rendered out, <nil>", "published out true, 5s, <nil>", "ended, <nil>",
		}, "\n")
		got := strings.ReplaceAll(said.page(), dir, "WHERE")
		if got = strings.Replace(got, "rendered out, WHERE/out: ", "rendered out, ", 1); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// What is logged as changed is what the output uses.
func TestPublishedNamesOwnFacts(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	source := &labels{}
	source.set(nil, "app", "web", "other", "1")
	a := Agent{
		Sources: []watch.Source{source},
		Outputs: []Output{output(t, t.TempDir(), "out", `{{ .pod.labels.app }}`)},
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
	}
	if err := a.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, `changed="[pod.labels pod.labels['app']]"`) }) {
		t.Errorf("log: %s", log.String())
	}
}
