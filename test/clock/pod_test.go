package clock

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that must happen in the end.
const patience = 90 * time.Second

// pod is podfacts and its files.
type pod struct {
	t     *testing.T
	dir   string
	ask   http.Client
	cmd   *exec.Cmd
	ended chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

func newPod(t *testing.T, config string) *pod {
	t.Helper()
	dir, err := os.MkdirTemp("", "clock") // short, for a socket
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{t: t, dir: dir, ended: make(chan struct{})}
	p.ask = http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", p.path("socket"))
		},
	}}
	t.Cleanup(func() {
		if p.cmd != nil {
			p.cmd.Process.Kill() //nolint:errcheck // it may have ended
			<-p.ended
		}
		if t.Failed() {
			t.Logf("log:\n%s", p.logged())
		}
		os.RemoveAll(dir)
	})
	p.write("podfacts.yaml", config)
	p.label(1)
	p.step(0)
	return p
}

func (p *pod) path(name string) string { return filepath.Join(p.dir, name) }

func (p *pod) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pod) write(name, text string) {
	p.t.Helper()
	p.check(os.WriteFile(p.path(name), []byte(text), 0o644))
}

func (p *pod) rename(from, to string) {
	p.t.Helper()
	p.check(os.Rename(p.path(from), p.path(to)))
}

// step sets the clock to the true time and so many seconds.
func (p *pod) step(seconds int64) {
	p.t.Helper()
	file, err := os.OpenFile(p.path("step"), os.O_RDWR|os.O_CREATE, 0o644)
	p.check(err)
	defer file.Close()
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(seconds)), 0)
	p.check(err)
}

func (p *pod) label(n int) { p.labels(fmt.Sprintf("n=%q", strconv.Itoa(n))) }

// labels gives the volume another version, as the kubelet does.
func (p *pod) labels(text string) {
	p.t.Helper()
	volume := p.path("volume")
	p.check(os.MkdirAll(volume, 0o755))
	version, err := os.MkdirTemp(volume, "..2026_01_02_03_04_05.")
	p.check(err)
	p.check(os.WriteFile(filepath.Join(version, "labels"), []byte(text), 0o644))
	p.check(os.Symlink(filepath.Base(version), filepath.Join(volume, "..data_tmp")))
	p.check(os.Rename(filepath.Join(volume, "..data_tmp"), filepath.Join(volume, "..data")))
	if err := os.Symlink("..data/labels", filepath.Join(volume, "labels")); !os.IsExist(err) {
		p.check(err)
	}
}

// Write takes the log.
func (p *pod) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(text)
}

func (p *pod) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *pod) start(args ...string) {
	p.t.Helper()
	p.cmd = exec.Command("podfacts", append(args, "-c", "podfacts.yaml")...)
	p.cmd.Dir, p.cmd.Stderr = p.dir, p
	p.cmd.Env = append(os.Environ(), variable+"="+p.path("step"))
	p.check(p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.cmd.Wait() //nolint:errcheck // its state says it
	}()
}

// stop asks it to end, with success.
func (p *pod) stop() {
	p.t.Helper()
	p.check(p.cmd.Process.Signal(syscall.SIGTERM))
	p.ends(0)
}

// ends waits for its end.
func (p *pod) ends(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatal("it does not end")
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("it ended with %v, want exit code %d", p.cmd.ProcessState, code)
	}
}

func (p *pod) eventually(what string, holds func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("never: %s", what)
		}
	}
}

func (p *pod) holds(name, want string) {
	p.t.Helper()
	p.eventually(name+" holds "+want, func() bool {
		data, err := os.ReadFile(p.path(name))
		return err == nil && string(data) == want
	})
}

func (p *pod) says(what string) {
	p.t.Helper()
	p.eventually("the log says "+what, func() bool { return strings.Contains(p.logged(), what) })
}

// wantClock asks that the clock of podfacts, which its log shows, has been stepped.
func (p *pod) wantClock(step int64) {
	p.t.Helper()
	p.eventually("the log shows the step", func() bool {
		for line := range strings.Lines(p.logged()) {
			text, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
			at, err := time.Parse(time.RFC3339, text)
			want := time.Now().Add(time.Duration(step) * time.Second)
			if err == nil && at.Sub(want).Abs() < patience {
				return true
			}
		}
		return false
	})
}

// retried waits for more attempts of the hook, which fail.
func (p *pod) retried(times float64) {
	p.t.Helper()
	failures := func() float64 { return p.metric("podfacts_notifications_total", `result="failure"`) }
	before := failures()
	p.eventually("the hook is tried again", func() bool { return failures() >= before+times })
}

func (p *pod) get(page string) (status int, text string) {
	p.t.Helper()
	answer, err := p.ask.Get("http://podfacts/" + page)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	p.check(err)
	return answer.StatusCode, string(body)
}

func (p *pod) answers(page string, want int) {
	p.t.Helper()
	if status, text := p.get(page); status != want {
		p.t.Errorf("%s: status %d, want %d\n%s", page, status, want, text)
	}
}

// metric gives the value of a series whose name and labels hold all of parts.
func (p *pod) metric(parts ...string) float64 {
	p.t.Helper()
	_, text := p.get("metrics")
	for line := range strings.Lines(text) {
		end := strings.LastIndexByte(line, ' ')
		held := !strings.HasPrefix(line, "#") && end > 0
		for _, part := range parts {
			held = held && strings.Contains(line[:end], part)
		}
		if held {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[end:]), 64)
			p.check(err)
			return v
		}
	}
	p.t.Fatalf("no metric %q in\n%s", parts, text)
	return 0
}
