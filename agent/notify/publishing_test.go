package notify_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

// next is what is about to be published, whatever it is.
func next(outputs ...string) map[string]notify.Digest {
	all := make(map[string]notify.Digest)
	for _, path := range outputs {
		all[path] = notify.Digest{}
	}
	return all
}

// A hook waits for what is being published, and hears of all of it at once.
func TestPublishing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, other := &recorder{name: "r"}, &recorder{name: "other"}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a", "/b"}, Action: r}, {On: []string{"/c"}, Action: other}}}
		stop := running(t, n)
		done := n.Publishing(next("/a", "/b"))
		n.Published(state("/a", 1))
		n.Published(state("/c", 1))
		if len(r.told()) != 0 || len(other.told()) != 1 {
			t.Errorf("told %v, and the other %v", r.told(), other.told())
		}
		n.Published(state("/b", 1))
		done()
		if told := r.told(); len(told) != 1 || len(told[0].Outputs) != 2 {
			t.Errorf("told %v", told)
		}
		n.Publishing(next("/a", "/b"))() // in vain
		time.Sleep(time.Hour)
		if told := r.told(); len(told) != 1 {
			t.Errorf("told %v", told)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Outputs that are published beside each other are waited for, all of them.
func TestPublishingBeside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "r"}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a", "/b"}, Action: r}}}
		stop := running(t, n)
		doneA, doneB := n.Publishing(next("/a")), n.Publishing(next("/b"))
		n.Published(state("/a", 1))
		doneA()
		time.Sleep(time.Minute)
		if told := r.told(); len(told) != 0 {
			t.Errorf("told %v while the other is replaced", told)
		}
		n.Published(state("/b", 1))
		doneB()
		time.Sleep(time.Minute)
		if told := r.told(); len(told) != 1 || len(told[0].Outputs) != 2 {
			t.Errorf("told %v", told)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A hook that runs while a file is replaced does not know which content it has
// read, though nothing may have come of it.
func TestPublishingWhileRunning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, store := &recorder{name: "r", takes: time.Second}, &memory{}
		hooks := []notify.Hook{{On: []string{"/a"}, Action: r}}
		n := &notify.Notifier{Hooks: hooks, Store: store}
		stop := running(t, n)
		n.Published(state("/a", 1))
		synctest.Wait()
		done := n.Publishing(next("/a"))
		time.Sleep(10 * time.Second)
		if told := r.told(); len(told) != 1 {
			t.Errorf("told %v before the file is replaced", told)
		}
		if err := stop(); err != nil { // as if killed: nobody has been told of the new content
			t.Error(err)
		}
		if got := once(t, &notify.Notifier{Store: store}, hooks[0], state("/a", 1)); got != 1 {
			t.Errorf("told %d times after the old content is back", got)
		}

		done()
		stop = running(t, n)
		time.Sleep(10 * time.Second)
		if told := r.told(); len(told) != 3 {
			t.Errorf("told %v", told)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Who publishes all the time does not keep hooks from running.
func TestPublishingAlways(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "r"}
		n := &notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: r}}}
		stop := running(t, n)
		done := n.Publishing(next("/a"))
		const times = 100
		for i := range byte(times) {
			time.Sleep(time.Second) // the check of a file is slow
			n.Published(state("/a", i))
			then := n.Publishing(next("/a"))
			done()
			done = then
		}
		done()
		if got := len(r.told()); got < times/2 || got > times+1 {
			t.Errorf("told %d times of %d contents", got, times)
		}
		time.Sleep(time.Hour)
		if due := n.Pending(); len(due) != 0 || len(r.told()) > times+1 {
			t.Errorf("told %d times; pending %+v", len(r.told()), due)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// What could not be published for the first time counts for nothing: what is, then,
// is the first.
func TestPublishingThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, store := &recorder{name: "r"}, &memory{}
		hook := notify.Hook{On: []string{"/a"}, Action: r, SkipFirst: true}
		life := func(content byte, published bool) {
			n := &notify.Notifier{Hooks: []notify.Hook{hook}, Store: store}
			stop := running(t, n)
			done := n.Publishing(map[string]notify.Digest{"/a": {content}})
			if published {
				n.Published(state("/a", content))
			}
			done()
			synctest.Wait()
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
		life(1, false)
		life(2, true)
		if told := r.told(); len(told) != 0 {
			t.Errorf("told of the first: %v", told)
		}
		life(3, true)
		if told := r.told(); len(told) != 1 {
			t.Errorf("told %d times of the second", len(told))
		}
	})
}
