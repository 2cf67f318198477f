package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKillBeforeNotify kills the sidecar again and again around the moment
// between publishing and telling, in some lives before, in some after, and has
// labels change while it lives and while it does not. However the lives end,
// what was published last is told in the end, and not once more after that.
func TestKillBeforeNotify(t *testing.T) {
	t.Parallel()
	kills := 60
	if testing.Short() {
		kills = 15
	}
	mark := "TEST_KILLS_OF=" + ramDir(t)
	s := newSidecar(t, fmt.Sprintf(`
timing: {window: 1ms, retry: 5ms}
outputs: [{path: out/a, text: "{{ .pod.labels.n }}"}]
notify:
- exec: {command: [sh, -c, 'echo >>runs; n=$(cat out/a); sleep 0.00$((n %% 10)); echo $n >told'], env: {%s}}
- {touch: stamp}
`, strings.Replace(mark, "=", ": ", 1)))
	told := func() string { return strings.TrimSpace(s.read("told")) }
	untold, n := 0, 1
	for life := 0; life < kills || untold == 0 && life < 10*kills; life++ {
		if rand.IntN(3) > 0 { // while nobody watches
			n++
			s.label(n)
		}
		s.start()
		s.holds("out/a", strconv.Itoa(n))
		for range rand.IntN(3) {
			n++
			s.label(n)
			s.holds("out/a", strconv.Itoa(n))
		}
		time.Sleep(rand.N(15 * time.Millisecond))
		s.kill()
		if told() != s.read("out/a") {
			untold++
		}
	}
	if untold == 0 {
		t.Error("every state was told before the kill: this test proves nothing")
	}
	t.Logf("%d kills, %d of them before the hook was told, up to state %d", kills, untold, n)

	s.await("the hooks of the killed have ended", func() bool { return len(marked(t, mark)) == 0 }, nil)
	s.init() // which waits for its hooks
	if told() != strconv.Itoa(n) {
		t.Errorf("in the end state %s is told, want %d", told(), n)
	}
	if !newer(t, s.path("stamp"), s.path("out/a")) {
		t.Error("the stamp is older than the file")
	}
	runs := s.read("runs")
	for range 3 { // what was told is not told again
		s.start()
		s.eventually("it is ready", func() bool { status, _ := s.get("readyz"); return status == 200 })
		s.stop()
		s.init()
	}
	if again := s.read("runs"); again != runs {
		t.Errorf("run %d times, and %d times before", strings.Count(again, "\n"), strings.Count(runs, "\n"))
	}
}

// init runs an init container, which succeeds.
func (s *sidecar) init() {
	s.t.Helper()
	cmd := s.command("init")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		s.t.Errorf("init: %v\n%s", err, &stderr)
	}
}

// newer reports whether a file was touched no earlier than another was written.
func newer(t *testing.T, name, other string) bool {
	t.Helper()
	a, err := os.Stat(name)
	if err != nil {
		return false
	}
	b, err := os.Stat(other)
	if err != nil {
		t.Error(err)
		return false
	}
	return !a.ModTime().Before(b.ModTime())
}
