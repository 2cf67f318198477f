package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

// recorder is an action that takes its time, fails as told, and notes what it
// was told and when.
type recorder struct {
	name string

	mu     sync.Mutex
	takes  time.Duration
	err    error
	events []notify.Event
	at     []time.Time
}

func (r *recorder) String() string { return r.name }

func (r *recorder) Do(ctx context.Context, e notify.Event) error {
	r.mu.Lock()
	r.events, r.at = append(r.events, e), append(r.at, time.Now())
	takes, err := r.takes, r.err
	r.mu.Unlock()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(takes):
		return err
	}
}

func (r *recorder) become(takes time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takes, r.err = takes, err
}

// told says what it was told, once all is quiet.
func (r *recorder) told() []notify.Event {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

func (r *recorder) times() []time.Time {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

// While a hook runs, what is published is put together for one further run.
func TestCoalesce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &recorder{name: "slow", takes: 5 * time.Second}
		quick := &recorder{name: "quick"}
		var deliveries []notify.Delivery
		n := &notify.Notifier{
			Hooks: []notify.Hook{{On: []string{"/a", "/b"}, Action: slow}, {On: []string{"/a"}, Action: quick}},
			Done: func(d notify.Delivery) {
				if d.Hook == "slow" {
					deliveries = append(deliveries, d)
				}
			},
		}
		stop := running(t, n)
		start := time.Now()
		n.Published(notify.Publication{Digests: map[string]notify.Digest{"/a": {1}, "/b": {1}}, Facts: []string{"x"}, Noticed: start})
		for i := range byte(40) {
			time.Sleep(100 * time.Millisecond)
			p := state("/a", 2+i, fmt.Sprintf("fact%d", i%3))
			p.Noticed = time.Now()
			n.Published(p)
		}
		n.Published(state("/c", 9, "not for anybody"))
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}

		if len(slow.told()) != 2 {
			t.Fatalf("the slow hook ran %d times, want 2: %v", len(slow.told()), slow.told())
		}
		if e := slow.told()[0]; !slices.Equal(e.Outputs, []string{"/a", "/b"}) || !slices.Equal(e.Facts, []string{"x"}) {
			t.Errorf("first told %v", e)
		}
		if e := slow.told()[1]; !slices.Equal(e.Outputs, []string{"/a"}) || !slices.Equal(e.Facts, []string{"fact0", "fact1", "fact2"}) {
			t.Errorf("then told %v", e)
		}
		if got := slow.times()[1].Sub(start); got != 5*time.Second {
			t.Errorf("the second run was %v after the first", got)
		}
		if got := deliveries[1].Noticed.Sub(start); got != 100*time.Millisecond {
			t.Errorf("the oldest change was noticed after %v", got)
		}
		if d := deliveries[0]; d.Took != 5*time.Second || !d.Noticed.Equal(start) || d.Err != nil {
			t.Errorf("delivered %+v", d)
		}
		if len(quick.told()) != 41 {
			t.Errorf("the quick hook waited for the slow one: %d runs", len(quick.told()))
		}
		if due := n.Pending(); len(due) > 0 {
			t.Errorf("pending %+v", due)
		}
	})
}

