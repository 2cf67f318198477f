// Bench measures podfacts beside its peers and prints one table: what was
// measured, podfacts, the peer or the floor, their ratio, the goal, and whether
// it was reached. Every figure of a table comes from the same run on the same
// machine.
//
//   - A swap of a volume, made as the kubelet makes it, to the replaced output
//     file, with the process idle before; beside consul-template, which polls.
//   - The memory of an idle process that follows one volume; beside the same.
//   - `podfacts init` from start to exit; beside a Go program that does nothing.
//   - Rendering a template; beside consul-template's own engine.
//   - Reading a volume's map; beside strconv.Unquote alone.
//   - A storm of changes: how late the last state is, and what it all costs.
//   - A soak of many changes, with hooks: what is held at the end and near the start.
//   - What it costs to serve other containers: watchers and short requests.
//   - A label's way from a real API server to the file, and `podfacts init` with facts of
//     that server; beside kubectl and curl.
//   - What an idle sidecar of that server holds and asks; beside a client that only
//     watches.
//   - Many sidecars of one server at once.
//   - The API server passed on to watchers and short requests; beside kubectl proxy.
//
// Linux only: it watches with inotify and reads /proc.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run: what to measure, how often, and where.
type bench struct {
	podfacts       string // the binary under test
	consulTemplate string // the peer
	scratch        string // a directory on disk, gone at the end
	effort         effort
	only           string // the one measurement that is wanted; empty is all
	progress       io.Writer
}

// measurement gives some rows.
type measurement struct {
	name    string
	measure func(context.Context) ([]row, error)
}

func (b *bench) wanted(m measurement) bool { return b.only == "" || b.only == m.name }

// effort says how often things are measured.
type effort struct {
	swaps     int           // of a volume that podfacts follows
	peerSwaps int           // of a volume that the peer polls, each about a second
	idle      time.Duration // before memory is read
	stretch   time.Duration // that a sidecar is left alone; more than its refresh of 5 to 6 minutes, in full
	pairs     int           // of init and the floor
	peaks     int           // of init and its peers
	fleet     int           // sidecars at once
	loop      time.Duration // for each throughput
	storm     time.Duration // of changes
	soak      int           // changes
	requests  int           // through a proxy
}

func efforts(mode string) (effort, error) {
	switch mode {
	case "full":
		return effort{swaps: 200, peerSwaps: 30, idle: 10 * time.Second,
			stretch: 390 * time.Second, pairs: 200, peaks: 21, fleet: 500, loop: 3 * time.Second,
			storm: time.Minute, soak: 1_000_000, requests: 10_000}, nil
	case "short":
		return effort{swaps: 40, peerSwaps: 5, idle: 3 * time.Second,
			stretch: 20 * time.Second, pairs: 30, peaks: 7, fleet: 50, loop: time.Second,
			storm: 5 * time.Second, soak: 50_000, requests: 2000}, nil
	default:
		return effort{}, fmt.Errorf("mode %q: want full or short", mode)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	mode := flags.String("mode", "full", "full, or short for a quick look")
	only := flags.String("only", "", "one of latency, memory, start, render, parse, storm, soak, serving, relabel, ask, quiet, fleet, proxy; empty is all")
	fleet := flags.Int("fleet", 0, "sidecars at once; 0 is what the mode says")
	podfacts := flags.String("podfacts", "../../bin/podfacts", "the podfacts `binary`")
	consulTemplate := flags.String("consul-template", "../bin/consul-template", "the consul-template `binary`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	effort, err := efforts(*mode)
	if err != nil {
		return err
	}
	effort.fleet = cmp.Or(*fleet, effort.fleet)
	// Beside the binaries: that is a disk, where /tmp may be none.
	scratch, err := os.MkdirTemp(filepath.Dir(*consulTemplate), "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if scratch, err = filepath.Abs(scratch); err != nil {
		return err
	}
	b := &bench{
		podfacts:       *podfacts,
		consulTemplate: *consulTemplate,
		scratch:        scratch,
		effort:         effort,
		only:           *only,
		progress:       stderr,
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	machine := machine(scratch)
	var rows []row
	for _, m := range []measurement{
		{"latency", b.latency}, {"memory", b.memory}, {"start", b.start}, {"render", b.render}, {"parse", b.parse},
		{"storm", b.storm}, {"soak", b.soak}, {"serving", b.serving},
	} {
		if !b.wanted(m) {
			continue
		}
		more, err := m.measure(ctx)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	more, err := b.apiserver(ctx)
	if err != nil {
		return err
	}
	rows = append(rows, more...)
	fmt.Fprintln(stdout, machine)
	return print(stdout, rows)
}

// build makes the programs of this module, static binaries as podfacts is one.
func (b *bench) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.own("")+"/", "./noop", "./peak", "./watcher")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the floors: %w\n%s", err, out)
	}
	return nil
}

// own names a program of this module.
func (b *bench) own(program string) string { return filepath.Join(b.scratch, "bin", program) }

func (b *bench) step(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}
