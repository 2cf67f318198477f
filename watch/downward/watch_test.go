package downward

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// following is a Watch that runs until the test ends.
type following struct {
	t       *testing.T
	changes chan struct{}
}

// follow starts Watch and waits until it has begun.
func follow(t *testing.T, s *Source) following {
	t.Helper()
	f := following{t, make(chan struct{}, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Watch(ctx, func() { f.changes <- struct{}{} }); err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	f.next("to begin")
	return f
}

// next waits for a change. The limit only keeps a broken test from hanging.
func (f following) next(why string) {
	f.t.Helper()
	select {
	case <-f.changes:
	case <-time.After(time.Minute):
		f.t.Fatalf("nothing changed: waited for %s", why)
	}
}

// until reads after each change until the version is there.
func (f following) until(s *Source, n string) {
	f.t.Helper()
	for {
		f.next("version " + n)
		layer, err := s.Read(f.t.Context())
		if err != nil {
			continue
		}
		if st, _ := layer.Get("pod.labels['version']"); st.Value == n {
			return
		}
	}
}

// slow makes the comparison of every Poll too rare to help, so that events
// have to do it.
const slow = time.Hour

func TestWatch(t *testing.T) {
	t.Parallel()
	for name, poll := range map[string]time.Duration{"by events": slow, "by polling": 5 * time.Millisecond} {
		source := func(dir string) *Source {
			s := &Source{Dir: dir, Poll: poll}
			if poll != slow {
				s.newNotifier = func() (notifier, error) { return nil, syscall.EMFILE }
			}
			return s
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("swap", func(t *testing.T) {
				t.Parallel()
				v := newVolume(t, version(1))
				s := source(v.dir)
				f := follow(t, s)
				for _, n := range []int{2, 3, 4} {
					v.swap(version(n))
					f.until(s, version(n)["podName"][len("web-"):])
				}
			})
			t.Run("plain directory", func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				s := source(dir)
				f := follow(t, s)
				write(t, dir, "labels", `version="1"`)
				f.until(s, "1")
				write(t, dir, "labels", `version="22"`)
				f.until(s, "22")
				write(t, dir, "resources/main/cpu_limit", "1")
				f.next("a nested file")
				for {
					layer, err := s.Read(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if _, ok := layer.Get("containers.main.limits.cpu"); ok {
						break
					}
					f.next("the nested file")
				}
			})
			t.Run("directory vanishes and returns", func(t *testing.T) {
				t.Parallel()
				v := newVolume(t, version(1))
				s := source(v.dir)
				f := follow(t, s)
				if err := os.RemoveAll(v.dir); err != nil {
					t.Fatal(err)
				}
				for {
					f.next("the directory to vanish")
					if _, err := s.Read(t.Context()); err != nil && strings.Contains(err.Error(), "does not exist") {
						break
					}
				}
				v.swap(version(2))
				f.until(s, "2")
				v.swap(version(3)) // armed again
				f.until(s, "3")
			})
			t.Run("directory replaced", func(t *testing.T) {
				t.Parallel()
				parent := t.TempDir()
				dir := filepath.Join(parent, "podinfo")
				v, w := newVolume(t, version(1)), newVolume(t, version(2))
				rename(t, v.dir, dir)
				s := source(dir)
				f := follow(t, s)
				rename(t, dir, filepath.Join(parent, "old"))
				rename(t, w.dir, dir)
				f.until(s, "2")
				w.dir = dir
				w.swap(version(3))
				f.until(s, "3")
			})
			t.Run("directory appears", func(t *testing.T) {
				t.Parallel()
				v := newVolume(t, version(1))
				dir := filepath.Join(t.TempDir(), "podinfo")
				s := source(dir)
				f := follow(t, s)
				rename(t, v.dir, dir)
				f.until(s, "1")
			})
		})
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestWatchIsQuiet counts: the many events of one swap are one change.
func TestWatchIsQuiet(t *testing.T) {
	t.Parallel()
	v := newVolume(t, version(1))
	s := &Source{Dir: v.dir, Poll: slow}
	f := follow(t, s)
	const swaps = 20
	for n := range swaps {
		v.swap(version(n + 2))
		f.next("a swap")
	}
	if extra := len(f.changes); extra > 0 {
		t.Errorf("%d changes beyond one for each swap", extra)
	}
}

func TestWatchOfDryRun(t *testing.T) {
	t.Parallel()
	follow(t, &Source{FS: fstest.MapFS{}})
}

// fakeNotifier is what a bubble can have in place of fsnotify, if it is made
// in there.
type fakeNotifier struct {
	events chan fsnotify.Event
	errs   chan error
	added  []string
	addErr error
	closed bool
}

func newFakeNotifier() *fakeNotifier {
	return &fakeNotifier{events: make(chan fsnotify.Event), errs: make(chan error)}
}

func (n *fakeNotifier) Add(dir string) error          { n.added = append(n.added, dir); return n.addErr }
func (n *fakeNotifier) Events() <-chan fsnotify.Event { return n.events }
func (n *fakeNotifier) Errors() <-chan error          { return n.errs }
func (n *fakeNotifier) Close() error                  { n.closed = true; return nil }

// bubble runs Watch against fakes, with time that only passes when nothing
// else does. changes counts what it reported.
func bubble(t *testing.T, s *Source, test func(t *testing.T, changes *atomic.Int32)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var changes atomic.Int32
		done := make(chan error)
		go func() { done <- s.Watch(ctx, func() { changes.Add(1) }) }()
		synctest.Wait()
		test(t, &changes)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWatchFallsBackToPolling(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(*fakeNotifier) (notifier, error){
		"no instances": func(*fakeNotifier) (notifier, error) { return nil, syscall.EMFILE },
		"no watches":   func(n *fakeNotifier) (notifier, error) { n.addErr = syscall.ENOSPC; return n, nil },
		"unsupported":  func(*fakeNotifier) (notifier, error) { return nil, errors.ErrUnsupported },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVolume(t, version(1))
			var log bytes.Buffer
			var asked, granted atomic.Int32 // how often; whether from now on
			var last atomic.Pointer[fakeNotifier]
			s := &Source{Dir: v.dir, Log: slog.New(slog.NewTextHandler(&log, nil))}
			s.newNotifier = func() (notifier, error) {
				asked.Add(1)
				n := newFakeNotifier()
				last.Store(n)
				if granted.Load() == 0 {
					return refuse(n)
				}
				return n, nil
			}
			bubble(t, s, func(t *testing.T, changes *atomic.Int32) {
				if changes.Load() != 1 {
					t.Errorf("%d changes at the start, want 1", changes.Load())
				}
				pass(30 * time.Second)
				if changes.Load() != 1 || asked.Load() != 1 {
					t.Errorf("after 30 s of nothing: %d changes, asked %d times", changes.Load(), asked.Load())
				}
				v.swap(version(2))
				pass(defaultPoll)
				if changes.Load() != 2 {
					t.Errorf("%d changes after a swap, want 2", changes.Load())
				}
				pass(retryNotify)
				if asked.Load() != 2 {
					t.Errorf("asked %d times within a minute and a half, want 2", asked.Load())
				}
				if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "fs.inotify.max_user_instances") {
					t.Errorf("log:\n%s", log.String())
				}
				granted.Store(1)
				pass(retryNotify)
				if asked.Load() != 3 || len(last.Load().added) != 1 || last.Load().closed {
					t.Errorf("asked %d times, last watches %q, closed %v", asked.Load(), last.Load().added, last.Load().closed)
				}
				before := changes.Load()
				v.swap(version(3))
				last.Load().events <- fsnotify.Event{Name: filepath.Join(v.dir, "..data"), Op: fsnotify.Create}
				synctest.Wait()
				if changes.Load() != before+1 {
					t.Errorf("%d changes after an event, want %d", changes.Load(), before+1)
				}
			})
			if !last.Load().closed {
				t.Error("the notifier is left open")
			}
		})
	}
}

// TestWatchRunsOutOfWatches has the system refuse a directory that appears
// later.
func TestWatchRunsOutOfWatches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var n *fakeNotifier
	s := &Source{Dir: dir, newNotifier: func() (notifier, error) { n = newFakeNotifier(); return n, nil }}
	bubble(t, s, func(t *testing.T, changes *atomic.Int32) {
		n.addErr = syscall.ENOSPC
		write(t, dir, "resources/main/cpu_limit", "1")
		n.events <- fsnotify.Event{Name: filepath.Join(dir, "resources"), Op: fsnotify.Create}
		synctest.Wait()
		if !n.closed || changes.Load() != 2 {
			t.Errorf("closed %v, %d changes; want true, 2", n.closed, changes.Load())
		}
		write(t, dir, "resources/main/cpu_limit", "16")
		pass(defaultPoll)
		if changes.Load() != 3 {
			t.Errorf("%d changes when polling, want 3", changes.Load())
		}
	})
}

