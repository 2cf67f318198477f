package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"
)

// watchers is how many follow the pods through each proxy, and clients how many ask
// it at once.
const (
	watchers = 100
	clients  = 4
)

// proxy measures podfacts and kubectl passing the API server on, both at the same time:
// each has its watchers, and requests go to them in turns.
func (b *bench) proxy(ctx context.Context, s *server) (rows []row, err error) {
	b.step("%d requests through proxies with %d watchers each", b.effort.requests, watchers)
	ours := &proxied{name: "podfacts", cmd: b.command(ctx, s, "web-1-a", s.token, "serve", "--proxy", "127.0.0.1:0")}
	peer := &proxied{name: "kubectl proxy", cmd: exec.CommandContext(ctx, s.kubectl, "--kubeconfig", s.kubeconfig, "--cache-dir", filepath.Join(b.scratch, "kubectl"), "proxy", "--port", "0")}
	both := []*proxied{ours, peer}
	for _, p := range both {
		defer p.stop()
		if err := p.start(ctx); err != nil {
			return nil, err
		}
	}
	const turn = 100
	for range b.effort.requests / turn {
		for _, p := range both {
			if err := p.askMuch(ctx, turn); err != nil {
				return nil, err
			}
		}
	}
	for i := range b.effort.swaps {
		at, err := s.label(ctx, "web-1-a", fmt.Sprintf("proxied-%d", i))
		if err != nil {
			return nil, err
		}
		var all sync.WaitGroup
		errs := make([]error, len(both))
		for i, p := range both {
			all.Go(func() { errs[i] = p.await(at) })
		}
		if all.Wait(); errors.Join(errs...) != nil {
			return nil, errors.Join(errs...)
		}
	}
	busy, err := held(both)
	if err != nil {
		return nil, err
	}
	time.Sleep(2 * b.effort.idle)
	idle, err := held(both)
	if err != nil {
		return nil, err
	}
	latency := func(figure string, ours, peer []time.Duration) row {
		slices.Sort(ours)
		slices.Sort(peer)
		text := func(all []time.Duration) string {
			return milliseconds(percentile(all, 50)) + " / " + milliseconds(percentile(all, 99))
		}
		return row{
			figure: figure + ", p50 / p99", ours: text(ours), peer: text(peer) + " kubectl proxy",
			ratio: times(float64(percentile(peer, 50)), float64(percentile(ours, 50))),
			goal:  "<= kubectl proxy", reached: percentile(ours, 50) <= percentile(peer, 50),
		}
	}
	memory := func(when string, ours, peer int) row {
		return row{
			figure: fmt.Sprintf("proxy with %d watchers, %s", watchers, when), ours: megabytes(ours), peer: megabytes(peer) + " kubectl proxy",
			ratio: times(float64(peer), float64(ours)), goal: "<= 1/3 of kubectl proxy", reached: 3*ours <= peer,
		}
	}
	right, later := fmt.Sprintf("right after %d requests", b.effort.requests), fmt.Sprintf("%v after that", 2*b.effort.idle)
	return []row{
		latency(fmt.Sprintf("request through the proxy, %d of %d at a time", b.effort.requests, clients), ours.requests, peer.requests),
		latency(fmt.Sprintf("event to the last of %d watchers", watchers), ours.events, peer.events),
		memory(right+", RSS", busy[0].rss, busy[1].rss),
		memory(right+", private", busy[0].private, busy[1].private),
		memory(later+", RSS", idle[0].rss, idle[1].rss),
		memory(later+", private", idle[0].private, idle[1].private),
	}, nil
}

// held is what each proxy holds.
func held(all []*proxied) (each []usage, err error) {
	for _, p := range all {
		u, err := rollup(p.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		each = append(each, u)
	}
	return each, nil
}

// proxied is a proxy, and what came of asking it.
type proxied struct {
	name string
	cmd  *exec.Cmd
	url  string

	client  http.Client
	seen    chan error // each watcher tells of each event
	end     context.CancelFunc
	running sync.WaitGroup

	requests, events []time.Duration
}

// start starts the proxy, and watchers that have seen what is there.
func (p *proxied) start(ctx context.Context) error {
	read, write := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = write, write
	if err := p.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(read)
	address := regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	for p.url == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if at := address.FindString(line); at != "" {
			p.url = "http://" + at
		}
	}
	p.running.Go(func() { io.Copy(io.Discard, lines) }) //nolint:errcheck // it ends with the process
	p.client.Transport = &http.Transport{MaxIdleConnsPerHost: clients}
	ctx, p.end = context.WithCancel(ctx)
	p.seen = make(chan error, watchers)
	for range watchers {
		answer, err := p.get(ctx, "/api/v1/namespaces/shop/pods?watch=true&fieldSelector=metadata.name%3Dweb-1-a")
		if err != nil {
			return err
		}
		p.running.Go(func() {
			defer answer.Body.Close()
			for events := bufio.NewReader(answer.Body); ; {
				_, err := events.ReadSlice('\n')
				if errors.Is(err, bufio.ErrBufferFull) {
					continue
				}
				select {
				case p.seen <- err:
				case <-ctx.Done():
					return
				}
				if err != nil {
					return
				}
			}
		})
	}
	return p.await(time.Time{})
}

func (p *proxied) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := p.client.Do(request)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.Join(fmt.Errorf("%s: %s: %s", p.name, path, answer.Status), answer.Body.Close())
	}
	return answer, err
}

// await waits until every watcher has seen an event, and notes how long after.
func (p *proxied) await(since time.Time) error {
	patience := time.After(30 * time.Second)
	for range watchers {
		select {
		case err := <-p.seen:
			if err != nil {
				return fmt.Errorf("%s: a watcher: %w", p.name, err)
			}
		case <-patience:
			return fmt.Errorf("%s: an event does not reach all watchers", p.name)
		}
	}
	if !since.IsZero() {
		p.events = append(p.events, time.Since(since))
	}
	return nil
}

// askMuch asks for a pod so many times.
func (p *proxied) askMuch(ctx context.Context, n int) error {
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	errs := make([]error, clients)
	for c := range clients {
		all.Go(func() {
			for i := c; i < n; i += clients {
				start := time.Now()
				answer, err := p.get(ctx, "/api/v1/namespaces/shop/pods/web-1-a")
				if err != nil {
					errs[c] = err
					return
				}
				_, err = io.Copy(io.Discard, answer.Body)
				if err = errors.Join(err, answer.Body.Close()); err != nil {
					errs[c] = err
					return
				}
				took[i] = time.Since(start)
			}
		})
	}
	all.Wait()
	p.requests = append(p.requests, took...)
	return errors.Join(errs...)
}

// stop ends the proxy and its watchers.
func (p *proxied) stop() {
	if p.cmd.Process == nil {
		return
	}
	if p.end != nil {
		p.end()
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	_ = p.cmd.Wait()                          // how it ended is of no interest any more
	if w, ok := p.cmd.Stdout.(*io.PipeWriter); ok {
		_ = w.Close() // it cannot fail
	}
	p.running.Wait()
	p.client.CloseIdleConnections()
}
