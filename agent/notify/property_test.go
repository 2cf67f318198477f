package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

// TestNothingIsLost lives through random sequences of changes, failures, restarts
// and crashes, and asks at the end that everybody has heard of the final state;
// and all the time, that nobody is told anything without a reason.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	worlds := 200
	if testing.Short() {
		worlds = 50
	}
	var attempts, crashes, exits int
	for seed := range worlds {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, uint64(seed))
			w.live()
			attempts, crashes, exits = attempts+w.attempts, crashes+w.crashes, exits+w.exits
			if t.Failed() {
				t.Fatalf("with seed %d", seed)
			}
		})
	}
	t.Logf("%d attempts, %d crashes, %d exits", attempts, crashes, exits)
	if attempts < 10*worlds || crashes < worlds || exits < worlds/2 {
		t.Error("too little happened: this test proves nothing")
	}
}

// world is what outlives a process: files, their consumers, and the store.
type world struct {
	t      *testing.T
	mu     sync.Mutex
	rng    *rand.Rand
	files  map[string]byte
	store  memory
	all    []*consumer
	calm   bool   // nothing fails any more
	moving bool   // a file has been replaced and nobody told
	exit   string // where the exit is remembered

	attempts, crashes, exits int
}

// consumer is who a hook tells, and what it has loaded.
type consumer struct {
	hook    notify.Hook
	loaded  map[string]byte
	changes int       // that nobody has published yet
	reasons int       // to tell it something
	begun   int       // how many there were when it was last told
	late    bool      // the newest came so shortly before that it may not have counted
	at      time.Time // of the newest
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 0)), files: map[string]byte{"/a": 0, "/b": 0}}
	for _, h := range []notify.Hook{
		{On: []string{"/a"}},
		{On: []string{"/a", "/b"}, Timeout: 2500 * time.Millisecond},
		{On: []string{"/b"}, SkipFirst: true},
		{On: []string{"/b"}, SkipFirst: true, Action: notify.Exit{Code: 88}},
	} {
		w.all = append(w.all, &consumer{hook: h, loaded: maps.Clone(w.files), reasons: 1})
	}
	last := w.all[len(w.all)-1].hook
	if err := (&notify.Notifier{Hooks: []notify.Hook{last}, Store: &w.store}).Once(t.Context(), state("/b", 0)); err != nil {
		t.Fatal(err)
	}
	for w.exit = range w.store.files {
	}
	return w
}

