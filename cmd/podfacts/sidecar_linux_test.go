package main

import (
	"bytes"
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
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that must happen in the end. It is no
// measure of podfacts: the machine may be busy.
const patience = 90 * time.Second

// sidecar is a podfacts run in a process of its own, with its files in one
// directory: volume, which holds the label n, and out, where its outputs go.
type sidecar struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
	log *buffer
	ask http.Client // over its socket

	ended chan struct{} // closed at its end
	err   error         // with what
}

// newSidecar writes the configuration of one that does not run yet.
func newSidecar(t *testing.T, config string) *sidecar {
	t.Helper()
	s := &sidecar{t: t, dir: ramDir(t), log: &buffer{}}
	s.ask = http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", s.path("socket"))
		},
	}}
	s.write("podfacts.yaml", "volumes: [{path: volume}]\n"+config)
	if err := os.Mkdir(s.path("out"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.label(1)
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if log := s.log.String(); t.Failed() {
			t.Logf("the end of the log:\n%s", log[max(0, len(log)-10_000):])
		}
	})
	return s
}

func (s *sidecar) path(name string) string { return filepath.Join(s.dir, name) }

// label has the kubelet give the label n another value.
func (s *sidecar) label(n int) { publishLabels(s.t, s.path("volume"), n) }

func (s *sidecar) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// read returns what a file holds. One that is not there holds nothing.
func (s *sidecar) read(name string) string {
	data, _ := os.ReadFile(s.path(name))
	return string(data)
}

// command is podfacts on its configuration.
func (s *sidecar) command(args ...string) *exec.Cmd {
	cmd := exec.Command("podfacts", append(args, "-c", "podfacts.yaml")...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// start runs it until the test ends.
func (s *sidecar) start() {
	s.t.Helper()
	s.startAs(s.command("run", "--listen", "unix://"+s.path("socket")))
}

func (s *sidecar) startAs(cmd *exec.Cmd) {
	s.t.Helper()
	s.cmd, s.ended = cmd, make(chan struct{})
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		s.err = s.cmd.Wait()
	}()
}

// kill ends it as nothing can prevent.
func (s *sidecar) kill() {
	s.cmd.Process.Kill() //nolint:errcheck // it may have ended
	<-s.ended
}

// stop asks it to end, which it does with success.
func (s *sidecar) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	if <-s.ended; s.err != nil {
		s.t.Errorf("at its end: %v", s.err)
	}
}

func (s *sidecar) signal(which syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(which); err != nil {
		s.t.Fatal(err)
	}
}

// eventually waits until something holds.
func (s *sidecar) eventually(what string, holds func() bool) {
	s.t.Helper()
	s.await(what, holds, s.ended)
}

// await waits for what may take a while, and fails once it has ended. A nil
// channel is for what comes after its end.
func (s *sidecar) await(what string, holds func() bool, ended <-chan struct{}) {
	s.t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-ended:
			s.t.Fatalf("it has ended (%v) before %s", s.err, what)
		case <-deadline:
			s.t.Fatalf("never: %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// holds waits until a file has a content.
func (s *sidecar) holds(name, want string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%s holds %.40q", name, want), func() bool { return s.read(name) == want })
}

// get asks it for a page.
func (s *sidecar) get(page string) (status int, text string) {
	s.t.Helper()
	answer, err := s.ask.Get("http://podfacts/" + page)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Error(err)
	}
	return answer.StatusCode, string(body)
}

// answers asks for a page once.
func (s *sidecar) answers(page string, want int, parts ...string) {
	s.t.Helper()
	status, text := s.get(page)
	if status != want {
		s.t.Errorf("%s: status %d, want %d\n%s", page, status, want, text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			s.t.Errorf("%s does not say %q:\n%s", page, part, text)
		}
	}
}

// metric gives the value of a series, or 0 where there is none.
func (s *sidecar) metric(series string) int {
	s.t.Helper()
	_, text := s.get("metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				s.t.Error(err)
			}
			return int(n)
		}
	}
	return 0
}

// says waits until the log says something as often as that.
func (s *sidecar) says(times int, what string) {
	s.t.Helper()
	s.eventually("the log says "+what, func() bool { return strings.Count(s.log.String(), what) >= times })
}

// logged asks how often the log says something.
func (s *sidecar) logged(times int, what string) {
	s.t.Helper()
	if got := strings.Count(s.log.String(), what); got != times {
		s.t.Errorf("the log says %q %d times, want %d", what, got, times)
	}
}

// buffer takes what a process writes while somebody reads it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
