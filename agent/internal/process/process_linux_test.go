package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/podfacts/podfacts/agent/internal/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func shell(script string) process.Program {
	return process.Program{What: "a test", Args: []string{"sh", "-c", script}}
}

func TestRun(t *testing.T) {
	t.Parallel()
	with := func(p process.Program, change func(*process.Program)) process.Program {
		change(&p)
		return p
	}
	tests := []struct {
		name    string
		program process.Program
		want    string // "": no error
	}{
		{"passes", shell("exit 0"), ""},
		{"status and output", shell("echo out; echo err >&2; exit 3"), `sh: exit status 3: out\nerr`},
		{"environment", with(shell(`echo "$GREETING"; exit 1`), func(p *process.Program) { p.Env = []string{"GREETING=hello"} }), "sh: exit status 1: hello"},
		{"input", with(shell("cat; exit 1"), func(p *process.Program) { p.Input = []byte("to read") }), "sh: exit status 1: to read"},
		{"input that nobody reads", with(shell("exit 0"), func(p *process.Program) { p.Input = make([]byte, 1<<20) }), ""},
		{"no input", shell("cat"), ""},
		{"megabytes", shell("head -c 5000000 /dev/zero; echo the end; exit 1"), `\x00the end`},
		{"no command", process.Program{What: "a test"}, "a test has no command"},
		{"unknown", process.Program{What: "a test", Args: []string{"no-such-program"}}, "no-such-program: not found in $PATH; a test runs in the image of podfacts"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := test.program.Run(t.Context())
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error %v does not say %q", err, test.want)
			case err != nil && len(err.Error()) > 1000:
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestRunNotAtAll(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	note := filepath.Join(t.TempDir(), "note")
	if err := shell("touch " + note).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(note); err == nil {
		t.Error("it was run after ctx had ended")
	}
}

// What gets SIGTERM may still say something; what does not care is killed.
func TestGrace(t *testing.T) {
	t.Parallel()
	// Time is up once one is ready: the child ignores SIGTERM by then, or the shell might
	// print of its end.
	const deaf = `(trap "" TERM; : >NOTE.deaf; exec sleep 1000) >/dev/null 2>&1 & while ! test -e NOTE.deaf; do sleep 0.01; done;`
	const ready = ` echo $$ >NOTE; `
	tests := []struct {
		name, script, want string
		grace              time.Duration
	}{
		{"ends by itself", deaf + `trap 'echo bye; exit 0' TERM; echo begun;` + ready + `wait`, `: begun\nbye`, time.Minute},
		{"a child ends, too", `trap : TERM; sh -c '` + deaf + `trap "echo bye; exit" TERM;` + ready + `wait'; echo last; exit 1`, `: bye\nlast`, time.Minute},
		{"does not care", `trap '' TERM;` + ready + `while :; do sleep 0.01; done`, ": too long", 50 * time.Millisecond},
		{"is stopped", ready + `kill -STOP $$`, ": too long", 50 * time.Millisecond},
		{"gets none", `trap 'echo bye; exit 0' TERM; echo begun;` + ready + `while :; do sleep 0.01; done`, ": begun", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			note := filepath.Join(t.TempDir(), "pid")
			tooLong := errors.New("too long")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			says := ""
			if strings.Contains(test.script, "STOP") {
				says = ") T "
			}
			go func() {
				awaitStat(note, says)
				cancel(tooLong)
			}()
			p := shell(strings.ReplaceAll(test.script, "NOTE", note))
			p.Grace = test.grace
			err := p.Run(ctx)
			if !errors.Is(err, tooLong) || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("error %v does not end in %q", err, test.want)
			}
		})
	}
}

// However a program's children hide, none survives its failure; one in a
// session of its own survives its success.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Fatal("setsid, of util-linux or busybox, is needed: ", err)
	}
	// Each says its number once it runs.
	const child = `sh -c 'echo $$ >NOTE.new; mv NOTE.new NOTE; exec sleep 1000'`
	const wait = ` while ! test -e NOTE; do sleep 0.01; done; `
	tests := []struct {
		name, script string
		survives     bool
	}{
		{"in the background", child + ` &` + wait + `exit 0`, false},
		{"in the background, failing", child + ` &` + wait + `exit 1`, false},
		{"without its output", child + ` >/dev/null 2>&1 &` + wait + `exit 0`, false},
		{"a session of its own, failing", `setsid ` + child + ` &` + wait + `exit 1`, false},
		{"an orphan with a session of its own, failing", `(setsid ` + child + ` >/dev/null 2>&1 &);` + wait + `exit 1`, false},
		{"a session of its own, too long", `setsid ` + child + ` & wait`, false},
		{"an orphan with a session of its own, too long", `(setsid ` + child + ` >/dev/null 2>&1 &);` + wait + `sleep 1000`, false},
		{"a session of its own", `setsid ` + child + ` >/dev/null 2>&1 &` + wait + `exit 0`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			note := filepath.Join(t.TempDir(), "pid")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if strings.HasSuffix(test.name, "too long") {
				go func() {
					awaitStat(note, "(sleep)")
					cancel()
				}()
			}
			err := shell(strings.ReplaceAll(test.script, "NOTE", note)).Run(ctx)
			if want := strings.HasSuffix(test.script, "exit 0"); (err == nil) != want {
				t.Fatal(err)
			}
			pid := readPID(t, note)
			if !test.survives {
				wantGone(t, pid)
				return
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Errorf("killed with the program: %v", err)
			}
		})
	}
}

// A program that has answered has not run out of time, though its output is held
// by others until then.
func TestJustInTime(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]string{"0": "<nil>", "7": "sh: exit status 7"} {
		note := filepath.Join(t.TempDir(), "pid")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for pid := ""; ; time.Sleep(time.Millisecond) {
				text, _ := os.ReadFile(note)
				if pid = strings.TrimSpace(string(text)); pid == "" {
					continue
				}
				if _, err := os.Stat("/proc/" + pid); err != nil {
					cancel()
					return
				}
			}
		}()
		script := "sleep 1000 & echo $$ >NOTE.new; mv NOTE.new NOTE; exit " + status
		if err := shell(strings.ReplaceAll(script, "NOTE", note)).Run(ctx); fmt.Sprint(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// awaitStat waits until a process has noted its number and its stat says something.
func awaitStat(note, says string) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(note)
		pid, whole := strings.CutSuffix(string(text), "\n")
		if stat, err := os.ReadFile("/proc/" + pid + "/stat"); whole && err == nil && strings.Contains(string(stat), says) {
			return
		}
	}
}

func readPID(t *testing.T, note string) int {
	t.Helper()
	text, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// wantGone waits until a process is dead; a zombie that its new parent has not
// collected yet counts.
func wantGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is alive: %s", pid, stat)
		}
	}
}
