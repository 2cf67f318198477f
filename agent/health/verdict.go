package health

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// Verdict is the answer to a probe, and what it rests on.
type Verdict struct {
	Probe  Probe   `json:"probe"`
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	// Name says what: "output /run/app.conf", "source API server".
	Name  string `json:"name"`
	State State  `json:"state"`
	// Detail says what is wrong, for how long and why. It is one line.
	Detail string `json:"detail,omitempty"`

	late bool // only time speaks against it
}

// State is how a check came out.
type State string

// The states. A warning does not decide.
const (
	OK      State = "ok"
	Warning State = "warning"
	Failed  State = "failed"
)

// String lists the checks in the manner of Kubernetes' own servers, what is well
// too.
func (v Verdict) String() string { return v.text(true) }

// clean puts a name on one line: a command may have several.
func clean(name string) string { return strings.Join(strings.Fields(name), " ") }

// text lists what is wrong, and all the rest where it is verbose or something
// has failed.
func (v Verdict) text(verbose bool) string {
	var b strings.Builder
	for _, c := range v.Checks {
		switch {
		case c.State == Failed:
			fmt.Fprintf(&b, "[-]%s failed: %s\n", c.Name, c.Detail)
		case c.State == Warning:
			fmt.Fprintf(&b, "[!]%s warning: %s\n", c.Name, c.Detail)
		case c.Detail != "" && (verbose || !v.OK):
			fmt.Fprintf(&b, "[+]%s ok: %s\n", c.Name, c.Detail)
		case verbose || !v.OK:
			fmt.Fprintf(&b, "[+]%s ok\n", c.Name)
		}
	}
	switch {
	case !v.OK:
		fmt.Fprintf(&b, "%s check failed\n", v.Probe)
	case verbose:
		fmt.Fprintf(&b, "%s check passed\n", v.Probe)
	default:
		b.WriteString("ok\n")
	}
	return b.String()
}

func (v Verdict) ok() bool {
	return !slices.ContainsFunc(v.Checks, func(c Check) bool { return c.State == Failed })
}

// late reports whether the answer is no, and only for want of time.
func (v Verdict) late() bool {
	return !v.ok() && !slices.ContainsFunc(v.Checks, func(c Check) bool { return c.State == Failed && !c.late })
}

// well is a check that found nothing wrong.
func well(name string) Check { return Check{Name: clean(name), State: OK} }

// fail is a check that found what time does not mend.
func fail(name, format string, args ...any) Check {
	return Check{Name: clean(name), State: Failed, Detail: fmt.Sprintf(format, args...)}
}

// late is a check that found something that should have happened by now.
func late(name, format string, args ...any) Check {
	c := fail(name, format, args...)
	c.late = true
	return c
}

// warn is a check that found what need not concern who asks.
func warn(name, format string, args ...any) Check {
	return Check{Name: clean(name), State: Warning, Detail: fmt.Sprintf(format, args...)}
}

// String says since when something fails, how often it has, and why.
func (f failure) String() string {
	often := ""
	if f.times > 1 {
		often = fmt.Sprintf(" (%d times)", f.times)
	}
	return fmt.Sprintf("for %s%s: %s", ago(f.since), often, line(f.err))
}

// line puts an error, or an aggregate of them, on one line that is not endless.
func line(err error) string {
	const most = 1000
	var parts []string
	for _, e := range watch.Errors(err) {
		parts = append(parts, strings.Join(strings.Fields(e.Error()), " "))
	}
	text := strings.Join(parts, "; ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// ago says how long ago something was, as a person would.
func ago(t time.Time) time.Duration { return rounded(time.Since(t)) }

func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}
