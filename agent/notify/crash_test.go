package notify_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/agent/publish"
)

// child is a sidecar in a process of its own: it publishes what the file source
// holds, and its hook has a consumer load it. A job is
// "<kind>|<directory>|<point>"; at its point the process says so and waits to be
// killed. "signal|<name>" just signals a process, and "parent|<path>" has another
// one, of that path, do so.
func child(job string) error {
	parts := strings.Split(job, "|")
	switch parts[0] {
	case "signal":
		return notify.Signal{Signal: 10, Process: parts[1]}.Do(context.Background(), notify.Event{})
	case "parent":
		cmd := exec.Command(parts[1])
		cmd.Env = append(os.Environ(), childVariable+"=signal|"+parts[1])
		cmd.Stderr = os.Stderr
		return cmd.Run()
	}
	s := &sidecar{dir: parts[1], point: parts[2]}
	hook := notify.Hook{On: []string{s.output()}, Action: action{"load", s.load}}
	if parts[0] == "skip" {
		hook.SkipFirst = true
	}
	if parts[0] == "exit" {
		hook.Action, hook.SkipFirst = notify.Exit{Code: 88}, true
	}
	n := &notify.Notifier{Hooks: []notify.Hook{hook}, Store: s}
	if parts[0] == "storm" {
		return s.storm(n)
	}
	source, err := os.ReadFile(filepath.Join(s.dir, "source"))
	if err != nil {
		return err
	}
	done := n.Publishing(map[string]notify.Digest{s.output(): sha256.Sum256(source)})
	s.at("publishing")
	p, err := s.publish(source)
	if err != nil {
		return err
	}
	s.at("published")
	done()
	err = n.Once(context.Background(), p)
	if exit, ok := errors.AsType[*notify.ExitError](err); ok {
		os.Exit(exit.Code)
	}
	return err
}

type sidecar struct {
	dir, point string
	saves      int
}

func (s *sidecar) output() string { return filepath.Join(s.dir, "output") }

func (s *sidecar) publish(content []byte) (notify.Publication, error) {
	_, err := publish.File{Path: s.output()}.Publish(context.Background(), content)
	return notify.Publication{Digests: map[string]notify.Digest{s.output(): sha256.Sum256(content)}}, err
}

func (s *sidecar) at(point string) {
	if s.point == point {
		fmt.Println("at", point)
		time.Sleep(time.Hour)
	}
}

// load is what the hook does: the consumer reads the output and remembers it.
func (s *sidecar) load(context.Context, notify.Event) error {
	s.at("told")
	content, err := os.ReadFile(s.output())
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "loaded"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if _, err := fmt.Fprintf(log, "%s\n", content); err != nil {
		return err
	}
	s.at("loaded")
	return nil
}

func (s *sidecar) Load(path string) ([]byte, error) { return notify.Disk{}.Load(path) }

func (s *sidecar) Save(path string, data []byte) error {
	s.saves++
	s.at(fmt.Sprint("before save ", s.saves))
	err := notify.Disk{}.Save(path, data)
	s.at(fmt.Sprint("after save ", s.saves))
	return err
}

// storm publishes without end.
func (s *sidecar) storm(n *notify.Notifier) error {
	if _, err := s.publish([]byte("0")); err != nil {
		return err
	}
	fmt.Println("at", s.point)
	go func() {
		for i := 1; ; i++ {
			done := n.Publishing(map[string]notify.Digest{s.output(): sha256.Sum256(fmt.Append(nil, i%3))})
			p, err := s.publish(fmt.Append(nil, i%3))
			if err != nil {
				panic(err)
			}
			n.Published(p)
			done()
		}
	}()
	return n.Run(context.Background())
}

// start starts a sidecar and waits until it is at its point.
func start(t *testing.T, kind, dir, point string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childVariable+"="+kind+"|"+dir+"|"+point, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); point != "" && (err != nil || line != "at "+point+"\n") {
		t.Fatalf("did not come to %q: %q, %v", point, line, err)
	}
	return cmd
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.Exited() {
		t.Errorf("it ended before it was killed: %v", err)
	}
}

