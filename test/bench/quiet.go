package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// quiet are sidecars that are left alone while others are measured: one that watches its
// pod, its node, its namespace and a volume, one with the volume alone, and the peer. A
// minute is too short to tell what they hold: what the first collection of garbage takes
// comes after two.
type quiet struct {
	b                 *bench
	api, volume, peer *follower
	since             int64     // in the audit log
	began             time.Time // to be idle
}

func (q *quiet) start(ctx context.Context, b *bench, s *server) (err error) {
	q.b = b
	token := filepath.Join(b.scratch, "quiet-token")
	if err := s.tokenFor(ctx, "quiet", "quiet", token); err != nil {
		return err
	}
	if q.since, err = s.mark(); err != nil {
		return err
	}
	q.api, err = follow(ctx, "podfacts", filepath.Join(b.scratch, "quiet"), func(ctx context.Context, volume, files, output string) (*exec.Cmd, error) {
		const text = `volumes:
- path: %q
outputs:
- path: %q
  text: |
    {{ .pod.labels.version }}" {{ .pod.qosClass }} {{ .node.zone }} {{ .namespace.labels.team }}
`
		config := filepath.Join(files, "podfacts.yaml")
		if err := os.WriteFile(config, fmt.Appendf(nil, text, volume, output), 0o644); err != nil {
			return nil, err
		}
		if err := b.grant(ctx, s, "quiet", token, "--config", config); err != nil {
			return nil, err
		}
		return b.command(ctx, s, "quiet", token, "run", "--config", config), nil
	})
	if err != nil {
		return err
	}
	if q.volume, err = follow(ctx, "podfacts", filepath.Join(b.scratch, "quiet-volume"), b.launchOurs); err != nil {
		return err
	}
	if q.peer, err = follow(ctx, "consul-template", filepath.Join(b.scratch, "quiet-peer"), b.launchPeer); err != nil {
		return err
	}
	q.began = time.Now().Add(5 * time.Second)
	return nil
}

func (q *quiet) stop() {
	for _, f := range []*follower{q.api, q.volume, q.peer} {
		if f != nil {
			f.stop()
		}
	}
}

// rows waits until the stretch is over, and tells what it took: what was held, and what
// was asked. Watches that last half an hour and longer do not end in it, so that a rate
// over the hour is what they asked the server for when they began.
func (q *quiet) rows(ctx context.Context, s *server) ([]row, error) {
	q.b.step("waiting for what has been idle to have been so for %v", q.b.effort.stretch)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Until(q.began.Add(q.b.effort.stretch))):
	}
	stretch := time.Since(q.began).Round(time.Second)
	api, err := rollup(q.api.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	volume, err := rollup(q.volume.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	peer, err := rollup(q.peer.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	requests, err := s.requests(q.since, "quiet")
	if err != nil {
		return nil, err
	}
	idle := 0
	watches := map[string]time.Duration{}
	for _, r := range requests {
		if r.received.After(q.began) {
			idle++
		}
		if r.verb == "watch" {
			watches[r.resource] = r.lasts
		}
	}
	if len(watches) != 3 || q.api.gone() {
		return nil, fmt.Errorf("an idle sidecar watches %v; want its pod, node and namespace\n%s", watches, q.api.log.String())
	}
	hourly, shortest, longest := 0.0, time.Hour, time.Duration(0)
	for _, lasts := range watches {
		hourly += float64(time.Hour) / float64(lasts)
		shortest, longest = min(shortest, lasts), max(longest, lasts)
	}
	const goal = 15 // requests an hour
	alone := func(what string, n, goal int) row {
		return row{
			figure: fmt.Sprintf("idle run on its pod, node, namespace and one volume, %s after %v", what, stretch),
			ours:   megabytes(n), peer: none, ratio: none, goal: "<= " + megabytes(goal), reached: n <= goal,
		}
	}
	beside := func(what string, n, peer, goal int) row {
		return row{
			figure: fmt.Sprintf("idle run on one volume, %s after %v", what, stretch),
			ours:   megabytes(n), peer: megabytes(peer) + " consul-template", ratio: times(float64(peer), float64(n)),
			goal: "<= " + megabytes(goal), reached: n <= goal,
		}
	}
	return []row{
		alone("RSS", api.rss, 16_000_000),
		alone("private", api.private, 4_000_000),
		beside("RSS", volume.rss, peer.rss, 12_000_000),
		beside("private", volume.private, peer.private, 3_000_000),
		{
			figure: fmt.Sprintf("requests of an idle run on its pod, node and namespace, in %v by the audit log", stretch),
			ours:   fmt.Sprint(idle), peer: none, ratio: none,
			goal: fmt.Sprintf("<= %.1f", goal*stretch.Hours()), reached: float64(idle) <= goal*stretch.Hours(),
		},
		{
			figure: fmt.Sprintf("the same per hour, by its %d watches, which last %v to %v", len(watches), shortest, longest),
			ours:   fmt.Sprintf("%.1f", hourly), peer: "60 k8s-sidecar, whose WATCH_SERVER_TIMEOUT is 60 s (not run)", ratio: times(60, hourly),
			goal: fmt.Sprintf("<= %d", goal), reached: hourly <= goal,
		},
	}, nil
}
