package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// serving measures what it costs to answer other containers: an idle run that serves
// beside one that does not, then with watchers, with short requests, and after them.
func (b *bench) serving(ctx context.Context) ([]row, error) {
	b.step("%d requests to a run that serves %d watchers", b.effort.requests, watchers)
	socket := filepath.Join(b.scratch, "f.sock")
	alone, err := follow(ctx, "podfacts", filepath.Join(b.scratch, "not-serving"), b.launchOurs)
	if err != nil {
		return nil, err
	}
	defer alone.stop()
	served, err := follow(ctx, "podfacts", filepath.Join(b.scratch, "serving"), func(ctx context.Context, volume, files, output string) (*exec.Cmd, error) {
		cmd, err := b.launchOurs(ctx, volume, files, output)
		if err == nil {
			cmd.Args = append(cmd.Args, "--serve", "unix://"+socket)
		}
		return cmd, err
	})
	if err != nil {
		return nil, err
	}
	defer served.stop()
	s := &answering{client: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		MaxIdleConnsPerHost: clients,
	}}}
	defer s.client.CloseIdleConnections()
	var rows []row
	memory := func(when string, wait time.Duration) error {
		time.Sleep(wait)
		ours, err := rollup(served.cmd.Process.Pid)
		if err != nil {
			return err
		}
		floor, err := rollup(alone.cmd.Process.Pid)
		text := func(u usage) string { return megabytes(u.rss) + " / " + megabytes(u.private) }
		rows = append(rows, row{
			figure: "run --serve, " + when + ", RSS / private", ours: text(ours), peer: text(floor) + " without --serve",
			ratio: times(float64(ours.rss), float64(floor.rss)) + " / " + times(float64(ours.private), float64(floor.private)), goal: none,
		})
		return err
	}
	if err := memory("idle", b.effort.idle); err != nil {
		return nil, err
	}
	if err := s.askMuch(ctx, b.effort.requests); err != nil {
		return nil, err
	}
	if err := s.watch(ctx, watchers); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := memory(fmt.Sprintf("%d watchers", watchers), time.Second); err != nil {
		return nil, err
	}
	var floor, files, events []time.Duration
	for range b.effort.swaps {
		if _, err := replaced(alone, &floor); err != nil {
			return nil, err
		}
		swapped, err := replaced(served, &files)
		if err != nil {
			return nil, err
		}
		if err := s.await(); err != nil {
			return nil, err
		}
		events = append(events, time.Since(swapped))
		time.Sleep(150 * time.Millisecond) // longer than the window in which changes are put together
	}
	s.leave()
	if err := memory("after all of it", 2*b.effort.idle); err != nil {
		return nil, err
	}
	latency := func(figure string, all []time.Duration) row {
		return row{figure: figure + ", p50 / p99", ours: spread(all), peer: none, ratio: none, goal: none}
	}
	toFile := latency(fmt.Sprintf("swap to file, with %d watchers", watchers), files)
	toFile.peer, toFile.ratio = spread(floor)+" without --serve", times(float64(percentile(files, 50)), float64(percentile(floor, 50)))
	return append(rows, latency(fmt.Sprintf("short request, %d of %d at a time", b.effort.requests, clients), s.requests),
		toFile, latency(fmt.Sprintf("swap to the last of %d watchers", watchers), events)), nil
}

// replaced swaps a volume, and notes how long it took to the replaced file.
func replaced(f *follower, times *[]time.Duration) (swapped time.Time, err error) {
	swapped, err = f.volume.swap()
	for err == nil && !f.shows() {
		if f.gone() || time.Since(swapped) > 30*time.Second {
			return swapped, fmt.Errorf("the file is not replaced:\n%s", f.log.String())
		}
		time.Sleep(100 * time.Microsecond)
	}
	*times = append(*times, time.Since(swapped))
	return swapped, err
}

// spread is the middle and the end of some times, which it sorts.
func spread(all []time.Duration) string {
	slices.Sort(all)
	return milliseconds(percentile(all, 50)) + " / " + milliseconds(percentile(all, 99))
}

// answering is a podfacts that serves, and what came of asking it.
type answering struct {
	client   http.Client
	requests []time.Duration

	heard   chan error // each watcher tells of each event
	end     context.CancelFunc
	running sync.WaitGroup
	many    int
}

// askMuch sends short requests, some at a time.
func (a *answering) askMuch(ctx context.Context, requests int) error {
	var mu sync.Mutex
	var all sync.WaitGroup
	errs := make([]error, clients)
	for i := range clients {
		all.Go(func() {
			for range requests / clients {
				began := time.Now()
				body, err := a.ask(ctx, "/v1/facts/pod/labels/app")
				if err == nil && body != "web" {
					err = fmt.Errorf("the label is %q", body)
				}
				if err != nil {
					errs[i] = err
					return
				}
				mu.Lock()
				a.requests = append(a.requests, time.Since(began))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (a *answering) ask(ctx context.Context, target string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+target, nil)
	if err != nil {
		return "", err
	}
	resp, err := a.client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// watch starts watchers, and waits until each has heard how things are.
func (a *answering) watch(ctx context.Context, many int) error {
	ctx, a.end = context.WithCancel(ctx)
	a.heard, a.many = make(chan error, 2*many), many
	for range many {
		a.running.Go(func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/v1/watch", nil)
			if err != nil {
				a.heard <- err
				return
			}
			resp, err := a.client.Do(r)
			if err != nil {
				a.heard <- err
				return
			}
			defer resp.Body.Close()
			for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
				if strings.HasPrefix(lines.Text(), "data: ") {
					a.heard <- nil
				}
			}
		})
	}
	return a.await()
}

// await waits until each watcher has heard once more.
func (a *answering) await() error {
	for range a.many {
		select {
		case err := <-a.heard:
			if err != nil {
				return err
			}
		case <-time.After(30 * time.Second):
			return errors.New("not every watcher hears")
		}
	}
	return nil
}

// leave ends the watchers.
func (a *answering) leave() {
	a.end()
	a.running.Wait()
}
