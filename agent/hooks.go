package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// Hook is told when outputs have changed.
type Hook struct {
	notify.Hook
	// Message renders what the action sends, from the newest snapshot. Nil:
	// nothing.
	Message render.Renderer
}

// herald tells the hooks what has been published.
type herald struct {
	notify.Notifier

	newest  atomic.Pointer[watch.Snapshot] // for messages
	mu      sync.Mutex
	digests map[string]notify.Digest // of what each output holds, as far as it is known
}

func newHerald(a *Agent, r *round) *herald {
	h := &herald{digests: make(map[string]notify.Digest)}
	h.Store = notify.Disk{}
	h.Log, h.Retry, h.RetryMax = r.log, a.Timing.Retry, a.Timing.RetryMax
	h.Started = func(hook string, at time.Time, limit time.Duration) { r.tell(Notifying{hook, at, limit}) }
	h.Done = func(d notify.Delivery) { r.tell(Notified(d)) }
	for _, hook := range a.Hooks {
		if hook.Message != nil {
			hook.Body = func(ctx context.Context) ([]byte, error) {
				var b bytes.Buffer
				err := hook.Message.Render(ctx, &b, h.newest.Load())
				return b.Bytes(), err
			}
		}
		h.Hooks = append(h.Hooks, hook.Hook)
	}
	return h
}

// publishing says that the files of a unit are about to change, if they are,
// until done is called. All of a round begin before the first is done: a hook
// that is for several of them waits for all.
func (h *herald) publishing(u unit, o *outcome) (done func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var paths []string
	for i, output := range u.outputs {
		if path := output.File.Path; h.digests[path] != sha256.Sum256(o.contents[i]) {
			paths = append(paths, path)
		}
	}
	return h.Publishing(paths...)
}

// published tells the hooks what the files of a unit hold now, and whether what
// is not new had to be written once more.
func (h *herald) published(u unit, o *outcome) {
	if o.err != nil && !o.changed {
		return
	}
	p := notify.Publication{Digests: make(map[string]notify.Digest), Noticed: o.noticed}
	for _, fact := range o.facts {
		p.Facts = append(p.Facts, string(fact))
	}
	news, restored := false, false
	h.mu.Lock()
	for i, output := range u.outputs {
		path, digest := output.File.Path, notify.Digest(sha256.Sum256(o.contents[i]))
		isNews := h.digests[path] != digest
		news, restored = news || isNews, restored || o.changed && !isNews
		h.digests[path], p.Digests[path] = digest, digest
	}
	h.mu.Unlock()
	if news {
		h.Published(p)
	}
	if restored {
		h.Restored()
	}
}

// spareExits keeps the exits from happening. What an init container is followed
// by has not read the files yet, so that nothing need be started again.
func (h *herald) spareExits() {
	for i, hook := range h.Hooks {
		if exit, ok := hook.Action.(notify.Exit); ok {
			h.Hooks[i].Action = spared{exit}
		}
	}
}

// spared is an exit that does not happen, and counts as told.
type spared struct{ notify.Exit }

func (spared) Do(context.Context, notify.Event) error { return nil }