func TestWatchAfterLostEvents(t *testing.T) {
	t.Parallel()
	v := newVolume(t, version(1))
	var n *fakeNotifier
	s := &Source{Dir: v.dir, newNotifier: func() (notifier, error) { n = newFakeNotifier(); return n, nil }}
	bubble(t, s, func(t *testing.T, changes *atomic.Int32) {
		n.errs <- fsnotify.ErrEventOverflow
		synctest.Wait()
		if changes.Load() != 2 {
			t.Errorf("%d changes after an overflow, want 2", changes.Load())
		}
		v.swap(version(2)) // and no event at all
		pass(rarely * defaultPoll)
		if changes.Load() != 3 {
			t.Errorf("%d changes after a swap that nobody told, want 3", changes.Load())
		}
	})
}

func TestWatchIgnoresWhatPreparesASwap(t *testing.T) {
	t.Parallel()
	v := newVolume(t, version(1))
	var n *fakeNotifier
	s := &Source{Dir: v.dir, newNotifier: func() (notifier, error) { n = newFakeNotifier(); return n, nil }}
	bubble(t, s, func(t *testing.T, changes *atomic.Int32) {
		for _, name := range []string{"..2026_11_22_01_37_09.1", "..data_tmp", "..data", "labels"} {
			n.events <- fsnotify.Event{Name: filepath.Join(v.dir, name), Op: fsnotify.Create}
		}
		synctest.Wait()
		if changes.Load() != 1 {
			t.Errorf("%d changes without a swap, want 1", changes.Load())
		}
	})
}

