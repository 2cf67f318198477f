package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// journal writes down the rounds of a Follow: when, with which variables, and
// with which complaint.
type journal struct {
	began  time.Time
	answer func() error // what fn returns; nil: always nil

	mu     sync.Mutex
	rounds []string
}

func (j *journal) fn(s *Snapshot, err error) error {
	var text []string
	for f := range s.Facts() {
		_, name := f.Path.Parent()
		text = append(text, fmt.Sprintf("%s=%v", name, f.Value))
	}
	if err != nil {
		text = append(text, "error: "+err.Error())
	}
	j.mu.Lock()
	j.rounds = append(j.rounds, time.Since(j.began).String()+" "+strings.Join(text, " "))
	j.mu.Unlock()
	if j.answer != nil {
		return j.answer()
	}
	return nil
}

// settle waits until nothing happens any more and starts a new page: what
// follows is counted from now.
func (j *journal) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rounds, j.began = nil, time.Now()
}

// read gives the rounds so far, once all is quiet.
func (j *journal) read() []string {
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.rounds)
}

func (j *journal) want(t *testing.T, rounds ...string) {
	t.Helper()
	if got := j.read(); !slices.Equal(got, rounds) {
		t.Errorf("rounds:\ngot  %q\nwant %q", got, rounds)
	}
}

// quiet has no resync, so that only what a test does happens.
var quiet = Timing{Resync: -1}

// following runs Follow in a bubble, with its own time, until do returns. It
// then asks that Follow ends, and with the context's error.
func following(t *testing.T, timing Timing, do func(*journal), sources ...Source) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		j := &journal{began: time.Now()}
		ended := make(chan error, 1)
		go func() { ended <- Follow(ctx, timing, j.fn, sources...) }()
		synctest.Wait()
		do(j)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow ended with %v", err)
		}
		for _, s := range sources {
			if p, ok := s.(*pushed); ok {
				if _, watched := p.count(); watched != 0 {
					t.Errorf("%s is still watched", s)
				}
			}
		}
	})
}

func TestFollowFirstChangeAtOnce(t *testing.T) {
	t.Parallel()
	a := &pushed{name: "a", value: "1"}
	following(t, quiet, func(j *journal) {
		j.settle()
		a.set("2", nil)
		j.want(t, "0s A=2")
		time.Sleep(time.Hour)
		j.want(t, "0s A=2") // and no more
		a.set("3", nil)
		j.want(t, "0s A=2", "1h0m0s A=3")
	}, a)
}

