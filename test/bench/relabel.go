package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// relabel measures a run that follows its own pod, its node and a volume: how long a
// label takes to reach the file, and what the process holds while idle.
func (b *bench) relabel(ctx context.Context, s *server) (rows []row, err error) {
	b.step("%d label changes", b.effort.swaps)
	memory, err := os.MkdirTemp("/dev/shm", "podfacts-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(memory)
	f, err := follow(ctx, "podfacts", filepath.Join(memory, "api"), func(ctx context.Context, volume, files, output string) (*exec.Cmd, error) {
		const text = `volumes:
- path: %q
outputs:
- path: %q
  text: |
    {{ .pod.labels.version }}" {{ .node.zone }} {{ .pod.qosClass }}
`
		config := filepath.Join(files, "podfacts.yaml")
		if err := os.WriteFile(config, fmt.Appendf(nil, text, volume, output), 0o644); err != nil {
			return nil, err
		}
		return b.command(ctx, s, "web-1-a", s.token, "run", "--config", config), nil
	})
	if err != nil {
		return nil, err
	}
	defer f.stop()
	floor := exec.CommandContext(ctx, b.own("watcher"), s.url+"/api/v1/namespaces/shop/pods?watch=true", s.ca, s.token)
	if err := floor.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = floor.Process.Kill()
		_ = floor.Wait() // killed
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(b.effort.idle):
	}
	held, err := rollup(f.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	least, err := rollup(floor.Process.Pid)
	if err != nil {
		return nil, err
	}
	delays, err := b.labels(ctx, s, f)
	if err != nil {
		return nil, err
	}
	for _, g := range []struct {
		percent int
		goal    time.Duration
	}{{50, 10 * time.Millisecond}, {99, 30 * time.Millisecond}} {
		took := percentile(delays, g.percent)
		rows = append(rows, row{
			figure: fmt.Sprintf("label change, the server's answer to replaced file, tmpfs, p%d of %d", g.percent, len(delays)),
			ours:   milliseconds(took), peer: none, ratio: none, goal: "< " + milliseconds(g.goal), reached: took < g.goal,
		})
	}
	line := func(what string, n, floor, goal int) row {
		return row{
			figure: fmt.Sprintf("idle run on its pod, node and one volume, %s after %v", what, b.effort.idle),
			ours:   megabytes(n), peer: megabytes(floor) + " net/http that watches pods and does nothing", ratio: times(float64(floor), float64(n)),
			goal: "<= " + megabytes(goal), reached: n <= goal,
		}
	}
	return append(rows, line("RSS", held.rss, least.rss, 16_000_000), line("private", held.private, least.private, 4_000_000)), nil
}

// labels changes the label time and again and returns, sorted, how long each change took
// from the server's answer, which may come after the file, to the file.
func (b *bench) labels(ctx context.Context, s *server, f *follower) (delays []time.Duration, err error) {
	replaced, err := watchReplaced(filepath.Dir(f.output))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, replaced.Close()) }()
	for i := range b.effort.swaps {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(settle + rand.N(settle)):
		}
		value := fmt.Sprintf("l%d", i)
		type arrival struct {
			at  time.Time
			err error
		}
		arrived := make(chan arrival, 1)
		go func() {
			at, err := replaced.wait(func() bool {
				text, err := os.ReadFile(f.output)
				return err == nil && bytes.HasPrefix(text, []byte(value+`"`))
			}, 10*time.Second)
			arrived <- arrival{at, err}
		}()
		answered, err := s.label(ctx, "web-1-a", value)
		if err != nil {
			return nil, err
		}
		a := <-arrived
		if a.err != nil {
			return nil, fmt.Errorf("label %s did not reach the file: %w\n%s", value, a.err, f.log.String())
		}
		delays = append(delays, max(0, a.at.Sub(answered)))
	}
	slices.Sort(delays)
	return delays, nil
}
