package child

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/podfacts/podfacts/agent/internal/orphan"
)

// Defaults of a [Parent].
const (
	DefaultSettle = time.Second
	DefaultGrace  = 10 * time.Second
)

// Parent starts a command and stays until that has ended for good.
type Parent struct {
	Command
	// OnChange is what is done when something has changed.
	OnChange Action
	// Settle is how long to wait after a change for others, so that several at
	// the same time lead to one restart. Zero means DefaultSettle.
	Settle time.Duration
	// Grace is how long a command may take to end before a restart, until it is
	// killed. Zero means DefaultGrace.
	Grace time.Duration
	Log   *slog.Logger // nil: silent

	once   sync.Once
	reaper *orphan.Reaper
	wake   chan struct{} // something below is new

	mu      sync.Mutex
	environ []string // the newest
	files   bool     // files have changed since the command was last told
	end     *int     // with which code to end
}

// Change says that the command should have another environment; if files, that
// files it reads have changed as well. What has changed back by the time that the
// command would be told is no change. It never blocks.
func (p *Parent) Change(environ []string, files bool) {
	p.prepare()
	p.mu.Lock()
	p.environ, p.files = environ, p.files || files
	p.mu.Unlock()
	p.tell()
}

// End ends the command as for a restart, and lets Run return code. It never
// blocks.
func (p *Parent) End(code int) {
	p.prepare()
	p.mu.Lock()
	p.end = &code
	p.mu.Unlock()
	p.tell()
}

// tell wakes Run.
func (p *Parent) tell() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Context is for whatever else starts programs while Run runs, such as the
// checks of outputs: it lets them have the exit statuses that the reaper of
// orphans would take.
func (p *Parent) Context(ctx context.Context) context.Context {
	p.prepare()
	return orphan.With(ctx, p.reaper)
}

func (p *Parent) prepare() {
	p.once.Do(func() { p.reaper, p.wake = orphan.New(), make(chan struct{}, 1) })
}

// asked is the code to end with, or nil.
func (p *Parent) asked() *int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end
}

// news returns the newest environment, or told where there is none, and whether
// files have changed.
func (p *Parent) news(told []string) (environ []string, files bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.environ == nil {
		p.environ = told
	}
	files, p.files = p.files, false
	return p.environ, files
}

func (p *Parent) settle() time.Duration { return cmp.Or(p.Settle, DefaultSettle) }
func (p *Parent) grace() time.Duration  { return cmp.Or(p.Grace, DefaultGrace) }

func (p *Parent) log() *slog.Logger {
	if p.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return p.Log
}

// changed names the variables that differ between two environments.
func changed(a, b []string) []string {
	var names []string
	for _, pair := range [][2][]string{{a, b}, {b, a}} {
		for _, variable := range pair[0] {
			name, _, _ := strings.Cut(variable, "=")
			if !slices.Contains(pair[1], variable) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
