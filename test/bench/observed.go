package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// observed is a follower that tells how it does over a socket.
type observed struct {
	*follower
	socket string
}

// observe starts podfacts over a fresh volume below dir, with more in its
// configuration than the output.
func (b *bench) observe(ctx context.Context, dir, more string) (*observed, error) {
	o := &observed{socket: filepath.Join(dir, "socket")}
	var err error
	o.follower, err = follow(ctx, "podfacts", dir, func(ctx context.Context, volume, files, output string) (*exec.Cmd, error) {
		config, err := writeConfig(volume, files, output)
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(config)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(config, append(text, more...), 0o644); err != nil {
			return nil, err
		}
		return exec.CommandContext(ctx, b.podfacts, "run", "--config", config, "--listen", "unix://"+o.socket), nil
	})
	return o, err
}

// metrics sums the series by name, and by their result where they have one:
// podfacts_publishes_total/changed.
func (o *observed) metrics() (map[string]float64, error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", o.socket)
		},
	}}
	answer, err := client.Get("http://podfacts/metrics")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	sums := make(map[string]float64)
	for line := range strings.Lines(string(text)) {
		end := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || end < 0 {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[end:]), 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", line, err)
		}
		name, labels, _ := strings.Cut(line[:end], "{")
		if _, result, ok := strings.Cut(labels, `result="`); ok {
			result, _, _ = strings.Cut(result, `"`)
			name += "/" + result
		}
		sums[name] += value
	}
	return sums, nil
}

// state is what a process holds.
type state struct {
	usage
	goroutines, descriptors int
}

func (o *observed) state() (s state, err error) {
	m, err := o.metrics()
	if err != nil {
		return s, err
	}
	s.goroutines = int(m["go_goroutines"])
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", o.cmd.Process.Pid))
	if err != nil {
		return s, err
	}
	s.descriptors = len(open)
	s.usage, err = rollup(o.cmd.Process.Pid)
	return s, err
}

// arrives waits until the output holds the volume's last version.
func (o *observed) arrives(ctx context.Context, patience time.Duration) error {
	for deadline := time.Now().Add(patience); !o.shows(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) || o.gone() || ctx.Err() != nil {
			o.stop()
			return fmt.Errorf("%s did not reach %s\n%s", o.volume.shown(), o.output, o.end())
		}
	}
	return nil
}

// end is the end of its log, once it has been stopped.
func (o *observed) end() string {
	const most = 4000
	log := o.log.String()
	return log[max(0, len(log)-most):]
}
