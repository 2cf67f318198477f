package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// start measures init from start to exit, in turns with a program that does
// nothing, so that both see the same machine. The output directory is empty each
// time, as an init container finds it.
func (b *bench) start(ctx context.Context) ([]row, error) {
	b.step("%d starts of init", b.effort.pairs)
	dir := filepath.Join(b.scratch, "start")
	v, err := newVolume(filepath.Join(dir, "volume"))
	if err != nil {
		return nil, err
	}
	files := filepath.Join(dir, "files")
	if err := os.Mkdir(files, 0o755); err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "out")
	output := filepath.Join(out, "labels.conf")
	config, err := writeConfig(v.dir, files, output)
	if err != nil {
		return nil, err
	}
	var ours, floor []time.Duration
	for range b.effort.pairs {
		if err := os.RemoveAll(out); err != nil {
			return nil, err
		}
		if err := os.Mkdir(out, 0o755); err != nil {
			return nil, err
		}
		took, err := took(exec.CommandContext(ctx, b.own("noop")))
		if err != nil {
			return nil, err
		}
		floor = append(floor, took)
		if took, err = b.init(ctx, config); err != nil {
			return nil, err
		}
		ours = append(ours, took)
		if _, err := os.Stat(output); err != nil {
			return nil, fmt.Errorf("init wrote nothing: %w", err)
		}
	}
	slices.Sort(ours)
	slices.Sort(floor)
	a, f := percentile(ours, 50), percentile(floor, 50)
	const goal = 10 * time.Millisecond
	return []row{{
		figure:  fmt.Sprintf("init, start to exit, one volume, median of %d", len(ours)),
		ours:    milliseconds(a),
		peer:    milliseconds(f) + " a Go program that does nothing",
		ratio:   above(a, f),
		goal:    "<= +" + milliseconds(goal),
		reached: a-f <= goal,
	}}, nil
}

// took runs a command to its end and returns how long that was.
func took(cmd *exec.Cmd) (time.Duration, error) {
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, out)
	}
	return time.Since(start), nil
}
