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

const (
	app = "/run/app.conf"
	env = "/run/pod.env"
)

var errBroken = errors.New("broken\nin two lines")

// began starts an agent with two outputs and a hook.
func began(m *Monitor) {
	m.Report(agent.Started{At: time.Now(), Every: time.Minute, Outputs: []string{app, env}, Hooks: []string{"reload"}, Needs: watch.Needs{{Path: "pod.labels"}}})
}

// round is one in which outputs end so: an error fails the publishing.
func round(m *Monitor, failing map[string]error) {
	m.Report(agent.Began{At: time.Now()})
	var errs []error
	for _, name := range []string{app, env} {
		m.Report(agent.Rendered{Output: name})
		m.Report(agent.Published{Output: name, Err: failing[name]})
		errs = append(errs, failing[name])
	}
	m.Report(agent.Ended{At: time.Now(), Err: watch.Join(errs...)})
}

// want compares what is said, word by word.
func want(t *testing.T, m *Monitor, p Probe, text string) {
	t.Helper()
	if got := m.Answer(t.Context(), p).text(false); got != text {
		t.Errorf("%s:\ngot:\n%swant:\n%s", p, got, text)
	}
}

func TestStartup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		want(t, m, Startup, "[-]agent failed: it does not run yet\nstartup check failed\n")
		began(m)
		time.Sleep(3 * time.Second)
		want(t, m, Startup, `[-]output /run/app.conf failed: not published yet, after 3s
[-]output /run/pod.env failed: not published yet, after 3s
[-]first round failed: it has not ended with all outputs published, 3s after the start
startup check failed
`)
		round(m, map[string]error{env: errBroken})
		time.Sleep(time.Second)
		round(m, map[string]error{env: errBroken})
		want(t, m, Startup, `[+]output /run/app.conf ok
[-]output /run/pod.env failed: never published, failing for 1s (2 times): broken in two lines
[-]first round failed: it has not ended with all outputs published, 4s after the start
startup check failed
`)
		round(m, nil)
		want(t, m, Startup, "ok\n")
		round(m, map[string]error{env: errBroken})
		want(t, m, Startup, "ok\n") // it has started, and what comes now is another matter
		began(m)
		want(t, m, Startup, "ok\n")
	})
}

// An agent without outputs has nothing to publish.
func TestStartupWithoutOutputs(t *testing.T) {
	t.Parallel()
	m := &Monitor{}
	m.Report(agent.Started{At: time.Now()})
	m.Report(agent.Ended{At: time.Now()})
	want(t, m, Startup, "ok\n")
	want(t, m, Ready, "ok\n")
}

func TestReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		want(t, m, Ready, "[-]agent failed: it does not run yet\nready check failed\n")
		began(m)
		round(m, nil)
		want(t, m, Ready, "ok\n")

		round(m, map[string]error{app: errBroken})
		time.Sleep(90 * time.Second)
		want(t, m, Ready, `[-]output /run/app.conf failed: not current, failing for 1m30s: broken in two lines
[+]output /run/pod.env ok
ready check failed
`)
		round(m, nil)
		want(t, m, Ready, "ok\n")

		// What cannot be rendered is not published.
		m.Report(agent.Began{At: time.Now()})
		m.Report(agent.Rendered{Output: env, Err: errBroken})
		want(t, m, Ready, `[+]output /run/app.conf ok
[-]output /run/pod.env failed: not current, failing for 0s: broken in two lines
ready check failed
`)
		m.Report(agent.Ended{At: time.Now(), Err: errBroken})
		round(m, nil)
		want(t, m, Ready, "ok\n")

		// A failure that no output has.
		m.Report(agent.Ended{At: time.Now(), Err: errBroken})
		want(t, m, Ready, `[+]output /run/app.conf ok
[+]output /run/pod.env ok
[-]round failed: the last one failed: broken in two lines
ready check failed
`)
	})
}

