package metrics

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/metrics"
)

const config = `
volumes:
- path: podinfo
outputs:
- {path: out/app.conf, text: 'role {{ .pod.labels.role }}'}
- {path: out/zone, text: '{{ .node.zone }}'}
notify:
- {on: [out/app.conf], exec: {command: ["true"]}}
- {on: [out/app.conf], exec: {command: ["false"]}}
`

// TestPage runs podfacts with outputs, hooks and an API server of which some fail,
// and looks at what it tells: Prometheus' parser reads it, its linter has nothing
// to say, and every metric is there that the dashboard and the alerts name.
func TestPage(t *testing.T) {
	t.Parallel()
	page := scrape(t)
	families := parse(t, page)
	problems, err := promlint.New(bytes.NewReader(page)).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for name, f := range families {
		if f.GetHelp() == "" || f.GetType() == dto.MetricType_UNTYPED {
			t.Errorf("%s has no help or no type", name)
		}
	}
	known := labelsOf(families)
	for place, expr := range expressions(t) {
		checkNames(t, place, expr, known)
	}
}

// FuzzLabels: any name of an output is read back as it was.
func FuzzLabels(f *testing.F) {
	for _, s := range []string{"/run/app.conf", `C:\out "x"`, "a\nb", "\xff", "é", "\\n", "{},=#", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		m := &metrics.Metrics{}
		m.Report(agent.Started{At: time.Now(), Outputs: []string{name}})
		m.Report(agent.Published{Output: name, Changed: true})
		for _, f := range parse(t, m.Text()) {
			for _, sample := range f.GetMetric() {
				for _, l := range sample.GetLabel() {
					if l.GetName() == "output" && l.GetValue() != strings.ToValidUTF8(name, "\uFFFD") {
						t.Errorf("%s: %q is read as %q", f.GetName(), name, l.GetValue())
					}
				}
			}
		}
	})
}

func parse(t *testing.T, page []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, page)
	}
	return families
}

// labelsOf maps the name of each series to its labels and their values.
func labelsOf(families map[string]*dto.MetricFamily) map[string]map[string][]string {
	known := make(map[string]map[string][]string)
	for name, f := range families {
		labels := make(map[string][]string)
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
			}
		}
		if f.GetType() == dto.MetricType_HISTOGRAM {
			known[name+"_sum"], known[name+"_count"] = labels, labels
			known[name+"_bucket"] = map[string][]string{"le": nil}
			continue
		}
		known[name] = labels
	}
	return known
}

// scrape runs podfacts until everything has happened, and gives its last page.
func scrape(t *testing.T) []byte {
	t.Helper()
	var requests atomic.Int32
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			panic(http.ErrAbortHandler) // no answer
		}
		http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`, http.StatusForbidden)
	}))
	t.Cleanup(api.Close)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"podfacts.yaml": config, "podinfo/name": "web-0", "podinfo/namespace": "shop", "podinfo/labels": `role="leader"`, "out/README": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Linux, as it comes, gives none of these ports to those who ask for any.
	address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
	run(t, dir, "run", "-c", "podfacts.yaml", "--listen", address, "--api-server", api.URL)

	var page []byte
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if page = get(t, "http://"+address+"/metrics"); happened(page) {
			return page
		}
	}
	t.Fatalf("not everything has happened within a minute:\n%s", page)
	return nil
}

// happened reports whether a page tells of everything.
func happened(page []byte) bool {
	for _, s := range []string{
		`podfacts_publishes_total{output="out/app.conf",result="changed"} 1`, `podfacts_output_failing{output="out/zone"} 1`,
		`podfacts_hook_last_success_timestamp_seconds{hook="exec true"}`, `podfacts_hook_failing{hook="exec false"} 1`,
		`podfacts_api_requests_total{verb="get",code="error"}`, `podfacts_api_requests_total{verb="get",code="403"}`, `podfacts_watch_restarts_total{source="API server"}`,
	} {
		if !bytes.Contains(page, []byte(s)) {
			return false
		}
	}
	return true
}

// run builds podfacts and runs it in dir, until the test ends.
func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "podfacts")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/podfacts")
	build.Dir = "../.." // the product's module
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	var log bytes.Buffer
	cmd := exec.Command(binary, args...) // it ends by SIGTERM
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("podfacts ended early: %v", err)
		}
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("podfacts: %v\n%s", err, &log)
		}
	})
}

// get asks for a page; nil while nobody answers.
func get(t *testing.T, url string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(fmt.Errorf("%s: %s: %w", url, resp.Status, err))
	}
	return body
}
