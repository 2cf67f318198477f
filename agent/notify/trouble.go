package notify

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/podfacts/podfacts/agent/internal/process"
)

// trouble is what has been logged of a hook that fails.
type trouble struct {
	failures int
	reason   string
}

// complain logs a failure that differs from the one before.
func (t *trouble) complain(log *slog.Logger, err error) {
	t.failures++
	if reason := reasonOf(err); t.failures == 1 || reason != t.reason {
		t.reason = reason
		log.Warn("hook failed; it is tried again", "error", err)
	}
}

// over logs a success.
func (t *trouble) over(log *slog.Logger, e Event, noticed time.Time) {
	attrs := []any{"outputs", e.Outputs}
	if !noticed.IsZero() {
		attrs = append(attrs, "after", time.Since(noticed).Round(time.Millisecond).String())
	}
	if t.failures > 0 {
		log.Info("hook succeeded again", append(attrs, "failures", t.failures)...)
	} else {
		log.Info("hook succeeded", attrs...)
	}
	*t = trouble{}
}

// leave logs what led to the end of the process.
func (t *trouble) leave(log *slog.Logger, e Event) {
	const most = 10
	attrs := []any{"outputs", e.Outputs}
	if len(e.Facts) > 0 {
		attrs = append(attrs, "changed", e.Facts[:min(most, len(e.Facts))])
	}
	if more := len(e.Facts) - most; more > 0 {
		attrs = append(attrs, "more", more)
	}
	log.Info("hook ends the process", attrs...)
}

// reasonOf is an error's text without what differs each time: the times,
// process numbers and ports in what programs write. How a program ended counts.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*process.Error](err); ok {
		return e.Err.Error() + "\n" + withoutNumbers(e.Output)
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status + "\n" + withoutNumbers(e.line)
	}
	return withoutNumbers(err.Error())
}

func withoutNumbers(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return '0' <= r && r <= '9' }), "0")
}

// backoff is how long to wait after each failure.
type backoff struct {
	first, limit, wait time.Duration
}

// next is at least first, and up to a quarter more than its time, so that many
// pods that failed together do not come back together.
func (b *backoff) next() time.Duration {
	b.wait = min(max(2*b.wait, b.first), b.limit)
	return b.wait + rand.N(b.wait/4+1)
}

func (b *backoff) reset() { b.wait = 0 }
