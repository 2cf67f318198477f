package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
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
	// Message and Headers render what the action sends, from the newest snapshot.
	// Nil: nothing.
	Message render.Renderer
	Headers map[string]render.Renderer
}

// Needs lists the facts of what it sends.
func (h Hook) Needs() watch.Needs {
	var needs watch.Needs
	if h.Message != nil {
		needs = append(needs, h.Message.Needs()...)
	}
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		needs = append(needs, h.Headers[name].Needs()...)
	}
	return needs
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
	h.Store, h.Dir = notify.Disk{MakeDirs: a.StateDir != ""}, a.StateDir
	h.Log, h.Retry, h.RetryMax = r.log, a.Timing.Retry, a.Timing.RetryMax
	h.Started = func(hook string, at time.Time, limit time.Duration) { r.tell(Notifying{hook, at, limit}) }
	h.Done = func(d notify.Delivery) { r.tell(Notified(d)) }
	for _, output := range a.Outputs {
		if output.Take == nil {
			h.Outputs = append(h.Outputs, output.File.Path)
		}
	}
	for _, hook := range a.Hooks {
		if hook.Message != nil {
			hook.Body = func(ctx context.Context) ([]byte, error) { return h.text(ctx, hook.Message) }
		}
		if len(hook.Headers) > 0 {
			hook.Header = func(ctx context.Context) (map[string]string, error) { return h.headers(ctx, hook.Headers) }
		}
		h.Hooks = append(h.Hooks, hook.Hook)
	}
	return h
}

// text renders what is sent, from the newest snapshot.
func (h *herald) text(ctx context.Context, r render.Renderer) ([]byte, error) {
	var b bytes.Buffer
	err := r.Render(ctx, &b, h.newest.Load())
	return b.Bytes(), err
}

func (h *herald) headers(ctx context.Context, all map[string]render.Renderer) (map[string]string, error) {
	texts := make(map[string]string, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text, err := h.text(ctx, all[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		texts[name] = strings.TrimSpace(string(text))
	}
	return texts, nil
}

// publishing says that the files of a unit are about to change, if they are,
// until done is called. All of a round begin before the first is done: a hook
// that is for several of them waits for all.
func (h *herald) publishing(u unit, o *outcome) (done func()) {
	next := make(map[string]notify.Digest)
	h.mu.Lock()
	for i, output := range u.outputs {
		path, digest := output.File.Path, notify.Digest(sha256.Sum256(o.contents[i]))
		if h.digests[path] != digest {
			next[path] = digest
		}
	}
	h.mu.Unlock()
	return h.Publishing(next)
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