// finish runs a sidecar on some content to its end, and gives its exit status.
func finish(t *testing.T, kind, dir, content string) int {
	t.Helper()
	source(t, dir, content)
	cmd := start(t, kind, dir, "")
	err := cmd.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

func source(t *testing.T, dir, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "source"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// loads gives what the consumer has loaded so far.
func loads(t *testing.T, dir string) []string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(dir, "loaded"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(log))
}

// TestKilled kills a process wherever it matters, and starts another, which finds
// the same content or the one before.
func TestKilled(t *testing.T) {
	t.Parallel()
	tests := []struct {
		point      string
		same, back string // what the consumer loads in all
	}{
		{"published", "old new", "old"},
		{"before save 1", "old new", "old"},
		{"after save 1", "old new", "old old"},
		{"told", "old new", "old old"},
		{"loaded", "old new new", "old new old"},
		{"before save 2", "old new new", "old new old"},
		{"after save 2", "old new", "old new old"},
	}
	for _, test := range tests {
		for content, want := range map[string]string{"new": test.same, "old": test.back} {
			t.Run(test.point+", then "+content, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				finish(t, "once", dir, "old")
				source(t, dir, "new")
				kill(t, start(t, "once", dir, test.point))
				for range 2 { // the second one has nothing to do
					if status := finish(t, "once", dir, content); status != 0 {
						t.Errorf("exit status %d", status)
					}
					if got := strings.Join(loads(t, dir), " "); got != want {
						t.Errorf("the consumer has loaded %q, want %q", got, want)
					}
				}
			})
		}
	}
}

// TestKilledExit does so with a process that exits: the next one does, unless the
// exit was written down.
func TestKilledExit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		point string
		want  int
	}{{"published", 88}, {"before save 1", 88}, {"after save 1", 88}, {"before save 2", 88}, {"after save 2", 0}} {
		t.Run(test.point, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if status := finish(t, "exit", dir, "old"); status != 0 {
				t.Errorf("exit status %d at first", status)
			}
			source(t, dir, "new")
			kill(t, start(t, "exit", dir, test.point))
			for _, want := range []int{test.want, 0, 0} {
				if status := finish(t, "exit", dir, "new"); status != want {
					t.Errorf("exit status %d, want %d", status, want)
				}
			}
		})
	}
}

// TestKilledAtFirst kills a process that publishes for the first time, which is not
// for the hook. What comes next is, since an application may have read the first.
func TestKilledAtFirst(t *testing.T) {
	t.Parallel()
	for point, want := range map[string][2]string{
		"before save 1": {"", ""}, // nothing was published
		"after save 1":  {"", "new"},
		"publishing":    {"", "new"},
		"published":     {"", "new"},
	} {
		for i, content := range []string{"old", "new"} {
			t.Run(point+", then "+content, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				source(t, dir, "old")
				kill(t, start(t, "skip", dir, point))
				for range 2 {
					if status := finish(t, "skip", dir, content); status != 0 {
						t.Errorf("exit status %d", status)
					}
					if got, _ := os.ReadFile(filepath.Join(dir, "loaded")); strings.TrimSpace(string(got)) != want[i] {
						t.Errorf("the hook was told of %q, want %q", got, want[i])
					}
				}
			})
		}
	}
}

// TestKilledAnywhere kills a process that publishes all the time at random
// moments.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/dev/shm", "notify-test-") // where fsync costs nothing
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	kills, repeated := 25, 0
	if testing.Short() {
		kills = 10
	}
	for range kills {
		cmd := start(t, "storm", dir, "work")
		time.Sleep(5*time.Millisecond + rand.N(20*time.Millisecond))
		kill(t, cmd)
		content, err := os.ReadFile(filepath.Join(dir, "output"))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, "once", dir, string(content))
		all := loads(t, dir)
		if last := all[len(all)-1]; last != string(content) {
			t.Fatalf("the consumer has %s, the output %s", last, content)
		}
		if finish(t, "once", dir, string(content)); len(loads(t, dir)) != len(all) {
			t.Fatal("told again though nothing happened")
		}
		if len(all) > 1 && all[len(all)-2] == string(content) {
			repeated++
		}
	}
	t.Logf("%d kills, %d loads, of which %d at least only told again what was known", kills, len(loads(t, dir)), repeated)
}
