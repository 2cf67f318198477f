package metrics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

const (
	web0 = `namespace="shop",pod="web-0",container="podfacts"`
	web1 = `namespace="shop",pod="web-1",container="podfacts"`
)

// TestAlerts plays series to each alert, in the notation of promtool, a sample a
// minute. An alert fires after so many minutes, once for each set of labels.
func TestAlerts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		alert  string
		name   string
		series []string
		fires  []string // "minute labels value"
	}{
		{"PodfactsOutputFailing", "two of three pods fail, one for a minute only", []string{
			`podfacts_output_failing{` + web0 + `,output="/a"} 0x9 1x50`,
			`podfacts_output_failing{` + web1 + `,output="/a"} 0x9 1x50`,
			`podfacts_output_failing{namespace="shop",pod="web-2",output="/a"} 0x9 1 0x49`,
			`podfacts_output_failing{` + web0 + `,output="/b"} 0x60`,
		}, []string{`19 {namespace="shop", output="/a"} 2`}},
		{"PodfactsSourceStale", "an outage, and a source that has nothing to say", []string{
			`podfacts_source_state{` + web0 + `,source="API server",state="stale"} 0x9 1x50`,
			`podfacts_source_state{` + web0 + `,source="API server",state="current"} 1x9 0x50`,
			`podfacts_source_state{` + web0 + `,source="volume",state="failed"} 1x60`,
		}, []string{`24 {namespace="shop", source="API server"} 1`}},
		{"PodfactsHookFailing", "it fails now and then, and for good", []string{
			`podfacts_hook_failing{` + web0 + `,hook="exec reload"} 0 1 0 1 0 1 0 1 0 0 1x50`,
		}, []string{`19 {hook="exec reload", namespace="shop"} 1`}},
		{"PodfactsNotReady", "not ready, which another probe and pod are", []string{
			`podfacts_healthy{` + web0 + `,probe="ready"} 1x9 0x50`,
			`podfacts_healthy{` + web1 + `,probe="ready"} 1x60`,
			`podfacts_healthy{` + web0 + `,probe="live"} 1x60`,
		}, []string{`24 {namespace="shop"} 1`}},
		{"PodfactsHung", "hung", []string{
			`podfacts_healthy{` + web0 + `,probe="live"} 1x9 0x50`,
		}, []string{`19 {namespace="shop"} 1`}},
		{"PodfactsSlow", "changes take up to five seconds", []string{
			`podfacts_publish_latency_seconds_bucket{` + web0 + `,le="2.5"} 0x60`,
			`podfacts_publish_latency_seconds_bucket{` + web0 + `,le="5"} 0+1x60`,
			`podfacts_publish_latency_seconds_bucket{` + web0 + `,le="+Inf"} 0+1x60`,
			`podfacts_notify_latency_seconds_bucket{` + web0 + `,le="30"} 0+1x60`,
			`podfacts_notify_latency_seconds_bucket{` + web0 + `,le="+Inf"} 0+1x60`,
		}, []string{`16 {namespace="shop"} 4.975`}},
		{"PodfactsSlow", "quick, and nothing at all", []string{
			`podfacts_publish_latency_seconds_bucket{` + web0 + `,le="2.5"} 0+1x60`,
			`podfacts_publish_latency_seconds_bucket{` + web0 + `,le="+Inf"} 0+1x60`,
			`podfacts_notify_latency_seconds_bucket{` + web0 + `,le="30"} 0x60`,
			`podfacts_notify_latency_seconds_bucket{` + web0 + `,le="+Inf"} 0x60`,
		}, nil},
		{"PodfactsRestarting", "a sidecar that crashes, one that was renewed, and what is no sidecar", []string{
			`process_start_time_seconds{` + web0 + `} 0+1x10 10x50`,
			`podfacts_build_info{` + web0 + `} 1x60`,
			`process_start_time_seconds{` + web1 + `} 0x10 1x50`,
			`podfacts_build_info{` + web1 + `} 1x60`,
			`process_start_time_seconds{namespace="shop",pod="db-0",container="main"} 0+1x60`,
		}, []string{`3 {namespace="shop"} 1`}},
		{"PodfactsWatchRestarting", "every half minute, and every hour", []string{
			`podfacts_watch_restarts_total{` + web0 + `,source="API server"} 0+2x60`,
			`podfacts_watch_restarts_total{` + web1 + `,source="API server"} 0x30 1x30`,
		}, []string{`31 {namespace="shop", source="API server"} 1`}},
		{"PodfactsForbidden", "refused each five minutes", []string{
			`podfacts_api_requests_total{` + web0 + `,verb="get",code="200"} 0+5x60`,
			`podfacts_api_requests_total{` + web0 + `,verb="watch",code="403"} 0x4 1x4 2x4 3x4 4x4 5x4 6x4 7x4 8x4 9x4 10x4 11x4`,
		}, []string{`35 {namespace="shop", verb="watch"} 6.206896551724139`}},
		{"PodfactsAPIErrors", "a third fails", []string{
			`podfacts_api_requests_total{` + web0 + `,verb="get",code="200"} 0+2x60`,
			`podfacts_api_requests_total{` + web0 + `,verb="get",code="503"} 0+1x60`,
		}, []string{`16 {namespace="shop"} 0.3333333333333333`}},
	}
	rules := alerts(t)
	tested := make(map[string]bool)
	for _, test := range tests {
		tested[test.alert] = true
		t.Run(test.alert+"/"+test.name, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(rules, func(r rulefmt.Rule) bool { return r.Alert == test.alert })
			if i < 0 {
				t.Fatal("no such alert")
			}
			if got := play(t, rules[i], test.series); !slices.Equal(got, test.fires) {
				t.Errorf("fires:\ngot  %q\nwant %q", got, test.fires)
			}
		})
	}
	for _, rule := range rules {
		if !tested[rule.Alert] {
			t.Errorf("%s: nothing shows when it fires", rule.Alert)
		}
	}
}

