package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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
// changes one label of each pod.
func (b *bench) fleet(ctx context.Context, s *server) (rows []row, err error) {
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
	began := time.Now()
	defer func() { disband(all) }()
	for _, one := range all {
		if err := one.cmd.Start(); err != nil {
			return nil, err
		}
	}
	late := await(ctx, all, "v1", 3*time.Minute)
	published := time.Since(began)
	if len(late) > 0 {
		return nil, fmt.Errorf("%d of %d sidecars have not published after %v, the first is %s", len(late), len(all), published, late[0].say())
	}
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
	began = time.Now()
	err = inParallel(len(all), func(i int) error {
		_, err := s.label(ctx, all[i].pod, "v2")
		return err
	})
	if err != nil {
		return nil, err
	}
	answered := time.Since(began)
	lost := await(ctx, all, "v2", time.Minute)
	changed := time.Since(began)
	after, err := s.cost()
	if err != nil {
		return nil, err
	}
	requests, err := s.requests(since, "sidecar")
	if err != nil {
		return nil, err
	}
	refused, most, of := 0, 0, map[string]int{}
	for _, r := range requests {
		if r.code == http.StatusTooManyRequests {
			refused++
		}
		of[r.pod]++
		most = max(most, of[r.pod])
	}
	n := len(all)
	each := float64(len(requests)) / float64(n)
	figure := func(what, ours string) row {
		return row{figure: fmt.Sprintf("%d sidecars at once, %s", n, what), ours: ours, peer: none, ratio: none, goal: none}
	}
	loss := figure("one label change each, lost", fmt.Sprint(len(lost)))
	loss.goal, loss.reached = "0", len(lost) == 0
	patience := figure("answers 429", fmt.Sprint(refused))
	patience.goal, patience.reached = "no loop", refused <= n // not more than one each
	return []row{
		figure("start to all published", seconds(published)),
		figure("one label change each, first request to last file", fmt.Sprintf("%s, the server's answers alone %s", seconds(changed), seconds(answered))),
		loss,
		patience,
		figure("requests of each, start and change", fmt.Sprintf("%.1f, at most %d", each, most)),
		figure("CPU of kube-apiserver and etcd, start and change", fmt.Sprintf("%s and %s", seconds(started.cpu-before.cpu), seconds(after.cpu-started.cpu))),
		figure("RSS of kube-apiserver and etcd, before and after", fmt.Sprintf("%s and %s", megabytes(before.rss), megabytes(after.rss))),
		figure("RSS of all, private of all, after the start", fmt.Sprintf("%s, %s", megabytes(held.rss), megabytes(held.private))),
		figure("private of each, after the start", megabytes(held.private/n)),
	}, nil
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