func (w *world) random(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

func (w *world) sleep(most time.Duration) { time.Sleep(time.Duration(w.random(int(most)))) }

// live is some processes, one after the other; the last one has time.
func (w *world) live() {
	p := w.start()
	time.Sleep(time.Minute) // what comes first is over; see Hook.SkipFirst
	for range 20 + w.random(20) {
		w.sleep(4 * time.Second)
		switch w.random(8) {
		case 0:
			p.end(true, false)
			p = w.start()
		case 1:
			p.end(true, true)
			p = w.start()
		case 2:
			p.end(false, false)
			p = w.start()
		default:
			p.publish(true)
		}
		if p.ended() {
			p.end(false, false)
			p = w.start()
		}
	}
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	for range 5 {
		time.Sleep(10 * time.Minute)
		if !p.ended() {
			break
		}
		p.end(false, false)
		p = w.start()
	}
	if p.ended() {
		w.t.Error("the exits do not end")
	}
	if due := p.n.Pending(); len(due) > 0 {
		w.t.Errorf("pending: %+v", due)
	}
	p.end(false, false)
	for _, c := range w.all {
		for _, path := range c.hook.On {
			if c.loaded[path] != w.files[path] {
				w.t.Errorf("%s of %q has version %d of %s, not %d", c.name(), c.hook.On, c.loaded[path], path, w.files[path])
			}
		}
	}
}

func (c *consumer) name() string {
	if c.hook.Action != nil {
		return c.hook.Action.String()
	}
	return "hook"
}

// change gives one or both files another content, of few: old ones come back.
// done is to be called once that is published. The caller holds mu.
func (w *world) change(p *process) (done func()) {
	next := maps.Clone(w.files)
	for _, path := range [][]string{{"/a"}, {"/b"}, {"/a", "/b"}}[w.rng.IntN(3)] {
		next[path] = byte(w.rng.IntN(3))
	}
	changed := make(map[string]notify.Digest)
	for path := range next {
		if next[path] == w.files[path] {
			continue
		}
		changed[path] = notify.Digest{next[path]}
		for _, c := range w.all {
			if slices.Contains(c.hook.On, path) {
				c.changes++
			}
		}
	}
	w.mu.Unlock()
	done = p.n.Publishing(changed)
	w.mu.Lock()
	w.files, w.moving = next, true
	return done
}

// process is one life of podfacts.
type process struct {
	w      *world
	n      *notify.Notifier
	cancel context.CancelFunc
	done   chan struct{}
	dead   bool // nothing that it does has an effect any more
	exits  bool // an exit has been decided
	leaves bool // it is written down: the one moment in which a kill costs an exit
	stays  bool // another has come to nothing: see notify.Exit
}

func (w *world) start() *process {
	p := &process{w: w, done: make(chan struct{})}
	p.n = &notify.Notifier{Store: p, Done: p.delivered, Log: slog.New(p)}
	for i, c := range w.all {
		h := c.hook
		if h.Action == nil {
			h.Action = action{fmt.Sprint("hook ", i), func(ctx context.Context, e notify.Event) error { return p.tell(ctx, c, e) }}
		}
		p.n.Hooks = append(p.n.Hooks, h)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	p.cancel = cancel
	go func() {
		defer close(p.done)
		p.exited(p.n.Run(ctx))
	}()
	p.publish(false)
	time.AfterFunc(2*saving, p.ready)
	return p
}

// ready lets an application start that waits for podfacts, and reads the files by
// itself. It does not do so at the very moment at which one is being replaced:
// see the limits in the package's comment.
func (p *process) ready() {
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moving {
		time.AfterFunc(saving, p.ready)
		return
	}
	for _, c := range w.all {
		if c.loaded == nil && !p.dead && !p.exits && !p.ended() {
			c.loaded = maps.Clone(w.files)
		}
	}
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// end ends the process, by SIGKILL or by SIGTERM. The files may have changed
// just before, so that nobody was told.
func (p *process) end(kill, changed bool) {
	w := p.w
	if changed {
		w.mu.Lock()
		w.change(p)
		w.mu.Unlock()
		w.sleep(50 * time.Millisecond)
	}
	w.mu.Lock()
	if kill && !p.leaves && !p.ended() {
		p.dead = true
		w.crashes++
		for _, c := range w.all {
			c.reasons++
		}
	}
	w.mu.Unlock()
	p.cancel()
	<-p.done
}

// publish changes the files, if so wanted, and says what they hold. From then on
// that is a reason.
func (p *process) publish(changed bool) {
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if changed {
		done := w.change(p)
		defer done()
		w.mu.Unlock()
		w.sleep(50 * time.Millisecond)
		w.mu.Lock()
	}
	w.moving = false
	now := notify.Publication{Digests: make(map[string]notify.Digest)}
	for path, content := range w.files {
		now.Digests[path] = notify.Digest{content}
	}
	for _, c := range w.all {
		if c.changes > 0 {
			c.reasons, c.changes, c.at = c.reasons+c.changes, 0, time.Now()
		}
	}
	p.n.Published(now)
}

// delivered looks at exits, which nothing but this tells of before they happen.
func (p *process) delivered(d notify.Delivery) {
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.all {
		if c.hook.Action == nil || c.hook.Action.String() != d.Hook || p.dead {
			continue
		}
		if d.Err != nil || c.begun >= c.reasons {
			w.t.Errorf("exits without a reason: %v", d.Err)
		}
		c.begun = c.reasons
		p.exits, p.stays = p.exits || !p.stays, false
	}
}

// Handle hears of an exit that comes to nothing, which is delivered next.
func (p *process) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "not done again") {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		p.stays = true
	}
	return nil
}

func (p *process) Enabled(context.Context, slog.Level) bool { return true }
func (p *process) WithAttrs([]slog.Attr) slog.Handler       { return p }
func (p *process) WithGroup(string) slog.Handler            { return p }

// exited is what becomes of a process that ends by itself: all containers start
// anew.
func (p *process) exited(err error) {
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil || p.dead {
		return
	}
	w.exits++
	for _, c := range w.all {
		if exit, ok := c.hook.Action.(notify.Exit); ok {
			if asked, ok := errors.AsType[*notify.ExitError](err); !ok || asked.Code != exit.Code {
				w.t.Error(err)
			}
			c.loaded = nil // it has ended, too
		}
	}
}

// tell is an action that takes its time and may fail: before it has told, and
// after.
func (p *process) tell(ctx context.Context, c *consumer, e notify.Event) error {
	w := p.w
	fails := w.random(4)
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if fails < 2 || ctx.Err() != nil {
			c.reasons++
		}
	}()
	w.mu.Lock()
	if w.calm {
		fails = 3
	}
	w.attempts++
	if c.begun >= c.reasons && !c.late && !p.dead {
		w.t.Errorf("told %q of %q without a reason", c.hook.On, e.Outputs)
	}
	c.begun, c.late = c.reasons, time.Since(c.at) <= saving
	w.mu.Unlock()
	w.sleep(1500 * time.Millisecond)
	if ctx.Err() != nil || fails == 0 {
		return errors.New("did not tell")
	}
	w.mu.Lock()
	for _, path := range c.hook.On { // as an application that loads all of its files
		if !p.dead {
			c.loaded[path] = w.files[path]
		}
	}
	w.mu.Unlock()
	w.sleep(1500 * time.Millisecond)
	if ctx.Err() != nil || fails == 1 {
		return errors.New("told, but cannot say so")
	}
	return nil
}

// saving is how long it takes at most. A publication that comes meanwhile is for
// the next time.
const saving = 200 * time.Millisecond

// Load and Save take their time, too: a crash may come before and after.

func (p *process) Load(path string) ([]byte, error) {
	p.w.sleep(saving / 2)
	return p.w.store.Load(path)
}

func (p *process) Save(path string, data []byte) error {
	p.w.sleep(saving / 2)
	p.w.mu.Lock()
	dead := p.dead
	p.leaves = p.leaves || p.exits && !dead && path == p.w.exit
	p.w.mu.Unlock()
	if dead {
		return nil
	}
	err := p.w.store.Save(path, data)
	p.w.sleep(saving / 2)
	return err
}
