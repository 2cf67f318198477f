package suite

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// A report is the table at the end.
type report struct {
	mu   sync.Mutex
	rows []*row // in the order in which tests started
}

type row struct {
	scenario string
	result   string
	took     time.Duration
	measures []*measure
}

// A measure is what was measured under one label.
type measure struct {
	label  string
	values []time.Duration
}

func (r *report) started(scenario string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, &row{scenario: scenario, result: "did not end"})
}

func (r *report) ended(t testing.TB, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row := r.row(t.Name())
	row.took = took
	switch {
	case t.Failed():
		row.result = "FAILED"
	default:
		row.result = "ok"
	}
}

// leftOut notes a test that is not for this cluster.
func (r *report) leftOut(scenario string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.row(scenario).result = "left out"
}

func (r *report) measure(scenario, label string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row := r.row(scenario)
	i := slices.IndexFunc(row.measures, func(m *measure) bool { return m.label == label })
	if i < 0 {
		i = len(row.measures)
		row.measures = append(row.measures, &measure{label: label})
	}
	row.measures[i].values = append(row.measures[i].values, d)
}

// row wants r.mu. Of several with one name, as -count makes them, it is the last.
func (r *report) row(scenario string) *row {
	for _, row := range slices.Backward(r.rows) {
		if row.scenario == scenario {
			return row
		}
	}
	row := &row{scenario: scenario}
	r.rows = append(r.rows, row)
	return row
}

func (r *report) print(w io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rows) == 0 {
		return
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "scenario\tresult\tseconds\tmeasured\tmedian\tfrom\tto\ttimes")
	for _, row := range r.rows {
		fmt.Fprintf(table, "%s\t%s\t%.1f\t", strings.TrimPrefix(row.scenario, "Test"), row.result, row.took.Seconds())
		for i, m := range row.measures {
			if i > 0 {
				fmt.Fprint(table, "\n\t\t\t")
			}
			slices.Sort(m.values)
			fmt.Fprintf(table, "%s\t%v\t%v\t%v\t%d", m.label,
				brief(m.values[len(m.values)/2]), brief(m.values[0]), brief(m.values[len(m.values)-1]), len(m.values))
		}
		if len(row.measures) == 0 {
			fmt.Fprint(table, "\t\t\t\t") // or the columns would end here
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // to memory
	fmt.Fprintln(w)
	for line := range strings.Lines(text.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// brief rounds to what can be told apart.
func brief(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