// Published does not wait, whatever hooks do.
func TestPublishedDoesNotBlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hung := &recorder{name: "hung", takes: time.Hour}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: hung}}}
		before := time.Now()
		n.Published(state("/a", 1)) // nobody runs yet
		stop := running(t, n)
		synctest.Wait()
		for i := range byte(100) {
			n.Published(state("/a", i))
		}
		if took := time.Since(before); took != 0 {
			t.Errorf("took %v", took)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := &recorder{name: "down", err: errors.New("refused")}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: down}}, Retry: time.Second, RetryMax: 10 * time.Second}
		stop := running(t, n)
		n.Published(state("/a", 1))
		time.Sleep(time.Minute)
		for i, least := range []time.Duration{1, 2, 4, 8, 10, 10} {
			least *= time.Second
			if wait := down.times()[i+1].Sub(down.times()[i]); wait < least || wait > least+least/4 {
				t.Errorf("wait %d is %v, want %v and up to a quarter more", i, wait, least)
			}
		}
		due := n.Pending()
		if len(due) != 1 || due[0].Hook != "down" || due[0].Err == nil || due[0].Err.Error() != "refused" ||
			!slices.Equal(due[0].Outputs, []string{"/a"}) || !due[0].Since.Equal(down.times()[0]) {
			t.Errorf("pending %+v", due)
		}

		// A new state cuts the wait down to the first one, counted from the
		// attempt that failed.
		last := func() (int, time.Time) {
			all := down.times()
			return len(all), all[len(all)-1]
		}
		n0, failed := last()
		for n1 := n0; n1 == n0; n1, failed = last() {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(500 * time.Millisecond)
		n.Published(state("/a", 2))
		time.Sleep(600 * time.Millisecond)
		if _, at := last(); at.Sub(failed) != time.Second {
			t.Errorf("tried again after %v, want a second", at.Sub(failed))
		}
		// Once that much has passed, at once. The doubling begins anew.
		time.Sleep(time.Second)
		if _, at := last(); at.Sub(failed) > 2250*time.Millisecond {
			t.Errorf("tried once more after %v", at.Sub(failed))
		}
		time.Sleep(1500 * time.Millisecond) // of the two seconds to wait
		down.become(0, nil)
		n.Published(state("/a", 3))
		if due := n.Pending(); len(due) != 1 {
			t.Errorf("pending %+v", due)
		}
		before := time.Now()
		if _, at := last(); !at.Equal(before) {
			t.Errorf("tried %v ago", before.Sub(at))
		}
		if due := n.Pending(); len(due) > 0 {
			t.Errorf("pending %+v", due)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A storm of changes does not make a failing hook a hot loop.
func TestStormOfFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := &recorder{name: "down", err: errors.New("refused")}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: down}}}
		stop := running(t, n)
		const seconds = 60
		for i := range seconds * 100 {
			n.Published(notify.Publication{Digests: map[string]notify.Digest{"/a": {byte(i), byte(i >> 8)}}})
			time.Sleep(10 * time.Millisecond)
		}
		if got := len(down.told()); got < seconds-1 || got > seconds+1 {
			t.Errorf("%d attempts in %d seconds", got, seconds)
		}
		down.become(0, nil)
		time.Sleep(2 * time.Second)
		if due := n.Pending(); len(due) > 0 {
			t.Errorf("pending %+v", due)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// An attempt that failed may have told all the same, so that even the old state
// is news then.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "r"}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: r}}}
		stop := running(t, n)
		tell := func(digest byte, err error) {
			r.become(0, err)
			n.Published(state("/a", digest))
			time.Sleep(100 * time.Millisecond)
		}
		tell(1, nil)
		tell(1, nil)
		if len(r.told()) != 1 {
			t.Errorf("told %d times of one state", len(r.told()))
		}
		tell(2, errors.New("half done"))
		tell(1, nil)
		time.Sleep(time.Minute)
		if len(r.told()) != 3 {
			t.Errorf("told %d times, want 3: state 1, state 2 in vain, state 1", len(r.told()))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// What came and went before the hook could be told may have been seen all the
// same, by the hook that ran just then or by an application that started.
func TestCameAndWent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "r", takes: 5 * time.Second}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: r}}}
		stop := running(t, n)
		for _, digest := range []byte{1, 2, 1} {
			n.Published(state("/a", digest, fmt.Sprint("fact", digest)))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		if told := r.told(); len(told) != 2 || !slices.Equal(told[1].Facts, []string{"fact1", "fact2"}) {
			t.Errorf("told %v", told)
		}
		n.Published(state("/a", 1, "fact3"))
		time.Sleep(time.Minute)
		n.Published(state("/a", 3, "fact4"))
		time.Sleep(time.Minute)
		if told := r.told(); len(told) != 3 || !slices.Equal(told[2].Facts, []string{"fact4"}) {
			t.Errorf("told %v", told)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Hooks that do the same have names of their own: one that fails does not hide
// behind one that succeeds.
func TestNames(t *testing.T) {
	t.Parallel()
	hook := func(name string) notify.Hook {
		return notify.Hook{On: []string{"/a"}, Action: &recorder{name: name}}
	}
	hooks := []notify.Hook{hook("reload"), hook("other"), hook("reload"), {}, hook("reload")}
	want := []string{"reload", "other", "reload (2)", "", "reload (3)"}
	if got := notify.Names(hooks); !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var done []string
		n := &notify.Notifier{Hooks: []notify.Hook{hook("reload"), hook("reload")}, Done: func(d notify.Delivery) {
			mu.Lock()
			defer mu.Unlock()
			done = append(done, d.Hook)
		}}
		if err := n.Once(t.Context(), state("/a", 1)); err != nil {
			t.Error(err)
		}
		if slices.Sort(done); !slices.Equal(done, []string{"reload", "reload (2)"}) {
			t.Errorf("deliveries of %q", done)
		}
	})
}