func TestFollowCoalesces(t *testing.T) {
	t.Parallel()
	a, b := &pushed{name: "a", value: "1"}, &pushed{name: "b", value: "1"}
	following(t, quiet, func(j *journal) {
		j.settle()
		for i := range 9 {
			a.set(strconv.Itoa(i), nil)
			b.set(strconv.Itoa(i), nil)
			synctest.Wait()
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		rounds := j.read()
		if len(rounds) != 2 || !strings.HasPrefix(rounds[0], "0s A=0") || rounds[1] != "100ms A=8 B=8" {
			t.Errorf("got %q, want the first at once and the last at the end of the window", rounds)
		}
	}, a, b)
}

func TestFollowWindow(t *testing.T) {
	t.Parallel()
	a := &pushed{name: "a", value: "1"}
	timing := quiet
	timing.Window = 10 * time.Second
	following(t, timing, func(j *journal) {
		time.Sleep(time.Minute)
		j.settle()
		a.set("2", nil)
		synctest.Wait()
		time.Sleep(3 * time.Second)
		a.set("3", nil)
		time.Sleep(time.Minute)
		j.want(t, "0s A=2", "10s A=3")
	}, a)
}

// However fast it changes: one round a window, and the last state.
func TestFollowStorm(t *testing.T) {
	t.Parallel()
	const changes, second = 50_000, 10_000
	a := &pushed{name: "a", value: "0"}
	following(t, quiet, func(j *journal) {
		j.settle()
		for i := range changes {
			a.set(strconv.Itoa(i), nil)
			time.Sleep(time.Second / second)
		}
		time.Sleep(time.Second)
		rounds := j.read()
		if most := 5*10 + 2; len(rounds) > most || len(rounds) < 10 {
			t.Errorf("%d rounds in 5 s, want at most %d", len(rounds), most)
		}
		if last := rounds[len(rounds)-1]; !strings.HasSuffix(last, " A="+strconv.Itoa(changes-1)) {
			t.Errorf("the last round is %q", last)
		}
	}, a)
}

func TestFollowResync(t *testing.T) {
	t.Parallel()
	value := "1"
	var mu sync.Mutex
	silent := fake{"silent", func(context.Context) (Layer, error) {
		mu.Lock()
		defer mu.Unlock()
		return says("env.X", value).layer, nil
	}}
	set := func(s string) { mu.Lock(); value = s; mu.Unlock() }
	following(t, Timing{}, func(j *journal) {
		set("2")
		time.Sleep(150 * time.Second)
		j.want(t, "0s X=1", "1m0s X=2", "2m0s X=2")
	}, silent)
	set("1")
	following(t, quiet, func(j *journal) {
		set("2")
		time.Sleep(time.Hour)
		j.want(t, "0s X=1")
	}, silent)
}

func TestFollowRetry(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	failing.Store(true)
	a := &pushed{name: "a", value: "1"}
	following(t, quiet, func(j *journal) {
		j.settle()
		j.answer = func() error {
			if failing.Load() {
				return errDown
			}
			return nil
		}
		before, _ := a.count()
		a.set("2", nil)
		time.Sleep(5 * time.Minute)
		rounds := j.read()
		var last time.Duration
		for i, wait := range []time.Duration{0, 1, 2, 4, 8, 16, 32, 60, 60} {
			at, err := time.ParseDuration(strings.Fields(rounds[i])[0])
			if err != nil {
				t.Fatal(err)
			}
			if gap := at - last; gap > wait*time.Second || gap < wait*time.Second*3/4 {
				t.Errorf("round %d comes %v after the last, want %ds less a quarter at most", i, gap, wait)
			}
			last = at
		}
		if after, _ := a.count(); after-before != len(rounds) {
			t.Errorf("%d reads in %d rounds; want each round to read again", after-before, len(rounds))
		}

		failing.Store(false)
		time.Sleep(2 * time.Minute)
		j.settle()
		time.Sleep(time.Hour)
		j.want(t) // well again: no more retries
		failing.Store(true)
		a.set("3", nil)
		time.Sleep(1100 * time.Millisecond)
		if rounds := j.read(); len(rounds) != 2 {
			t.Errorf("got %q; want the wait to start anew", rounds)
		}
	}, a)
}

// A change does not wait for the retry.
func TestFollowChangeBeforeRetry(t *testing.T) {
	t.Parallel()
	a := &pushed{name: "a", value: "1"}
	timing := quiet
	timing.Retry, timing.RetryMax = time.Hour, time.Hour
	following(t, timing, func(j *journal) {
		j.settle()
		j.answer = func() error { return errDown }
		a.set("2", nil)
		synctest.Wait()
		time.Sleep(time.Second)
		a.set("3", nil)
		j.want(t, "0s A=2", "1s A=3")
	}, a)
}

// What is amiss gets a round every few seconds, in which nothing is read.
func TestKeep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &pushed{name: "a", value: "1"}
		ctx, cancel := context.WithCancel(t.Context())
		j := &journal{began: time.Now()}
		var amiss atomic.Bool
		timing := quiet
		timing.Retry, timing.RetryMax = 3*time.Second, time.Minute
		ended := make(chan error, 1)
		go func() { ended <- Keep(ctx, timing, j.fn, amiss.Load, a) }()
		j.settle() // after 1 s
		time.Sleep(time.Hour)
		j.want(t)
		j.settle()
		reads, _ := a.count()
		amiss.Store(true)
		time.Sleep(3 * glance)
		amiss.Store(false)
		time.Sleep(time.Hour)
		rounds := j.read()
		if again, _ := a.count(); again != reads || len(rounds) != 3 {
			t.Errorf("%d reads in the rounds %q; want no read, and 3 rounds", again-reads, rounds)
		}

		// Nor does it wait for the retry of what has failed for long.
		j.answer = func() error { return errDown }
		a.set("2", nil)
		time.Sleep(10 * time.Minute)
		amiss.Store(true)
		j.settle()
		time.Sleep(2*glance + time.Second)
		if rounds := j.read(); len(rounds) < 2 {
			t.Errorf("rounds %q within %v", rounds, 2*glance)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Keep ended with %v", err)
		}
	})
}

func TestFollowStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &pushed{name: "a", value: "1"}
		calls := 0
		err := Follow(t.Context(), Timing{}, func(*Snapshot, error) error {
			calls++
			return fmt.Errorf("enough: %w", Stop)
		}, a)
		if _, watched := a.count(); err != nil || calls != 1 || watched != 0 {
			t.Errorf("got %v after %d calls, %d watches left", err, calls, watched)
		}
	})
}

func TestFollowContext(t *testing.T) {
	t.Parallel()
	stuck := fake{"stuck", func(ctx context.Context) (Layer, error) {
		<-ctx.Done()
		return Layer{}, ctx.Err()
	}}
	for _, sources := range [][]Source{nil, {fixed("a", says())}, {&pushed{name: "a"}, stuck}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := Follow(ctx, Timing{}, func(*Snapshot, error) error { return nil }, sources...)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
	// fn may fail because the context has ended: that is no reason to go on.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := Follow(ctx, Timing{}, func(*Snapshot, error) error { cancel(); return errDown }, fixed("a", says()))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// The first round waits for everybody. Later a slow source holds up nobody
// for longer than the patience lasts, and that only once.
func TestFollowSlowSource(t *testing.T) {
	t.Parallel()
	fast := &pushed{name: "fast", value: "1"}
	slow := &pushed{name: "slow", value: "1", took: 10 * time.Second}
	following(t, quiet, func(j *journal) {
		time.Sleep(15 * time.Second)
		if rounds := j.read(); !strings.HasPrefix(rounds[0], "10s FAST=1 SLOW=1") {
			t.Errorf("first rounds: %q", rounds)
		}
		time.Sleep(time.Minute)
		j.settle()
		slow.set("2", nil)
		fast.set("2", nil)
		time.Sleep(time.Second)
		fast.set("3", nil)
		time.Sleep(time.Minute)
		j.want(t, "50ms FAST=2 SLOW=1", "1s FAST=3 SLOW=1", "10s FAST=3 SLOW=2")
	}, slow, fast)
}

func TestFollowChangeWhileRead(t *testing.T) {
	t.Parallel()
	a := &pushed{name: "a", value: "1", took: time.Second}
	following(t, quiet, func(j *journal) {
		time.Sleep(time.Minute)
		j.settle()
		a.set("2", nil)
		time.Sleep(500 * time.Millisecond)
		a.set("3", nil) // the read that runs gives 2
		time.Sleep(time.Minute)
		rounds := j.read()
		if last := rounds[len(rounds)-1]; !strings.HasSuffix(last, " A=3") {
			t.Errorf("got %q, want the last state", rounds)
		}
	}, a)
}

// The same, with the answer coming while a round waits for somebody else.
func TestFollowChangeWhileReadInARound(t *testing.T) {
	t.Parallel()
	slow := &pushed{name: "slow", value: "1", took: time.Second}
	other := &pushed{name: "other", value: "1", took: 30 * time.Millisecond}
	following(t, quiet, func(j *journal) {
		time.Sleep(time.Minute)
		j.settle()
		slow.set("2", nil)
		time.Sleep(970 * time.Millisecond)
		slow.set("3", nil)
		time.Sleep(10 * time.Millisecond)
		other.set("2", nil)
		time.Sleep(time.Hour)
		rounds := j.read()
		if last := rounds[len(rounds)-1]; !strings.HasSuffix(last, " OTHER=2 SLOW=3") {
			t.Errorf("got %q, want the last state", rounds)
		}
	}, slow, other)
}

// Rounds are what tells later words from earlier ones.
func TestFollowLastWordWins(t *testing.T) {
	t.Parallel()
	first, second := &pushed{name: "first", path: "env.X", value: "1"}, &pushed{name: "second", path: "env.X", value: "2"}
	following(t, quiet, func(j *journal) {
		j.settle()
		second.set("3", nil)
		synctest.Wait()
		time.Sleep(time.Second)
		first.set("4", nil)
		j.want(t, "0s X=3", "1s X=4")
	}, first, second)
}

// What changes while fn runs is seen right after.
func TestFollowChangeWhileBusy(t *testing.T) {
	t.Parallel()
	a := &pushed{name: "a", value: "1"}
	following(t, quiet, func(j *journal) {
		j.settle()
		j.answer = func() error { time.Sleep(10 * time.Second); return nil }
		a.set("2", nil)
		time.Sleep(time.Second)
		a.set("3", nil)
		a.set("4", nil)
		time.Sleep(time.Minute)
		j.want(t, "0s A=2", "10s A=4")
	}, a)
}

func TestFollowReadError(t *testing.T) {
	t.Parallel()
	a := &pushed{name: "a", value: "1"}
	following(t, quiet, func(j *journal) {
		j.settle()
		a.set("", errDown)
		synctest.Wait()
		time.Sleep(time.Second)
		a.set("2", nil)
		j.want(t, "0s A=1 error: down", "1s A=2")
	}, a)
}

// flaky is a source whose watch does what the next function does; after the
// last it holds.
type flaky struct {
	fake
	mu       sync.Mutex
	watches  []func(changed func()) error
	attempts []time.Time
}

func (f *flaky) Watch(ctx context.Context, changed func()) error {
	f.mu.Lock()
	f.attempts = append(f.attempts, time.Now())
	var watch func(func()) error
	if len(f.watches) > 0 {
		watch, f.watches = f.watches[0], f.watches[1:]
	}
	f.mu.Unlock()
	if watch != nil {
		return watch(changed)
	}
	changed()
	<-ctx.Done()
	return ctx.Err()
}

func TestFollowWatchFails(t *testing.T) {
	t.Parallel()
	fail := func(func()) error { return errDown }
	breaks := func(changed func()) error { changed(); time.Sleep(time.Minute); return nil }
	panics := func(func()) error { panic("oops") }
	named := func(func()) error { return errors.New("volume: gone") }
	tests := []struct {
		name    string
		watches []func(func()) error
		errs    []string        // complaints, in order
		gaps    []time.Duration // between attempts, less a quarter at most
	}{
		{"at once", []func(func()) error{fail}, []string{"volume: down"}, []time.Duration{time.Second}},
		{"again and again", []func(func()) error{fail, fail, fail}, []string{"volume: down"},
			[]time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{"after a while", []func(func()) error{fail, fail, breaks}, []string{"volume: down", "", "volume: watch ended"},
			[]time.Duration{time.Second, 2 * time.Second, time.Minute + time.Second}},
		{"by a panic", []func(func()) error{panics}, []string{"volume: internal error: oops; please report this"}, []time.Duration{time.Second}},
		{"and names itself", []func(func()) error{named}, []string{"volume: gone"}, []time.Duration{time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			source := &flaky{fake: fixed("volume", says("env.X", "1")), watches: tt.watches}
			following(t, quiet, func(j *journal) {
				time.Sleep(2 * time.Minute)
				var errs []string
				for _, r := range j.read() {
					_, err, _ := strings.Cut(r, "error: ")
					if len(errs) == 0 && err == "" {
						continue // the first round may come before the watch
					}
					errs = append(errs, err)
				}
				if got, want := slices.Compact(errs), append(tt.errs, ""); !slices.Equal(got, want) {
					t.Errorf("complaints %q, want %q", got, want)
				}
				source.mu.Lock()
				defer source.mu.Unlock()
				if len(source.attempts) != len(tt.gaps)+1 {
					t.Fatalf("%d attempts, want %d", len(source.attempts), len(tt.gaps)+1)
				}
				for i, want := range tt.gaps {
					gap := source.attempts[i+1].Sub(source.attempts[i])
					if gap > want || gap < want*3/4 {
						t.Errorf("attempt %d comes %v after the last, want about %v", i+1, gap, want)
					}
				}
			}, source)
		})
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, b := range []backoff{{}, {first: -time.Second, limit: -time.Second}, {first: time.Hour, limit: time.Second}, {first: 1, limit: 1<<63 - 1}} {
		for range 100 {
			if d := b.next(); d < 0 || d > max(0, b.limit) {
				t.Errorf("%+v waits %v", b, d)
			}
		}
	}
}
