package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestHooksMisbehave has hooks that hang, leave processes behind, fail, and
// write without end beside one that does its work. Whatever they do, the
// outputs are written, the good one is told, nothing of them stays behind (no
// process, no zombie, no descriptor, no memory), and the sidecar is ready and
// live: who was not told is a warning.
func TestHooksMisbehave(t *testing.T) {
	t.Parallel()
	mark := "TEST_HOOKS_OF=" + ramDir(t)
	s := newSidecar(t, fmt.Sprintf(`
timing: {window: 10ms, retry: 20ms}
outputs: [{path: out/a, text: "{{ .pod.labels.n }}"}]
notify:
- {timeout: 200ms, exec: {command: [sh, -c, 'trap "" TERM; echo hang >>hang; sleep 1000'], env: {%[1]s}}}
- {exec: {command: [sh, -c, 'sleep 1000 & cp out/a forked'], env: {%[1]s}}}
- {exec: {command: [sh, -c, 'setsid sleep 1000 & echo daemon >>daemon; exit 1'], env: {%[1]s}}}
- {exec: {command: [sh, -c, 'echo fail >>fail; echo on purpose >&2; exit 3'], env: {%[1]s}}}
- {timeout: 2s, exec: {command: [sh, -c, 'echo flood >>flood; yes flood | head -c 50000000; exit 4'], env: {%[1]s}}}
- {timeout: 200ms, exec: {command: [sh, -c, 'echo endless >>endless; exec yes endless'], env: {%[1]s}}}
- {exec: {command: [cp, out/a, told]}}
`, strings.Replace(mark, "=", ": ", 1)))
	s.start()
	s.holds("told", "1")
	bad := []string{"hang", "daemon", "fail", "flood", "endless"}
	tried := func(n int) func() bool {
		return func() bool {
			return !slices.ContainsFunc(bad, func(name string) bool { return strings.Count(s.read(name), "\n") < n })
		}
	}
	s.eventually("each has been tried twice", tried(2))
	descriptors, memory := s.descriptors(), s.peakMemory()
	for n := 2; n < 8; n++ {
		s.label(n)
		s.holds("out/a", strconv.Itoa(n))
		s.holds("told", strconv.Itoa(n))
		s.answers("livez", 200)
		s.answers("readyz", 200)
	}
	s.eventually("each has been tried six times", tried(6))
	s.holds("forked", "7")
	s.answers("readyz?verbose", 200, "[!]hook exec sh", "on purpose")
	s.eventually("it has not many more descriptors than before", func() bool { return s.descriptors() <= descriptors+10 }) // some hooks run
	if now := s.peakMemory(); now > memory+32<<20 {
		t.Errorf("a peak of %d bytes of memory, %d before", now, memory)
	}
	if log := len(s.log.String()); log > 20_000 {
		t.Errorf("a log of %d bytes", log)
	}
	s.logged(1, "exit status 3: on purpose")
	s.stop()
	s.await("nothing of the hooks is there", func() bool { return len(marked(t, mark)) == 0 }, nil) // a killed one takes a moment
}

// descriptors counts the files that it has open.
func (s *sidecar) descriptors() int {
	s.t.Helper()
	return len(names(s.t, "/proc/"+strconv.Itoa(s.cmd.Process.Pid)+"/fd"))
}

// peakMemory is the most memory that it ever held, in bytes.
func (s *sidecar) peakMemory() int {
	s.t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/status")
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	s.t.Fatalf("no VmHWM in %s", status)
	return 0
}

