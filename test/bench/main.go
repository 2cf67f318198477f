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
//   - A label's way from a real API server to the file, and `podfacts init` with facts of
//     that server; beside kubectl.
//
// Linux only: it watches with inotify and reads /proc.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
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
	noop           string // the floor
	scratch        string // a directory on disk, gone at the end
	effort         effort
	progress       io.Writer
}

// effort says how often things are measured.
type effort struct {
	swaps     int           // of a volume that podfacts follows
	peerSwaps int           // of a volume that the peer polls, each about a second
	idle      time.Duration // before memory is read
	pairs     int           // of init and the floor
	loop      time.Duration // for each throughput
}

func efforts(mode string) (effort, error) {
	switch mode {
	case "full":
		return effort{swaps: 200, peerSwaps: 30, idle: 10 * time.Second, pairs: 200, loop: 3 * time.Second}, nil
	case "short":
		return effort{swaps: 40, peerSwaps: 5, idle: 3 * time.Second, pairs: 30, loop: time.Second}, nil
	default:
		return effort{}, fmt.Errorf("mode %q: want full or short", mode)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	mode := flags.String("mode", "full", "full, or short for a quick look")
	podfacts := flags.String("podfacts", "../../bin/podfacts", "the podfacts `binary`")
	consulTemplate := flags.String("consul-template", "../bin/consul-template", "the consul-template `binary`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	effort, err := efforts(*mode)
	if err != nil {
		return err
	}
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
		noop:           filepath.Join(scratch, "noop"),
		scratch:        scratch,
		effort:         effort,
		progress:       stderr,
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	var rows []row
	for _, measure := range []func(context.Context) ([]row, error){b.latency, b.memory, b.start, b.render, b.parse, b.apiserver} {
		more, err := measure(ctx)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	fmt.Fprintln(stdout, machine(scratch))
	return print(stdout, rows)
}

// build makes the floor, a static binary as podfacts is one.
func (b *bench) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.noop, "./noop")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the floor: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) step(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}
