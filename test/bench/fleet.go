package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// sidecar is one of many: a process with a pod and a token of its own.
type sidecar struct {
	pod    string
	output string
	cmd    *exec.Cmd
}

// fleet starts many sidecars of one server at once, waits until all have published, and
// changes one label of each pod. They share the machine with the server, and one service
// account, to which the server grants no more at once than to any other: it refuses what
// comes on top while they start, and has to be left alone then.
func (b *bench) fleet(ctx context.Context, s *server) ([]row, error) {
	b.step("%d pods", b.effort.fleet)
	memory, err := os.MkdirTemp("/dev/shm", "podfacts-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(memory)
	all, err := b.recruit(ctx, s, memory)
	if err != nil {
		return nil, err
	}
	since, err := s.mark()
	if err != nil {
		return nil, err
	}
	before, err := s.cost()
	if err != nil {
		return nil, err
	}

	b.step("%d sidecars", len(all))
	runtime.LockOSThread() // whose end would be theirs
	defer runtime.UnlockOSThread()
	defer disband(all)
	began := time.Now()
	for _, one := range all {
		if err := one.cmd.Start(); err != nil {
			return nil, err
		}
	}
	silent := await(ctx, all, "v1", 3*time.Minute)
	published := time.Now()
	select { // until what starting took is given back
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(3 * time.Second):
	}
	started, err := s.cost()
	if err != nil {
		return nil, err
	}
	held, err := holdings(all)
	if err != nil {
		return nil, err
	}

	b.step("%d label changes", len(all))
	changing := time.Now()
	err = inParallel(len(all), func(i int) error {
		_, err := s.label(ctx, all[i].pod, "v2")
		return err
	})
	if err != nil {
		return nil, err
	}
	answered := time.Since(changing)
	lost := await(ctx, all, "v2", time.Minute)
	changed := time.Since(changing)
	after, err := s.cost()
	if err != nil {
		return nil, err
	}
	for _, one := range append(silent, lost...)[:min(1, len(silent)+len(lost))] {
		b.step("lost: %s", one.say())
	}
	requests, err := s.requests(since, "sidecar")
	if err != nil {
		return nil, err
	}
	c := countOf(requests, published)
	n := len(all)
	line := func(what, ours string) row {
		return row{figure: fmt.Sprintf("%d sidecars at once: %s", n, what), ours: ours, peer: none, ratio: none, goal: none}
	}
	judged := func(what, ours, goal string, reached bool) row {
		r := line(what, ours)
		r.goal, r.reached = goal, reached
		return r
	}
	return []row{
		line("start to all published", seconds(published.Sub(began))),
		line("one label change each, first request to last file", fmt.Sprintf("%s (the server's answers: %s)", seconds(changed), seconds(answered))),
		judged("lost, of the starts and of the changes", fmt.Sprintf("%d and %d", len(silent), len(lost)), "0 and 0", len(silent)+len(lost) == 0),
		judged("answers 429 while starting, and since", fmt.Sprintf("%d (at most %d for one) and %d", c.refused, c.mostRefused, c.refusedLate), "none since", c.refusedLate == 0),
		line("requests of each, start and change", fmt.Sprintf("%.1f (at most %d)", float64(len(requests))/float64(n), c.most)),
		line("CPU of kube-apiserver and etcd, start and change", fmt.Sprintf("%s and %s", seconds(started.cpu-before.cpu), seconds(after.cpu-started.cpu))),
		line("RSS of kube-apiserver and etcd, before and after", fmt.Sprintf("%s and %s", megabytes(before.rss), megabytes(after.rss))),
		line("RSS and private of all, shared pages counted for each", fmt.Sprintf("%s and %s", megabytes(held.rss), megabytes(held.private))),
		line("RSS and private of each", fmt.Sprintf("%s and %s", megabytes(held.rss/n), megabytes(held.private/n))),
	}, nil
}

// counts are of requests and of answers 429, of all sidecars and of the one with most.
type counts struct{ most, refused, mostRefused, refusedLate int }

// countOf counts requests; late are those after a moment.
func countOf(requests []request, moment time.Time) counts {
	var c counts
	of, refused := map[string]int{}, map[string]int{}
	for _, r := range requests {
		of[r.pod]++
		c.most = max(c.most, of[r.pod])
		switch {
		case r.code != http.StatusTooManyRequests:
		case r.received.After(moment):
			c.refusedLate++
		default:
			c.refused++
			refused[r.pod]++
			c.mostRefused = max(c.mostRefused, refused[r.pod])
		}
	}
	return c
}

// recruit makes the pods and their tokens, and starts nothing yet.
func (b *bench) recruit(ctx context.Context, s *server, memory string) ([]*sidecar, error) {
	const account = "sidecar"
	_, err := s.call(ctx, http.MethodPost, "/api/v1/namespaces/shop/serviceaccounts", `{"metadata":{"name":"`+account+`"}}`, nil)
	if err != nil {
		return nil, err
	}
	all := make([]*sidecar, b.effort.fleet)
	outputs := []string{"--env", "VERSION=pod.labels['version'],ZONE=node.zone,TEAM=namespace.labels['team']"}
	err = inParallel(len(all), func(i int) error {
		pod := fmt.Sprintf("sidecar-%d", i)
		dir := filepath.Join(memory, pod)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		body := fmt.Sprintf(`{"metadata":{"name":%q,"labels":{"version":"v1"}},
			"spec":{"serviceAccountName":%q,"nodeName":"n0","containers":[{"name":"main","image":"web"}]}}`, pod, account)
		if _, err := s.call(ctx, http.MethodPost, "/api/v1/namespaces/shop/pods", body, nil); err != nil {
			return err
		}
		token, output := filepath.Join(dir, "token"), filepath.Join(dir, "pod.env")
		if err := s.tokenFor(ctx, account, pod, token); err != nil {
			return err
		}
		cmd := b.command(ctx, s, pod, token, append([]string{"run", "--env-file", output}, outputs...)...)
		log, err := os.Create(filepath.Join(dir, "log"))
		if err != nil {
			return err
		}
		cmd.Stderr = log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // so many must not outlive us
		all[i] = &sidecar{pod: pod, output: output, cmd: cmd}
		return nil
	})
	if err != nil {
		return nil, err
	}
	token := filepath.Join(filepath.Dir(all[0].output), "token")
	return all, b.grant(ctx, s, account, token, append([]string{"--env-file", "/run/pod.env"}, outputs...)...)
}

// shows reports whether the output holds a version, and all else.
func (c *sidecar) shows(version string) bool {
	got, err := os.ReadFile(c.output)
	return err == nil && string(got) == fmt.Sprintf("VERSION='%s'\nZONE='zone-a'\nTEAM='checkout'\n", version)
}

// say is what the process logged.
func (c *sidecar) say() string {
	log, err := os.ReadFile(filepath.Join(filepath.Dir(c.output), "log"))
	if err != nil {
		return fmt.Sprintf("%s: %v", c.pod, err)
	}
	return fmt.Sprintf("%s:\n%s", c.pod, log)
}

// await returns those that do not show a version when patience is over.
func await(ctx context.Context, all []*sidecar, version string, patience time.Duration) []*sidecar {
	waiting := all
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var still []*sidecar
		for _, one := range waiting {
			if !one.shows(version) {
				still = append(still, one)
			}
		}
		if waiting = still; len(waiting) == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			return waiting
		}
	}
}

// holdings sums up what the processes hold. Pages that they share count for each.
func holdings(all []*sidecar) (usage, error) {
	var sum usage
	for _, one := range all {
		held, err := rollup(one.cmd.Process.Pid)
		if err != nil {
			return usage{}, fmt.Errorf("%w; %s", err, one.say())
		}
		sum.rss, sum.private = sum.rss+held.rss, sum.private+held.private
	}
	return sum, nil
}

// disband ends the processes that were started.
func disband(all []*sidecar) {
	for _, one := range all {
		if one.cmd.Process != nil {
			_ = one.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		}
	}
	for _, one := range all {
		if one.cmd.Process != nil {
			_ = one.cmd.Wait() // how it ended is of no interest any more
		}
		if log, ok := one.cmd.Stderr.(*os.File); ok {
			_ = log.Close()
		}
	}
}

// inParallel calls f for each number below n, eight at a time.
func inParallel(n int, f func(i int) error) error {
	var group sync.WaitGroup
	next := make(chan int)
	errs := make([]error, n)
	for range 8 {
		group.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
	return errors.Join(errs...)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
