package health

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/watch"
)

// volume is a source that a test may break, or keep from answering.
type volume struct {
	watch func(ctx context.Context) error

	mu      sync.Mutex
	fails   error
	partial bool // it still knows the labels
	hangs   chan struct{}
}

func (*volume) String() string { return "volume" }

func (v *volume) Read(ctx context.Context) (watch.Layer, error) {
	v.mu.Lock()
	fails, partial, hangs := v.fails, v.partial, v.hangs
	v.mu.Unlock()
	if hangs != nil {
		select {
		case <-hangs:
		case <-ctx.Done():
			return watch.Layer{}, ctx.Err()
		}
	}
	var l watch.Layer
	if fails == nil || partial {
		l.Set("pod.labels", map[string]string{"app": "web", "role": "leader"}, "labels")
	}
	if fails == nil {
		l.Set("pod.uid", "1234", "uid") // nobody needs it
	}
	return l, fails
}

func (v *volume) Watch(ctx context.Context, changed func()) error {
	changed()
	if v.watch != nil {
		return v.watch(ctx)
	}
	<-ctx.Done()
	return ctx.Err()
}

func (v *volume) set(change func(*volume)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

// watching runs a test beside a real Follow, whose rounds succeed.
func watching(t *testing.T, v *volume, do func(t *testing.T, m *Monitor, v *volume)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			began(m)
			ended <- watch.Follow(ctx, watch.Timing{}, func(s *watch.Snapshot, err error) error {
				m.Report(agent.Looked{Snapshot: s, Err: err})
				round(m, nil)
				return nil
			}, v)
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		do(t, m, v)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestReadyStaleFacts(t *testing.T) {
	t.Parallel()
	watching(t, &volume{}, func(t *testing.T, m *Monitor, v *volume) {
		m.SetMaxAge(5 * time.Minute)
		want(t, m, Ready, "ok\n")
		v.set(func(v *volume) { v.fails = errBroken })
		time.Sleep(90 * time.Second) // resyncs see it
		want(t, m, Ready, "[!]source volume warning: failing for 31s: broken in two lines; 2 facts in use stay as they were 1m31s ago\nok\n")
		time.Sleep(4 * time.Minute)
		const late = `[+]output /run/app.conf ok
[+]output /run/pod.env ok
[-]source volume failed: pod.labels['app'] was confirmed 5m31s ago, and 5m0s is the limit; failing for 4m31s: broken in two lines
ready check failed
`
		want(t, m, Ready, late)
		want(t, m, Live, "ok\n") // a restart would not help
		want(t, m, Startup, "ok\n")

		m.SetMaxAge(0)
		want(t, m, Ready, "[!]source volume warning: failing for 4m31s: broken in two lines; 2 facts in use stay as they were 5m31s ago\nok\n")
		m.SetMaxAge(5 * time.Minute)
		want(t, m, Ready, late)

		v.set(func(v *volume) { v.fails = nil })
		time.Sleep(time.Minute)
		want(t, m, Ready, "ok\n")
	})
}

// A fact that no output uses may be as old as it likes.
func TestReadyStaleFactsThatNobodyUses(t *testing.T) {
	t.Parallel()
	watching(t, &volume{}, func(t *testing.T, m *Monitor, v *volume) {
		m.SetMaxAge(time.Minute)
		v.set(func(v *volume) { v.fails, v.partial = errBroken, true })
		time.Sleep(10*time.Minute + time.Second)
		want(t, m, Ready, "[!]source volume warning: failing for 9m2s: broken in two lines\nok\n")
	})
}

// A read that does not return lets the facts age as one that fails does. Only
// one that never will takes a restart.
func TestSourceHangs(t *testing.T) {
	t.Parallel()
	watching(t, &volume{}, func(t *testing.T, m *Monitor, v *volume) {
		m.SetMaxAge(2 * time.Minute)
		answer := make(chan struct{})
		v.set(func(v *volume) { v.hangs = answer })
		time.Sleep(65 * time.Second) // since the resync after a minute
		want(t, m, Ready, "ok\n")
		time.Sleep(6 * time.Second)
		want(t, m, Ready, "[!]source volume warning: no answer for 12s; 2 facts in use stay as they were 1m12s ago\nok\n")
		want(t, m, Live, "ok\n")
		time.Sleep(time.Minute)
		want(t, m, Ready, `[+]output /run/app.conf ok
[+]output /run/pod.env ok
[-]source volume failed: pod.labels['app'] was confirmed 2m12s ago, and 2m0s is the limit; no answer for 1m12s
ready check failed
`)
		time.Sleep(4 * time.Minute)
		want(t, m, Live, "[+]rounds ok\n[-]source volume failed: hung: a read has not returned for 5m12s\nlive check failed\n")
		close(answer)
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, m, Live, "ok\n")
		want(t, m, Ready, "ok\n")
	})
}

// A watch that is down leaves the source to be read now and then.
func TestReadyWatchDown(t *testing.T) {
	t.Parallel()
	breaks := func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
		}
		return errBroken
	}
	watching(t, &volume{watch: breaks}, func(t *testing.T, m *Monitor, _ *volume) {
		want(t, m, Ready, "ok\n")
		time.Sleep(9*time.Second + 200*time.Millisecond)
		want(t, m, Ready, "[!]watch warning: volume: broken in two lines\nok\n")
		time.Sleep(5 * time.Second)
		want(t, m, Ready, "ok\n")
	})
}
