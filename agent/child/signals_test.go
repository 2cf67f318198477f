//go:build unix

package child

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSignals sends every signal that can be passed on to the parent, and looks
// what the command gets.
func TestSignals(t *testing.T) {
	t.Parallel()
	cmd := play(t, "parent", "restart", filepath.Join(t.TempDir(), "change"), "env", roleVariable+"=signals", self(t))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("the command says %q, want %q", lines.Text(), want)
		}
	}
	expect("ready")
	passed := 0
	for _, s := range caught() {
		if s == syscall.SIGTERM || s == syscall.SIGPIPE {
			continue
		}
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		expect(s.String())
		passed++
	}
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGALRM, syscall.SIGABRT} {
		if !passes(s) {
			t.Errorf("%v is not passed on", s)
		}
	}
	// SIGPIPE ends neither, and goes nowhere.
	for _, s := range []syscall.Signal{syscall.SIGPIPE, syscall.SIGTERM} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	expect("terminated")
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
		t.Errorf("more: %q, %v", rest, err)
	}
	_ = cmd.Wait() // says the same as its exit code
	if code := cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code %d", code)
	}
	t.Logf("%d signals passed on", passed)
}

// TestDispositions: what the command inherits is what it would without us.
func TestDispositions(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("only Linux shows them")
	}
	const show = `grep -E "^Sig(Blk|Ign|Cgt):" /proc/self/status; ls /proc/self/fd | wc -l; ulimit -n; ulimit -Hn; umask; pwd`
	plain := play(t, "", "-c", show)
	plain.Path = "/bin/sh"
	want, err := plain.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"replace"}, {"parent", "restart", "/nonexistent/change"}} {
		got, err := play(t, args[0], append(args[1:], "/bin/sh", "-c", show)...).Output()
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: %v\n%swant\n%s", args[0], err, got, want)
		}
	}
}

// TestTermDuringRestart: who is told to end does not start anything.
func TestTermDuringRestart(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"restart", "exit:88"} {
		n := newNote(t)
		change := filepath.Join(t.TempDir(), "change")
		cmd := play(t, "parent", action, change, "sh", "-c", `trap 'echo asked >> $N; while [ ! -e $N.stop ]; do sleep 0.01; done; exit 4' TERM
			trap 'echo also >> $N' HUP
			echo ready >> $N; while :; do sleep 0.01; done`)
		cmd.Env = append(cmd.Env, "N="+n.path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		n.await("ready\n")
		if err := os.WriteFile(change, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		n.await("ready\nasked\n")
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
		n.await("ready\nasked\nalso\n") // so that SIGTERM has come, too
		n.end()
		_ = cmd.Wait() // says the same as its exit code
		if code := cmd.ProcessState.ExitCode(); code != 4 {
			t.Errorf("%s: exit code %d", action, code)
		}
		if got := n.read(); strings.Count(got, "ready") != 1 || strings.Count(got, "asked") != 1 {
			t.Errorf("%s: %q", action, got)
		}
	}
}

// TestChangeAfterTerm: an application that drains is left alone.
func TestChangeAfterTerm(t *testing.T) {
	t.Parallel()
	n := newNote(t)
	change := filepath.Join(t.TempDir(), "change")
	cmd := play(t, "parent", "restart", change, "sh", "-c",
		`trap 'echo draining >> $N' TERM; echo ready >> $N; while [ ! -e $N.stop ]; do sleep 0.01; done; exit 4`)
	cmd.Env = append(cmd.Env, "N="+n.path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.await("ready\n")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n.await("ready\ndraining\n")
	for range 3 { // each is taken when the parent has been told of it
		if err := os.WriteFile(change, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		note{t, change}.until("nothing", func(string) bool { _, err := os.Stat(change); return os.IsNotExist(err) })
	}
	n.end()
	_ = cmd.Wait() // says the same as its exit code
	if code := cmd.ProcessState.ExitCode(); code != 4 || n.read() != "ready\ndraining\n" {
		t.Errorf("exit code %d, %q", code, n.read())
	}
}
