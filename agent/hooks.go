package agent

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
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
	digests map[string]notify.Digest       // of what each output holds, as far as it is known
}

func newHerald(a *Agent, r *round) *herald {
	h := &herald{digests: make(map[string]notify.Digest)}
	h.Store = notify.Disk{}
	h.Log, h.Retry, h.RetryMax = r.log, a.Timing.Retry, a.Timing.RetryMax
	h.Started = func(hook string, at time.Time, limit time.Duration) { r.tell(Notifying{hook, at, limit}) }
	h.Done = func(d notify.Delivery) { r.tell(Notified(d)) }
	for _, hook := range a.Hooks {
		if hook.Message != nil {
			hook.Body = func() ([]byte, error) {
				b := sheet{ctx: context.Background()}
				err := hook.Message.Render(&b, h.newest.Load())
				return b.Bytes(), err
			}
		}
		h.Hooks = append(h.Hooks, hook.Hook)
	}
	return h
}

// published tells the hooks what the outputs hold now.
func (h *herald) published(units []unit, outcomes []outcome, s *watch.Snapshot) {
	p, news, restored := h.publication(units, outcomes, s)
	if news {
		h.Published(p)
	}
	if restored {
		h.Restored()
	}
}

// publication says what the outputs hold now, whether any of that is new, and
// whether what is not had to be written once more.
func (h *herald) publication(units []unit, outcomes []outcome, s *watch.Snapshot) (p notify.Publication, news, restored bool) {
	h.newest.Store(s)
	for i, u := range units {
		o := outcomes[i]
		if o.err != nil && !o.changed {
			continue
		}
		for j, output := range u.outputs {
			digest := notify.Digest(sha256.Sum256(o.contents[j]))
			isNews := h.digests[output.File.Path] != digest
			news, restored = news || isNews, restored || o.changed && !isNews
			h.digests[output.File.Path] = digest
		}
		for _, fact := range o.facts {
			p.Facts = append(p.Facts, string(fact))
		}
		if p.Noticed.IsZero() || !o.noticed.IsZero() && o.noticed.Before(p.Noticed) {
			p.Noticed = o.noticed
		}
	}
	slices.Sort(p.Facts)
	p.Facts = slices.Compact(p.Facts)
	p.Digests = maps.Clone(h.digests)
	return p, news, restored
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
