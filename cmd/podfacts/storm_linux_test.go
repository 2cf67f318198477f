package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/sandbox"
)

// TestSwapStorm swaps the volume as fast as it can be swapped. The file follows
// all the while, is written no more often than the window allows, and holds the
// last state soon after the last swap; so does who is told.
func TestSwapStorm(t *testing.T) {
	t.Parallel()
	const window, storm = 100 * time.Millisecond, 3 * time.Second
	s := newSidecar(t, `
outputs: [{path: out/a, text: "{{ .pod.labels.n }}"}]
notify: [{exec: {command: [cp, out/a, told]}}]
`)
	s.start()
	s.holds("told", "1")
	const series = `podfacts_publishes_total{output="out/a",result="changed"}`
	before, began, n := s.metric(series), time.Now(), 1
	for time.Since(began) < storm {
		n++
		s.label(n)
	}
	took := time.Since(began)
	s.holds("out/a", strconv.Itoa(n))
	late := time.Since(began) - took
	s.holds("told", strconv.Itoa(n))
	publishes, most := s.metric(series)-before, int(time.Since(began)/window)+1
	t.Logf("%.0f swaps/s for %v led to %d publishes; the last was published %v later", float64(n)/took.Seconds(), storm, publishes, late.Round(time.Millisecond))
	if publishes < 3 || publishes > most {
		t.Errorf("%d publishes, want some, and %d at most", publishes, most)
	}
	s.answers("livez", 200)
	s.answers("readyz", 200)
	s.stop()
}

// TestInotifyExhausted takes from the sidecar what the system notifies with.
// It says so, and finds changes all the same.
func TestInotifyExhausted(t *testing.T) {
	t.Parallel()
	for _, limit := range []string{"max_inotify_instances", "max_inotify_watches"} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			s := newSidecar(t, `outputs: [{path: out/a, text: "{{ .pod.labels.n }}"}]`)
			// The limit of a user namespace is for those in it.
			cmd := exec.Command("sh", "-c", `echo 0 >/proc/sys/user/`+limit+` && exec "$@"`, "sh")
			own := s.command("run", "--listen", "unix://"+s.path("socket"))
			cmd.Args = append(cmd.Args, own.Args...)
			cmd.Dir, cmd.Env = own.Dir, own.Env
			cmd.SysProcAttr = &syscall.SysProcAttr{}
			sandbox.AsRoot(cmd.SysProcAttr)
			s.startAs(cmd)
			s.holds("out/a", "1")
			for n := 2; n < 4; n++ {
				s.label(n)
				s.holds("out/a", strconv.Itoa(n))
			}
			s.answers("readyz", 200)
			if watches := s.inotify(); watches > 0 {
				t.Errorf("it has %d watches: the limit does not hold, and this test proves nothing", watches)
			}
			s.stop()
			s.logged(1, "cannot watch the volume, so it is polled")
			s.logged(1, "raise fs.inotify.max_user_instances or fs.inotify.max_user_watches")
		})
	}
}

// inotify counts the watches of a process.
func (s *sidecar) inotify() (watches int) {
	s.t.Helper()
	dir := "/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/fdinfo"
	for _, name := range names(s.t, dir) {
		info, _ := os.ReadFile(dir + "/" + name)
		watches += strings.Count(string(info), "inotify wd:")
	}
	return watches
}