// An output whose check takes long has not got the newest view.
func TestReadyLagging(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		began(m)
		round(m, nil)
		m.Report(agent.Looked{Snapshot: &watch.Snapshot{}})
		m.Report(agent.Began{At: time.Now()})
		m.Report(agent.Rendered{Output: app})
		m.Report(agent.Rendered{Output: env})
		m.Report(agent.Published{Output: env})
		time.Sleep(settling)
		want(t, m, Ready, "ok\n")
		time.Sleep(time.Second)
		want(t, m, Ready, `[-]output /run/app.conf failed: not current, being published for 11s
[+]output /run/pod.env ok
[+]sources ok
ready check failed
`)
		m.Report(agent.Published{Output: app})
		m.Report(agent.Ended{At: time.Now()})
		want(t, m, Ready, "ok\n")
	})
}

// A new configuration keeps what is known of the outputs that stay.
func TestReadyAfterReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		began(m)
		round(m, map[string]error{env: errBroken})
		time.Sleep(time.Second)
		m.Report(agent.Started{At: time.Now(), Outputs: []string{app, "/run/new"}})
		want(t, m, Ready, `[+]output /run/app.conf ok
[-]output /run/new failed: not published yet, after 0s
ready check failed
`)
		m.Report(agent.Published{Output: app})
		m.Report(agent.Published{Output: "/run/new"})
		m.Report(agent.Ended{At: time.Now()})
		want(t, m, Ready, "ok\n")
	})
}

// A hook that fails is named, and does not decide.
func TestReadyNamesHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		began(m)
		round(m, nil)
		m.Report(agent.Notifying{Hook: "reload", At: time.Now(), Limit: time.Second})
		m.Report(agent.Notified{Hook: "reload", Err: errBroken})
		time.Sleep(time.Minute)
		want(t, m, Ready, "[!]hook reload warning: failing for 1m0s: broken in two lines\nok\n")
		m.Report(agent.Notifying{Hook: "reload", At: time.Now(), Limit: time.Second})
		m.Report(agent.Notified{Hook: "reload"})
		want(t, m, Ready, "ok\n")
	})
}

func TestLive(t *testing.T) {
	t.Parallel()
	const ended = "live check failed\n"
	tests := []struct {
		name   string
		hang   func(m *Monitor) // at the end of a round
		after  time.Duration
		within string // what is said until then
		want   string
		move   func(m *Monitor) // what mends it
	}{
		{
			name:   "no round",
			hang:   func(*Monitor) {},
			after:  time.Minute + slack,
			within: "ok\n",
			want:   "[-]rounds failed: hung: the last one ended 1m31s ago, and the next was due after 1m0s\n[+]hook reload ok\n" + ended,
			move:   func(m *Monitor) { round(m, nil) },
		},
		{
			name:   "a round that does not end",
			hang:   func(m *Monitor) { m.Report(agent.Began{At: time.Now()}) },
			after:  defaultLimit,
			within: "ok\n",
			want:   "[-]rounds failed: hung: one has been going on for 5m1s, and 5m0s is the limit\n[+]hook reload ok\n" + ended,
			move:   func(m *Monitor) { m.Report(agent.Ended{At: time.Now(), Err: errBroken}) },
		},
		{
			name: "a hook that does not end",
			hang: func(m *Monitor) {
				m.Report(agent.Notifying{Hook: "reload", At: time.Now(), Limit: 10 * time.Second})
			},
			after:  30 * time.Second,
			within: "ok\n",
			want:   "[+]rounds ok\n[-]hook reload failed: hung: running for 31s, and its timeout is 10s\n" + ended,
			move: func(m *Monitor) {
				m.Report(agent.Notified{Hook: "reload", Took: 31 * time.Second, Err: errBroken})
			},
		},
		{
			name:   "no first round",
			hang:   began,
			after:  defaultLimit,
			within: "ok\n",
			want:   "[-]rounds failed: hung: not all sources have answered, 5m1s after the start\n" + ended,
			move:   func(m *Monitor) { round(m, nil) },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &Monitor{}
				want(t, m, Live, "ok\n")
				began(m)
				want(t, m, Live, "ok\n")
				round(m, map[string]error{app: errBroken}) // a failure is none of its business
				m.Report(agent.Notifying{Hook: "reload", At: time.Now()})
				m.Report(agent.Notified{Hook: "reload", Err: errBroken})
				test.hang(m)
				time.Sleep(test.after)
				want(t, m, Live, test.within)
				time.Sleep(800 * time.Millisecond)
				asked := time.Now()
				want(t, m, Live, test.want)
				if took := time.Since(asked); took != moment {
					t.Errorf("it took %v to say no, want %v", took, moment)
				}
				test.move(m)
				want(t, m, Live, "ok\n")
			})
		})
	}
}

