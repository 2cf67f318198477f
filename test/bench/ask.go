package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ask measures init with facts of the API server, in turns with kubectl and curl for one.
func (b *bench) ask(ctx context.Context, s *server) ([]row, error) {
	b.step("%d starts of init with the API server", b.effort.pairs)
	out := filepath.Join(b.scratch, "asked.env")
	programs := []*asking{
		{command: func() *exec.Cmd {
			_ = os.Remove(out) // which is not there the first time
			return b.command(ctx, s, "web-1-a", s.token, "init", "--env-file", out, "--env", "ZONE=node.zone,WORKLOAD=workload.name,REPLICAS=workload.replicas")
		}},
		{name: "kubectl", command: func() *exec.Cmd {
			return exec.CommandContext(ctx, s.kubectl, "--kubeconfig", s.kubeconfig, "--cache-dir", filepath.Join(b.scratch, "kubectl"),
				"get", "node", "n0", "-o", `jsonpath={.metadata.labels.topology\.kubernetes\.io/zone}`)
		}},
	}
	if curl, err := exec.LookPath("curl"); err == nil {
		programs = append(programs, &asking{name: "curl", command: func() *exec.Cmd {
			return exec.CommandContext(ctx, curl, "-sS", "--fail", "--cacert", s.ca, "-H", "Authorization: Bearer "+s.authorization, s.url+"/api/v1/nodes/n0")
		}})
	}
	for range b.effort.pairs {
		for _, p := range programs {
			t, err := took(p.command())
			if err != nil {
				return nil, err
			}
			p.times = append(p.times, t)
		}
	}
	for range b.effort.peaks {
		for _, p := range programs {
			peak, err := b.peak(ctx, p.command())
			if err != nil {
				return nil, err
			}
			p.peaks = append(p.peaks, peak)
		}
	}
	var peerTimes, peerPeaks []string
	for _, p := range programs {
		slices.Sort(p.times)
		slices.Sort(p.peaks)
		if p.name != "" {
			peerTimes = append(peerTimes, milliseconds(percentile(p.times, 50))+" "+p.name)
			peerPeaks = append(peerPeaks, megabytes(percentile(p.peaks, 50))+" "+p.name)
		}
	}
	ours, kubectl := programs[0], programs[1]
	const (
		goal     = 30 * time.Millisecond
		goalPeak = 18 << 20
	)
	line := func(what string, n int, peer, ratio string) row {
		return row{
			figure: fmt.Sprintf("the same, peak memory, %s of %d", what, len(ours.peaks)),
			ours:   megabytes(n), peer: peer, ratio: ratio,
			goal: "<= " + megabytes(goalPeak), reached: n <= goalPeak,
		}
	}
	took, peak, worst := percentile(ours.times, 50), percentile(ours.peaks, 50), percentile(ours.peaks, 100)
	return []row{
		{
			figure: fmt.Sprintf("init with node zone and workload from the API server, median of %d", len(ours.times)),
			ours:   milliseconds(took), peer: strings.Join(peerTimes, ", ") + ", for the zone alone",
			ratio: times(float64(percentile(kubectl.times, 50)), float64(took)),
			goal:  "<= " + milliseconds(goal), reached: took <= goal,
		},
		line("median", peak, strings.Join(peerPeaks, ", "), times(float64(percentile(kubectl.peaks, 50)), float64(peak))),
		line("worst", worst, none, none),
	}, nil
}

// asking is a program that asks the server and ends.
type asking struct {
	name    string // of a peer
	command func() *exec.Cmd
	times   []time.Duration
	peaks   []int // bytes
}

// peak runs a command and returns the most memory that it held, in bytes.
func (b *bench) peak(ctx context.Context, cmd *exec.Cmd) (int, error) {
	within := exec.CommandContext(ctx, b.own("peak"), cmd.Args...)
	within.Env = cmd.Env
	out, err := within.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", cmd, err)
	}
	kib, err := strconv.Atoi(strings.TrimSpace(string(out)))
	return kib << 10, err
}
