package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

const (
	stormRate = 10_000 // changes a second
	window    = 100 * time.Millisecond
	// stormDelay is how soon after the last change its state must be published:
	// within the window, and what a round then waits for slow sources at most.
	stormDelay = window + 50*time.Millisecond
)

// storm changes a label ten thousand times a second, by swaps of a volume under a
// process and by a source within this one, and looks at what that costs. The
// last state must be published within the window, and nothing may be done more
// often than that.
func (b *bench) storm(ctx context.Context) ([]row, error) {
	volume, err := b.stormOfSwaps(ctx)
	if err != nil {
		return nil, err
	}
	source, err := b.stormOfSource(ctx)
	if err != nil {
		return nil, err
	}
	return append(volume, source...), nil
}

// stormed is what a storm led to.
type stormed struct {
	what      string
	changes   int
	took      time.Duration
	late      time.Duration // the last state, after the last change
	publishes int
	cpu       time.Duration
}

func (s stormed) rows() []row {
	figure := fmt.Sprintf("storm of %.0f %s/s for %v, ", float64(s.changes)/s.took.Seconds(), s.what, s.took.Round(time.Second))
	rate, most := float64(s.publishes)/s.took.Seconds(), time.Second.Seconds()/window.Seconds()
	share := 100 * s.cpu.Seconds() / s.took.Seconds()
	return []row{
		{
			figure: figure + "last state published after", ours: milliseconds(s.late), peer: none, ratio: none,
			goal: "<= " + milliseconds(stormDelay), reached: s.late <= stormDelay,
		},
		{
			figure: figure + "publishes", ours: fmt.Sprintf("%d, %.1f/s", s.publishes, rate),
			peer: fmt.Sprintf("%d changes", s.changes), ratio: times(float64(s.changes), float64(s.publishes)),
			goal: fmt.Sprintf("<= %.0f/s", most), reached: rate <= most+0.5,
		},
		{
			figure: figure + "CPU of one core", ours: fmt.Sprintf("%.0f %%", share), peer: none, ratio: none,
			goal: "<= 50 %", reached: share <= 50,
		},
	}
}

// pace calls change at the rate of a storm, or as fast as it can be called.
func (b *bench) pace(ctx context.Context, change func() error) (changes int, took time.Duration, err error) {
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		for due := int(time.Since(began).Seconds() * stormRate); changes < due && time.Since(began) < b.effort.storm; changes++ {
			if err := change(); err != nil {
				return 0, 0, err
			}
		}
		if took := time.Since(began); took >= b.effort.storm || ctx.Err() != nil {
			return changes, took, ctx.Err()
		}
	}
}

func (b *bench) stormOfSwaps(ctx context.Context) (rows []row, err error) {
	b.step("a storm of swaps for %v", b.effort.storm)
	memory, err := os.MkdirTemp("/dev/shm", "podfacts-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(memory)
	o, err := b.observe(ctx, memory, "")
	if err != nil {
		return nil, err
	}
	defer o.stop()
	before, err := o.metrics()
	if err != nil {
		return nil, err
	}
	spent, err := processorTime(o.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	s := stormed{what: "volume swaps"}
	if s.changes, s.took, err = b.pace(ctx, o.volume.flip); err != nil {
		return nil, err
	}
	ended := time.Now()
	if err := o.arrives(ctx, 30*time.Second); err != nil {
		return nil, err
	}
	s.late = time.Since(ended)
	if s.cpu, err = processorTime(o.cmd.Process.Pid); err != nil {
		return nil, err
	}
	s.cpu -= spent
	after, err := o.metrics()
	if err != nil {
		return nil, err
	}
	const published = "podfacts_publishes_total/changed"
	s.publishes = int(after[published] - before[published])
	return s.rows(), nil
}

// busy is a source whose label changes whenever it is told so.
type busy struct {
	n       atomic.Int64
	changed atomic.Pointer[func()]
}

func (*busy) String() string { return "busy" }

func (s *busy) Read(context.Context) (watch.Layer, error) {
	var l watch.Layer
	l.Set(watch.PodLabels.Key("n"), strconv.FormatInt(s.n.Load(), 10), "busy")
	return l, nil
}

func (s *busy) Watch(ctx context.Context, changed func()) error {
	s.changed.Store(&changed)
	changed()
	<-ctx.Done()
	return nil
}

func (s *busy) change() error {
	s.n.Add(1)
	(*s.changed.Load())()
	return nil
}

func (b *bench) stormOfSource(ctx context.Context) (rows []row, err error) {
	b.step("a storm of a source for %v", b.effort.storm)
	memory, err := os.MkdirTemp("/dev/shm", "podfacts-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(memory)
	template, err := render.ParseTemplate("storm", "{{ .pod.labels.n }}", render.TemplateOptions{})
	if err != nil {
		return nil, err
	}
	source, file := &busy{}, filepath.Join(memory, "out")
	published := atomic.Int64{}
	a := agent.Agent{
		Sources: []watch.Source{source},
		Outputs: []agent.Output{{File: publish.File{Path: file}, Renderer: template}},
		Report: func(r agent.Report) {
			if p, ok := r.(agent.Published); ok && p.Changed {
				published.Add(1)
			}
		},
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	arrives := func() error {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			got, _ := os.ReadFile(file)
			switch {
			case string(got) == strconv.FormatInt(source.n.Load(), 10):
				return nil
			case time.Now().After(deadline):
				return fmt.Errorf("%d did not reach %s, which holds %q", source.n.Load(), file, got)
			}
		}
	}
	if err := arrives(); err != nil {
		return nil, err
	}
	time.Sleep(2 * window) // the watch may have led to a round of its own
	s, before, spent := stormed{what: "label changes of a source"}, published.Load(), ownTime()
	if s.changes, s.took, err = b.pace(ctx, source.change); err != nil {
		return nil, err
	}
	ended := time.Now()
	if err := arrives(); err != nil {
		return nil, err
	}
	s.late, s.cpu, s.publishes = time.Since(ended), ownTime()-spent, int(published.Load()-before)
	cancel()
	if err := <-done; err != nil {
		return nil, err
	}
	return s.rows(), nil
}

// ownTime is the processor time of this process.
func ownTime() time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