// What was stopped for an hour is late in everything, and moves when it goes on.
func TestLiveAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		began(m)
		round(m, nil)
		m.Report(agent.Notifying{Hook: "reload", At: time.Now(), Limit: time.Second})
		time.Sleep(time.Hour)
		go func() {
			time.Sleep(50 * time.Millisecond)
			m.Report(agent.Notified{Hook: "reload", Took: time.Hour})
			time.Sleep(50 * time.Millisecond)
			m.Report(agent.Began{At: time.Now()})
		}()
		asked := time.Now()
		want(t, m, Live, "ok\n")
		if took := time.Since(asked); took != 100*time.Millisecond {
			t.Errorf("answered after %v, want the answer as soon as all is well", took)
		}
	})
}

// Two runs of one hook: the one that has ended is not the one that hangs.
func TestLiveTwoRunsOfAHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		began(m)
		m.Report(agent.Notifying{Hook: "reload", At: time.Now(), Limit: time.Second}) // hangs
		time.Sleep(5 * time.Second)
		m.Report(agent.Notifying{Hook: "reload", At: time.Now(), Limit: time.Second})
		time.Sleep(500 * time.Millisecond)
		m.Report(agent.Notified{Hook: "reload", Took: 500 * time.Millisecond})
		time.Sleep(10 * time.Second)
		want(t, m, Live, "[+]rounds ok\n[-]hook reload failed: hung: running for 16s, and its timeout is 1s\nlive check failed\n")
	})
}

// Where the main loop hangs, nobody knows whether the outputs are current.
func TestReadyWithoutRounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		began(m)
		round(m, nil)
		time.Sleep(2 * time.Minute)
		want(t, m, Ready, `[+]output /run/app.conf ok
[+]output /run/pod.env ok
[-]rounds failed: hung: the last one ended 2m0s ago, and the next was due after 1m0s
ready check failed
`)
	})
}

// A hook may be a script of several lines, and is named on one.
func TestNameOnOneLine(t *testing.T) {
	t.Parallel()
	m := &Monitor{}
	began(m)
	round(m, nil)
	m.Report(agent.Notified{Hook: "exec sh -c\n  true\r\n[+]fake ok"})
	if got := m.Now(Live).String(); got != "[+]rounds ok\n[+]hook exec sh -c true [+]fake ok ok\nlive check passed\n" {
		t.Errorf("got:\n%s", got)
	}
}

// Without resync no round is due.
func TestLiveWithoutResync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Monitor{}
		m.Report(agent.Started{At: time.Now(), Outputs: []string{app}})
		round(m, nil)
		time.Sleep(1000 * time.Hour)
		want(t, m, Live, "ok\n")
	})
}

// Who asks need not stay until the answer.
func TestAnswerHeedsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if v := new(Monitor).Answer(ctx, Ready); v.OK || time.Since(began) != 0 {
			t.Errorf("%+v after %v", v, time.Since(began))
		}
	})
}

// Reports and questions come from several goroutines.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	m := &Monitor{}
	began(m)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 100 {
				round(m, nil)
				at := time.Now()
				m.Report(agent.Looked{Snapshot: &watch.Snapshot{}})
				m.Report(agent.Notifying{Hook: "reload", At: at, Limit: time.Minute})
				m.Report(agent.Notified{Hook: "reload", Took: time.Since(at)})
				m.Now(Probes()[i%3])
			}
		})
	}
	all.Wait()
	round(m, nil)
	for _, p := range Probes() {
		want(t, m, p, "ok\n")
	}
}