// play evaluates a rule each minute for an hour, and tells when it began to fire.
func play(t *testing.T, rule rulefmt.Rule, described []string) []string {
	t.Helper()
	const step = time.Minute
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})
	defer engine.Close()
	query, err := engine.NewRangeQuery(t.Context(), load(t, described, step), nil, rule.Expr, time.Unix(0, 0), time.Unix(0, 0).Add(time.Hour), step)
	if err != nil {
		t.Fatal(err)
	}
	defer query.Close()
	matrix, err := query.Exec(t.Context()).Matrix()
	if err != nil {
		t.Fatal(err)
	}
	var fires []string
	for _, series := range matrix {
		var since int64
		for i, p := range series.Floats {
			if i == 0 || p.T-series.Floats[i-1].T > step.Milliseconds() {
				since = p.T
			}
			if p.T-since >= time.Duration(rule.For).Milliseconds() {
				fires = append(fires, fmt.Sprintf("%d %s %v", p.T/step.Milliseconds(), series.Metric, p.F))
				break
			}
		}
	}
	slices.Sort(fires)
	return fires
}

// load makes series of their descriptions.
func load(t *testing.T, described []string, step time.Duration) storage.Queryable {
	t.Helper()
	var all []storage.Series
	for _, text := range described {
		lset, values, err := parser.ParseSeriesDesc(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var samples []chunks.Sample
		for i, v := range values {
			samples = append(samples, sample{t: int64(i) * step.Milliseconds(), f: v.Value})
		}
		all = append(all, storage.NewListSeries(lset, samples))
	}
	return storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return querier{series: all}, nil })
}

// querier selects from what is in memory.
type querier struct {
	storage.LabelQuerier

	series []storage.Series
}

func (querier) Close() error { return nil }

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	s := &set{}
	for _, series := range q.series {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(series.Labels().Get(m.Name)) }) {
			s.rest = append(s.rest, series)
		}
	}
	slices.SortFunc(s.rest, func(a, b storage.Series) int { return strings.Compare(a.Labels().String(), b.Labels().String()) })
	return s
}

// set gives series one by one.
type set struct {
	now  storage.Series
	rest []storage.Series
}

func (s *set) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.now, s.rest = s.rest[0], s.rest[1:]
	return true
}

func (s *set) At() storage.Series              { return s.now }
func (*set) Err() error                        { return nil }
func (*set) Warnings() annotations.Annotations { return nil }

// sample is a number at a time.
type sample struct {
	t int64
	f float64
}

func (s sample) T() int64                    { return s.t }
func (s sample) F() float64                  { return s.f }
func (sample) H() *histogram.Histogram       { return nil }
func (sample) FH() *histogram.FloatHistogram { return nil }
func (sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample         { return s }