// Repeated failures are not repeated lines.
func TestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logged
		r := &recorder{name: "r"}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: r}}, RetryMax: time.Second, Log: log.logger()}
		stop := running(t, n)
		for i, err := range []error{nil, errors.New("read from port 40213: reset"), errors.New("read from port 40999: reset"), errors.New("refused"), errors.New("read from port 1: reset"), nil, nil} {
			r.become(0, err)
			n.Published(state("/a", byte(i)))
			time.Sleep(5 * time.Second)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		want := []string{
			`level=INFO msg="hook succeeded" outputs=[/a]`,
			`level=WARN msg="hook failed; it is tried again" error="read from port 40213: reset"`,
			`level=WARN msg="hook failed; it is tried again" error=refused`,
			`level=WARN msg="hook failed; it is tried again" error="read from port 1: reset"`,
			`level=INFO msg="hook succeeded again" outputs=[/a] failures=`,
			`level=INFO msg="hook succeeded" outputs=[/a]`,
		}
		lines := log.lines()
		if !slices.EqualFunc(lines, want, strings.HasPrefix) {
			t.Errorf("logged\n%s\nwant\n%s", strings.Join(lines, ""), strings.Join(want, "\n"))
		}
	})
}

func TestFactsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "r", takes: time.Hour}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: r, Timeout: 2 * time.Hour}}}
		stop := running(t, n)
		n.Published(state("/a", 255))
		for i := range 1000 {
			n.Published(state("/a", byte(i%200), fmt.Sprintf("fact%03d", i), strings.Repeat("x", i*100)))
		}
		time.Sleep(90 * time.Minute)
		facts := r.told()[1].Facts
		if size := len(strings.Join(facts, "\n")); len(facts) > 100 || len(facts) < 20 || size > 64<<10 || !slices.IsSorted(facts) {
			t.Errorf("%d facts of %d bytes", len(facts), size)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Any goroutine may publish and ask while hooks run.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	store := &memory{}
	n := &notify.Notifier{Store: store}
	for i := range 8 {
		n.Hooks = append(n.Hooks, notify.Hook{On: []string{"/a", fmt.Sprint("/", i)}, Action: action{fmt.Sprint(i), func(context.Context, notify.Event) error {
			if runs.Add(1)%3 == 0 {
				return errors.New("now and then")
			}
			return nil
		}}})
	}
	n.Retry, n.RetryMax = time.Millisecond, time.Millisecond
	stop := running(t, n)
	done := make(chan struct{})
	for g := range 4 {
		go func() {
			for i := range 200 {
				n.Published(state("/a", byte(i)))
				n.Published(state(fmt.Sprint("/", i%8), byte(i+g)))
				n.Pending()
			}
			done <- struct{}{}
		}()
	}
	for range 4 {
		<-done
	}
	for len(n.Pending()) > 0 {
		time.Sleep(time.Millisecond)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
