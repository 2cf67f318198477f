package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// memory reads what an idle process holds: all of its pages, and those of its own.
func (b *bench) memory(ctx context.Context) ([]row, error) {
	ours, err := b.usage(ctx, "podfacts", b.launchOurs)
	if err != nil {
		return nil, err
	}
	peer, err := b.usage(ctx, "consul-template", b.launchPeer)
	if err != nil {
		return nil, err
	}
	line := func(what string, ours, peer, goal int) row {
		return row{
			figure:  fmt.Sprintf("idle run on one volume, %s after %v", what, b.effort.idle),
			ours:    megabytes(ours),
			peer:    megabytes(peer) + " consul-template",
			ratio:   times(float64(peer), float64(ours)),
			goal:    "<= " + megabytes(goal),
			reached: ours <= goal,
		}
	}
	return []row{
		line("RSS", ours.rss, peer.rss, 12_000_000),
		line("private", ours.private, peer.private, 3_000_000),
	}, nil
}

// usage is in bytes. Private counts anonymous pages alone: the others are the binary's,
// which the kernel shares with every other process of the same image and can drop. Where
// the binary was built just now they are dirty, and yet not private.
type usage struct{ rss, private int }

func (b *bench) usage(ctx context.Context, name string, launch launcher) (usage, error) {
	b.step("memory of %s after %v", name, b.effort.idle)
	dir := filepath.Join(b.scratch, "memory-"+name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return usage{}, err
	}
	f, err := follow(ctx, name, dir, launch)
	if err != nil {
		return usage{}, err
	}
	defer f.stop()
	select {
	case <-ctx.Done():
		return usage{}, ctx.Err()
	case <-time.After(b.effort.idle):
	}
	return rollup(f.cmd.Process.Pid)
}

// rollup sums the memory of a process up as the kernel does.
func rollup(pid int) (usage, error) {
	file := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
	text, err := os.ReadFile(file)
	if err != nil {
		return usage{}, err
	}
	var u usage
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line) // Rss: 15100 kB
		if len(fields) != 3 {
			continue
		}
		kib, err := strconv.Atoi(fields[1])
		if err != nil {
			return usage{}, fmt.Errorf("%s: %q: %w", file, line, err)
		}
		switch fields[0] {
		case "Rss:":
			u.rss = kib << 10
		case "Anonymous:":
			u.private = kib << 10
		}
	}
	return u, nil
}

func megabytes(n int) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