// marked names the processes that have a variable in their environment.
func marked(t *testing.T, variable string) (left []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if environ, err := os.ReadFile(file); err == nil && strings.Contains(string(environ), variable) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			left = append(left, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return left
}

// TestHookServerDown has a server that is not there, refuses, breaks off and
// answers wrongly, before and between. What changes meanwhile is put together:
// a server that is back hears of the newest state, once.
func TestHookServerDown(t *testing.T) {
	t.Parallel()
	s := newSidecar(t, `
timing: {window: 10ms, retry: 50ms}
outputs: [{path: out/a, text: "{{ .pod.labels.n }}"}]
notify:
- http: {url: "http://app/-/reload", socket: app.sock, body: "now {{ .pod.labels.n }}"}
`)
	const series = `podfacts_notifications_total{hook="http POST unix:app.sock http://app/-/reload",result="%s"}`
	failures := func() int { return s.metric(fmt.Sprintf(series, "failure")) }
	// down has a label change three times, and waits for attempts.
	n := 1
	down := func() {
		t.Helper()
		for range 3 {
			n++
			before := failures()
			s.label(n)
			s.holds("out/a", strconv.Itoa(n))
			s.eventually("it is tried", func() bool { return failures() > before })
		}
		s.answers("readyz?verbose", 200, "[!]hook http POST")
	}
	s.start()
	s.holds("out/a", "1")
	down()

	server := &application{}
	stop := server.listen(t, s.path("app.sock"))
	s.eventually("it is told", func() bool { return server.last() == fmt.Sprint("now ", n) })
	if heard := server.heard(); len(heard) != 1 {
		t.Errorf("it heard %q, want the newest alone", heard)
	}
	s.says(1, "hook succeeded again")
	s.logged(1, "hook failed; it is tried again")

	for _, trouble := range []string{"refuse", "break off"} {
		server.set(trouble)
		down()
		server.set("")
		s.eventually("it is told", func() bool { return server.last() == fmt.Sprint("now ", n) })
	}
	stop()
	down()
	defer server.listen(t, s.path("app.sock"))()
	s.eventually("it is told", func() bool { return server.last() == fmt.Sprint("now ", n) })
	if heard := server.heard(); len(heard) != 4 {
		t.Errorf("it heard %q, want one for each time it was down", heard)
	}
	s.eventually("four notifications are counted", func() bool { return s.metric(fmt.Sprintf(series, "success")) == 4 })
	s.stop()
}

// application is a server that is told, when it is well.
type application struct {
	mu      sync.Mutex
	trouble string
	bodies  []string
}

func (a *application) set(trouble string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trouble = trouble
}

func (a *application) heard() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.bodies)
}

func (a *application) last() string {
	heard := append([]string{""}, a.heard()...)
	return heard[len(heard)-1]
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch a.trouble {
	case "refuse":
		http.Error(w, "not now", http.StatusServiceUnavailable)
	case "break off":
		panic(http.ErrAbortHandler)
	default:
		a.bodies = append(a.bodies, string(body))
	}
}

// listen has it answer on a socket until stop is called, which leaves the
// socket behind.
func (a *application) listen(t *testing.T, socket string) (stop func()) {
	t.Helper()
	os.Remove(socket)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	server := &http.Server{Handler: a, ReadHeaderTimeout: patience}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return func() {
		server.Close() //nolint:errcheck // it may have been closed
		<-done         //nolint:errcheck // it is closed
	}
}

// TestStopped stops a sidecar for longer than a hook may take, while a hook
// runs and labels change. That raises no alarm when it goes on, and it catches up.
func TestStopped(t *testing.T) {
	t.Parallel()
	s := newSidecar(t, `
timing: {window: 10ms, retry: 50ms}
outputs: [{path: out/a, text: "{{ .pod.labels.n }}"}]
notify:
- {timeout: 300ms, exec: {command: [sh, -c, 'echo >>begun; sleep 0.1; cp out/a told']}}
`)
	s.start()
	s.holds("told", "1")
	for n := 2; n < 40; n += 10 {
		begun := len(s.read("begun"))
		s.label(n)
		s.eventually("the hook runs", func() bool { return len(s.read("begun")) > begun })
		s.signal(syscall.SIGSTOP)
		for i := range 9 {
			s.label(n + i + 1)
		}
		if n == 2 {
			time.Sleep(11 * time.Second) // more than a hook that is killed may take to die
		}
		s.signal(syscall.SIGCONT)
		s.alive()
		s.answers("startupz", 200)
		s.holds("out/a", strconv.Itoa(n+9))
		s.holds("told", strconv.Itoa(n+9))
		s.eventually("it is ready", func() bool { status, _ := s.get("readyz"); return status == 200 })
	}
	s.stop()
}

// alive asks as the kubelet does, which takes three failures for one.
func (s *sidecar) alive() {
	s.t.Helper()
	var status int
	var text string
	for range 3 {
		if status, text = s.get("livez"); status == 200 {
			return
		}
	}
	s.t.Errorf("livez: status %d\n%s", status, text)
}
