//go:build unix

package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// parent is one that runs a script and settles at once.
func parent(script string, args ...string) *Parent {
	return &Parent{Command: Command{Args: append([]string{"sh", "-c", script, "sh"}, args...)}, Settle: time.Millisecond}
}

func environ(variables ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH")}, variables...)
}

// running runs a parent in the background.
func running(t *testing.T, p *Parent, variables ...string) (ended func() int) {
	t.Helper()
	codes := make(chan int, 1)
	go func() {
		code, err := p.Run(t.Context(), environ(variables...))
		if err != nil {
			t.Error(err)
		}
		codes <- code
	}()
	return func() int {
		t.Helper()
		select {
		case code := <-codes:
			return code
		case <-time.After(time.Minute):
			t.Fatal("never ended")
			return 0
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{
		"exit 0": 0, "exit 3": 3, "exit 255": 255, "kill -KILL $$": 137, "kill -TERM $$": 143, "exec false": 1,
	} {
		if got := running(t, parent(script))(); got != want {
			t.Errorf("%s gave %d, want %d", script, got, want)
		}
	}
}

func TestNotStarted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := newNote(t)
	if _, err := parent("echo started > "+n.path).Run(ctx, environ()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if n.read() != "" {
		t.Error("it was started")
	}
}

// waits tells its environment when it is ready, and waits for SIGTERM, or for a
// file: then it ends with 9.
const waits = `trap 'echo "$A ended" >> $N; exit' TERM; echo "$A ready" >> $N; while [ ! -e $N.stop ]; do sleep 0.01; done; exit 9`

// end creates the file.
func (n note) end() {
	n.t.Helper()
	if err := os.WriteFile(n.path+".stop", nil, 0o644); err != nil {
		n.t.Fatal(err)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	n := newNote(t)
	p := parent(waits)
	ended := running(t, p, "N="+n.path, "A=1")
	n.await("1 ready\n")
	p.Change(environ("N="+n.path, "A=2"), false)
	n.await("1 ready\n1 ended\n2 ready\n")
	p.Change(environ("N="+n.path, "A=2"), true) // files alone
	n.await("1 ready\n1 ended\n2 ready\n2 ended\n2 ready\n")
	n.end()
	if code := ended(); code != 9 {
		t.Errorf("ended with %d", code)
	}
}

// TestNoChange: there and back, or the same once more, is nothing to act upon.
func TestNoChange(t *testing.T) {
	t.Parallel()
	p := &Parent{}
	r := &run{Parent: p, told: environ("A=1")} // without a command: to act would panic
	p.Change(environ("A=2"), false)
	p.Change(environ("A=1"), false)
	r.act()
	p.Change(environ("A=1"), false)
	r.act()
}

// TestChangeBeforeTheStart: the command is started with the newest.
func TestChangeBeforeTheStart(t *testing.T) {
	t.Parallel()
	n := newNote(t)
	p := parent(`echo $A >> $N`)
	p.Settle = time.Hour
	p.Change(environ("N="+n.path, "A=2"), true)
	running(t, p, "N="+n.path, "A=1")()
	n.await("2\n")
}

// TestChangesWhileItEnds: however many there are, one start follows, with the
// last state.
func TestChangesWhileItEnds(t *testing.T) {
	t.Parallel()
	n := newNote(t)
	p := parent(`trap 'echo asked >> $N; while [ ! -e $N.go ]; do sleep 0.01; done; exit 1' TERM; echo "$A ready" >> $N; while [ ! -e $N.stop ]; do sleep 0.01; done`)
	ended := running(t, p, "N="+n.path, "A=1")
	n.await("1 ready\n")
	p.Change(environ("N="+n.path, "A=2"), false)
	n.await("1 ready\nasked\n")
	for i := range 20 {
		p.Change(environ("N="+n.path, fmt.Sprintf("A=%d", i)), true)
		time.Sleep(time.Millisecond)
	}
	if err := os.WriteFile(n.path+".go", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	n.await("1 ready\nasked\n19 ready\n")
	n.end()
	ended()
	n.await("1 ready\nasked\n19 ready\n")
}

// TestGrace: who does not end is killed with all it has started.
func TestGrace(t *testing.T) {
	t.Parallel()
	n := newNote(t)
	p := parent(`trap '' TERM; sleep 1000 & echo "$A $!" >> $N; while [ ! -e $N.stop ]; do sleep 0.01; done; kill $!`)
	p.Grace = 20 * time.Millisecond
	ended := running(t, p, "N="+n.path, "A=1")
	n.until("a line", func(got string) bool { return len(lines(got)) == 1 && strings.HasSuffix(got, "\n") })
	p.Change(environ("N="+n.path, "A=2"), false)
	n.until("two lines", func(got string) bool { return len(lines(got)) == 2 && strings.HasSuffix(got, "\n") })
	_, pid, _ := strings.Cut(lines(n.read())[0], " ")
	if alive(pid) {
		t.Errorf("process %s of the first command lives beside the second", pid)
	}
	n.end()
	ended()
}

// TestLeftBehind: a command that ends when asked may leave something behind,
// which must not meet the next one.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	n := newNote(t)
	p := parent(`trap exit TERM; sh -c 'trap "" TERM; echo "$A $$" >> $N; while [ ! -e $N.stop ]; do sleep 0.01; done' & while [ ! -e $N.stop ]; do sleep 0.01; done`)
	ended := running(t, p, "N="+n.path, "A=1")
	for i := 1; i <= 3; i++ {
		n.until("another line", func(got string) bool { return len(lines(got)) == i && strings.HasSuffix(got, "\n") })
		if i > 1 {
			_, pid, _ := strings.Cut(lines(n.read())[i-2], " ")
			if alive(pid) {
				t.Errorf("process %s of the command before lives beside this one", pid)
			}
		}
		p.Change(environ("N="+n.path, fmt.Sprintf("A=%d", i+1)), false)
	}
	n.until("the last", func(got string) bool { return len(lines(got)) == 4 && strings.HasSuffix(got, "\n") })
	n.end()
	ended()
	_, last, _ := strings.Cut(lines(n.read())[3], " ")
	for alive(last) { // it is to end before its file is removed
		time.Sleep(time.Millisecond)
	}
}

// alive reports whether a process is there, and no zombie.
func alive(pid string) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
	return err == nil && !strings.HasPrefix(string(state), "Z")
}

// TestEndsByItself: podfacts is no supervisor, whatever has changed just now.
func TestEndsByItself(t *testing.T) {
	t.Parallel()
	n := newNote(t)
	p := parent(waits)
	p.Settle = time.Hour
	ended := running(t, p, "N="+n.path, "A=1")
	n.await("1 ready\n")
	p.Change(environ("N="+n.path, "A=2"), true)
	n.end()
	if code := ended(); code != 9 {
		t.Errorf("ended with %d", code)
	}
	n.await("1 ready\n")
}

// TestDiesDuringRestart: how it ends while it is to end makes no difference.
func TestDiesDuringRestart(t *testing.T) {
	t.Parallel()
	for _, dies := range []string{"exit 3", "kill -KILL $$", "kill -SEGV $$"} {
		n := newNote(t)
		p := parent(`trap '` + dies + `' TERM; echo "$A ready" >> $N; while [ ! -e $N.stop ]; do sleep 0.01; done; exit 9`)
		ended := running(t, p, "N="+n.path, "A=1")
		n.await("1 ready\n")
		p.Change(environ("N="+n.path, "A=2"), false)
		n.await("1 ready\n2 ready\n")
		n.end()
		if code := ended(); code != 9 {
			t.Errorf("%s: ended with %d", dies, code)
		}
	}
}

// TestCannotRestart: the new environment is one that the command does not
// start with.
func TestCannotRestart(t *testing.T) {
	t.Parallel()
	n := newNote(t)
	p := parent(waits)
	errs := make(chan error, 1)
	go func() {
		_, err := p.Run(t.Context(), environ("N="+n.path, "A=1"))
		errs <- err
	}()
	n.await("1 ready\n")
	p.Change([]string{"PATH=/nowhere", "N=" + n.path}, false)
	if e, ok := errors.AsType[*StartError](<-errs); !ok || e.Code() != 127 {
		t.Errorf("error %v", e)
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		action string
		want   string
		code   int
	}{
		{"SIGHUP", "ready\nHUP\n", 9},
		{"usr1", "ready\nUSR1\n", 9},
		{"exit:88", "ready\nTERM\n", 88},
		{"none", "ready\n", 9},
	}
	for _, test := range tests {
		t.Run(test.action, func(t *testing.T) {
			t.Parallel()
			n := newNote(t)
			p := parent(`trap 'echo HUP >> $N' HUP; trap 'echo USR1 >> $N' USR1; trap 'echo TERM >> $N; exit 1' TERM; echo ready >> $N; while [ ! -e $N.stop ]; do sleep 0.01; done; exit 9`)
			var err error
			if p.OnChange, err = ParseAction(test.action); err != nil {
				t.Fatal(err)
			}
			ended := running(t, p, "N="+n.path, "A=1")
			n.await("ready\n")
			p.Change(environ("N="+n.path, "A=2"), false)
			if test.action == "none" {
				time.Sleep(50 * time.Millisecond) // many times as long as it settles
			}
			n.await(test.want)
			if test.code == 9 {
				n.end()
			}
			if code := ended(); code != test.code {
				t.Errorf("ended with %d", code)
			}
			n.await(test.want)
		})
	}
}

// TestEnd: podfacts is asked for an exit code, in between or during a restart.
func TestEnd(t *testing.T) {
	t.Parallel()
	for _, restarting := range []bool{false, true} {
		n := newNote(t)
		p := parent(`trap 'echo asked >> $N; while [ ! -e $N.stop ]; do sleep 0.01; done; exit 1' TERM; echo "$A ready" >> $N; while :; do sleep 0.01; done`)
		ended := running(t, p, "N="+n.path, "A=1")
		n.await("1 ready\n")
		if restarting {
			p.Change(environ("N="+n.path, "A=2"), false)
			n.await("1 ready\nasked\n")
		}
		p.End(88)
		p.Change(environ("N="+n.path, "A=3"), true)
		n.await("1 ready\nasked\n")
		n.end()
		if code := ended(); code != 88 {
			t.Errorf("ended with %d", code)
		}
		n.await("1 ready\nasked\n")
	}
}

func TestParseAction(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"restart": "restart", "none": "none", "exit:0": "exit:0", "exit:255": "exit:255", "hup": "HUP", "SIGUSR2": "SIGUSR2", "Winch": "WINCH", "10": "10",
		"": "error", "exit": "error", "exit:": "error", "exit:256": "error", "exit:-1": "error", "exit:x": "error", "Restart": "error", "0": "error", "65": "error",
	} {
		a, err := ParseAction(text)
		if got := a.String(); err == nil && got != want || (err != nil) != (want == "error") {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
	if (Action{}).String() != "restart" {
		t.Error("the zero action does not restart")
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	got := changed([]string{"A=1", "B=1", "C=1", "E=a=b"}, []string{"D=1", "A=1", "B=2", "E=a=c"})
	if strings.Join(got, " ") != "B C D E" {
		t.Errorf("changed: %v", got)
	}
}