func TestWatchReplacesABrokenNotifier(t *testing.T) {
	t.Parallel()
	v := newVolume(t, version(1))
	var all []*fakeNotifier
	s := &Source{Dir: v.dir, newNotifier: func() (notifier, error) {
		all = append(all, newFakeNotifier())
		return all[len(all)-1], nil
	}}
	bubble(t, s, func(t *testing.T, changes *atomic.Int32) {
		close(all[0].events)
		synctest.Wait()
		if len(all) != 2 || changes.Load() != 2 {
			t.Errorf("%d notifiers, %d changes; want 2 of each", len(all), changes.Load())
		}
	})
}

// TestWatchArmsAgain has a directory replaced by one that cannot be told from
// it: with the inode number of the old one, which file systems give away
// again at once.
func TestWatchArmsAgain(t *testing.T) {
	t.Parallel()
	for _, op := range []fsnotify.Op{fsnotify.Remove, fsnotify.Rename} {
		v := newVolume(t, version(1))
		var all []*fakeNotifier
		s := &Source{Dir: v.dir + "/", newNotifier: func() (notifier, error) {
			all = append(all, newFakeNotifier())
			return all[len(all)-1], nil
		}}
		bubble(t, s, func(t *testing.T, changes *atomic.Int32) {
			all[0].events <- fsnotify.Event{Name: v.dir, Op: op}
			synctest.Wait()
			if len(all) != 2 || !all[0].closed || changes.Load() != 2 {
				t.Errorf("%v: %d notifiers, %d changes; want 2 of each", op, len(all), changes.Load())
			}
		})
	}
}

func TestWatchAbsentDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "podinfo")
	var n *fakeNotifier
	s := &Source{Dir: dir, newNotifier: func() (notifier, error) { n = newFakeNotifier(); return n, nil }}
	bubble(t, s, func(t *testing.T, changes *atomic.Int32) {
		pass(time.Minute)
		if changes.Load() != 1 {
			t.Errorf("%d changes while there is nothing, want 1", changes.Load())
		}
		write(t, dir, "labels", `a="1"`)
		pass(absentPoll)
		if changes.Load() != 2 || len(n.added) != 1 {
			t.Errorf("%d changes, %d directories watched; want 2, 1", changes.Load(), len(n.added))
		}
	})
}

// pass lets time pass in a bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
