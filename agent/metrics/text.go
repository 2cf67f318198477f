package metrics

import (
	"strconv"
	"strings"
	"time"
)

// page is a text in the format of Prometheus, version 0.0.4. See
// https://prometheus.io/docs/instrumenting/exposition_formats/.
type page struct{ text []byte }

// family is a metric with its samples. Its head is written with the first of
// them.
type family struct {
	page             *page
	name, kind, help string
	begun            bool
}

func (p *page) counter(name, help string) *family {
	return &family{page: p, name: name, kind: "counter", help: help}
}

func (p *page) gauge(name, help string) *family {
	return &family{page: p, name: name, kind: "gauge", help: help}
}

// add writes a sample. Labels are names and values by turns.
func (f *family) add(value float64, labels ...string) { f.sample("", value, labels...) }

// addFlag writes 1 for true.
func (f *family) addFlag(value bool, labels ...string) {
	if value {
		f.add(1, labels...)
	} else {
		f.add(0, labels...)
	}
}

// addTally writes a sample for each result.
func (f *family) addTally(t tally, labels ...string) {
	f.add(float64(t.success), append(labels, "result", "success")...)
	f.add(float64(t.failure), append(labels, "result", "failure")...)
}

// addTime writes a time, if it has come.
func (f *family) addTime(t time.Time, labels ...string) {
	if !t.IsZero() {
		f.add(float64(t.UnixMilli())/1000, labels...)
	}
}

func (f *family) sample(suffix string, value float64, labels ...string) {
	b := f.page.text
	if !f.begun {
		f.begun = true
		b = append(b, "# HELP "+f.name+" "+f.help+"\n# TYPE "+f.name+" "+f.kind+"\n"...)
	}
	b = append(b, f.name+suffix...)
	for i := 0; i < len(labels); i += 2 {
		b = append(b, "{,"[min(i, 1)])
		b = append(b, labels[i]+`="`+escape(labels[i+1])+`"`...)
	}
	if len(labels) > 0 {
		b = append(b, '}')
	}
	b = append(b, ' ')
	b = strconv.AppendFloat(b, value, 'g', -1, 64)
	f.page.text = append(b, '\n')
}

// escape makes any text the value of a label.
func escape(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if !strings.ContainsAny(s, "\\\"\n") {
		return s
	}
	s = strings.ReplaceAll(s, `\`, `\\`)
	s = strings.ReplaceAll(s, `"`, `\"`)
	return strings.ReplaceAll(s, "\n", `\n`)
}

// bounds are the upper ones of the buckets, in seconds: from a change of a label
// that is one rename away to a hook that is retried for minutes.
var bounds = [...]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}

// histogram counts durations. The zero histogram is ready for use.
type histogram struct {
	counts [len(bounds) + 1]uint64 // the last one is of what is longer than all bounds
	sum    time.Duration
}

func (h *histogram) observe(d time.Duration) {
	d = max(0, d)
	i := 0
	for i < len(bounds) && d.Seconds() > bounds[i] {
		i++
	}
	h.counts[i]++
	h.sum += d
}

// histogram writes one.
func (p *page) histogram(name, help string, h *histogram) {
	f := family{page: p, name: name, kind: "histogram", help: help}
	count := uint64(0)
	for i, bound := range bounds {
		count += h.counts[i]
		f.sample("_bucket", float64(count), "le", strconv.FormatFloat(bound, 'g', -1, 64))
	}
	count += h.counts[len(bounds)]
	f.sample("_bucket", float64(count), "le", "+Inf")
	f.sample("_sum", h.sum.Seconds())
	f.sample("_count", float64(count))
}
