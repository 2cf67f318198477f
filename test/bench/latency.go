package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// latency measures from the rename of ..data to the rename of the output: in memory
// beside the peer, and on disk beside what the disk alone takes to make a file safe.
func (b *bench) latency(ctx context.Context) ([]row, error) {
	memory, err := os.MkdirTemp("/dev/shm", "podfacts-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(memory)
	peer, _, err := b.delays(ctx, "consul-template", filepath.Join(memory, "peer"), b.launchPeer, b.effort.peerSwaps, peerPoll)
	if err != nil {
		return nil, err
	}
	tmpfs, _, err := b.delays(ctx, "podfacts", filepath.Join(memory, "ours"), b.launchOurs, b.effort.swaps, settle)
	if err != nil {
		return nil, err
	}
	disk, floor, err := b.delays(ctx, "podfacts", filepath.Join(b.scratch, "latency"), b.launchOurs, b.effort.swaps, settle)
	if err != nil {
		return nil, err
	}
	goals := []struct {
		percent int
		goal    time.Duration
	}{{50, 2 * time.Millisecond}, {99, 10 * time.Millisecond}}
	var rows []row
	for _, g := range goals {
		ours, theirs := percentile(tmpfs, g.percent), percentile(peer, g.percent)
		rows = append(rows, row{
			figure:  fmt.Sprintf("volume swap to replaced file, tmpfs, p%d of %d", g.percent, len(tmpfs)),
			ours:    milliseconds(ours),
			peer:    fmt.Sprintf("%s consul-template (of %d)", milliseconds(theirs), len(peer)),
			ratio:   times(float64(theirs), float64(ours)),
			goal:    "< " + milliseconds(g.goal),
			reached: ours < g.goal,
		})
	}
	for _, g := range goals {
		ours, alone := percentile(disk, g.percent), percentile(floor, g.percent)
		rows = append(rows, row{
			figure:  fmt.Sprintf("volume swap to replaced file, disk, p%d of %d", g.percent, len(disk)),
			ours:    milliseconds(ours),
			peer:    milliseconds(alone) + " the disk alone: write, fsync, rename, fsync",
			ratio:   above(ours, alone),
			goal:    "< +" + milliseconds(g.goal),
			reached: ours-alone < g.goal,
		})
	}
	return rows, nil
}

const (
	settle   = 250 * time.Millisecond // longer than any window in which podfacts gathers changes
	peerPoll = 2 * time.Second        // dependency.FileQuerySleepTime of consul-template
)

// delays swaps the volume of an idle process and returns, sorted, how long each swap
// took to reach the output, and how long the filesystem alone takes for such an
// output, measured in turns. The pauses between them spread evenly over a phase, so that
// a process which polls is met at any moment of its period.
func (b *bench) delays(ctx context.Context, name, dir string, launch launcher, swaps int, phase time.Duration) (delays, floor []time.Duration, err error) {
	b.step("%d swaps under %s in %s", swaps, name, filepath.Dir(dir))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, nil, err
	}
	f, err := follow(ctx, name, dir, launch)
	if err != nil {
		return nil, nil, err
	}
	defer f.stop()
	replaced, err := watchReplaced(filepath.Dir(f.output))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, replaced.Close()) }()
	for range swaps {
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(settle + rand.N(phase)):
		}
		if f.gone() {
			return nil, nil, fmt.Errorf("%s: exited:\n%s", name, f.log.String())
		}
		swapped, err := f.volume.swap()
		if err != nil {
			return nil, nil, err
		}
		arrived, err := replaced.wait(f.shows, 10*time.Second)
		if err != nil {
			f.stop()
			return nil, nil, fmt.Errorf("%s: %s did not reach %s: %w\n%s", name, f.volume.shown(), f.output, err, f.log.String())
		}
		delays = append(delays, arrived.Sub(swapped))
		alone, err := replace(filepath.Join(dir, "files", "floor"), []byte("app=\"web\"\n"))
		if err != nil {
			return nil, nil, err
		}
		floor = append(floor, alone)
	}
	slices.Sort(delays)
	slices.Sort(floor)
	return delays, floor, nil
}

// replace makes a file safe under its name, as podfacts does, and returns how long
// that took.
func replace(file string, text []byte) (time.Duration, error) {
	start := time.Now()
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	temporary, err := os.CreateTemp(dir.Name(), ".floor-")
	if err != nil {
		return 0, err
	}
	_, err = temporary.Write(text)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	err = errors.Join(err, dir.Sync())
	return time.Since(start), err
}

// percentile is the smallest of the sorted values that percent of them do not exceed.
func percentile[T any](sorted []T, percent int) T {
	return sorted[(len(sorted)*percent+99)/100-1]
}

func milliseconds(d time.Duration) string {
	digits := 2
	if d >= 100*time.Millisecond || d%time.Millisecond == 0 {
		digits = 0
	}
	return fmt.Sprintf("%.*f ms", digits, float64(d)/float64(time.Millisecond))
}

// replacedWatch sees files being renamed into a directory, with a blocking read
// of inotify: no other goroutine stands between the event and the clock.
type replacedWatch struct{ file *os.File }

func watchReplaced(dir string) (*replacedWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	file := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MOVED_TO|unix.IN_CLOSE_WRITE); err != nil {
		return nil, errors.Join(os.NewSyscallError("inotify_add_watch", err), file.Close())
	}
	return &replacedWatch{file}, nil
}

// wait returns the moment of the event after which done holds.
func (w *replacedWatch) wait(done func() bool, patience time.Duration) (time.Time, error) {
	if err := w.file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return time.Time{}, err
	}
	var events [4096]byte
	for {
		if _, err := w.file.Read(events[:]); err != nil {
			return time.Time{}, err
		}
		if now := time.Now(); done() {
			return now, nil
		}
	}
}

func (w *replacedWatch) Close() error { return w.file.Close() }
