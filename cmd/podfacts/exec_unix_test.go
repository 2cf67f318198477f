//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestExecBecomesItsCommand: the process is the same, and so is its parent.
func TestExecBecomesItsCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publishLabels(t, dir, 7)
	cmd := exec.CommandContext(t.Context(), "podfacts", "exec", "--volume", dir, "--preset", "labels", "--",
		"sh", "-c", `echo $$ $PPID $POD_LABEL_N; cat`)
	cmd.Stdin = strings.NewReader("from stdin\n")
	out, err := cmd.Output()
	want := fmt.Sprintf("%d %d 7\nfrom stdin\n", cmd.Process.Pid, os.Getpid())
	if err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}

// TestExecStoppedWhileWaiting: who is told to end starts nothing.
func TestExecStoppedWhileWaiting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publishLabels(t, dir, 7)
	for _, flags := range [][]string{nil, {"--watch"}} {
		args := append(append([]string{"exec", "--volume", dir, "--env", "A=pod.labels['missing']"}, flags...), "--", "echo", "started")
		cmd := exec.CommandContext(t.Context(), "podfacts", args...)
		var stdout bytes.Buffer
		cmd.Stdout = &stdout
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stderr)
		for lines.Scan() && !strings.Contains(lines.Text(), "waiting for facts") {
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		var last string
		for lines.Scan() {
			last = lines.Text()
		}
		_ = cmd.Wait() // says the same as its exit code
		if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(last, "stopped while waiting: exec: A: pod.labels['missing'] is missing") || stdout.Len() > 0 {
			t.Errorf("%v: exit code %d, %q, stdout %q", flags, code, last, &stdout)
		}
	}
}

// TestExecWaits: the command starts once its facts are there.
func TestExecWaits(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--watch"}} {
		dir := t.TempDir()
		args := append(append([]string{"exec", "--volume", dir, "--env", "A=pod.labels['n']"}, flags...), "--", "sh", "-c", "echo $A; exit 5")
		cmd := exec.CommandContext(t.Context(), "podfacts", args...)
		var stdout bytes.Buffer
		cmd.Stdout = &stdout
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stderr)
		for lines.Scan() && !strings.Contains(lines.Text(), "waiting for facts") {
		}
		publishLabels(t, dir, 8)
		for lines.Scan() {
		}
		_ = cmd.Wait() // says the same as its exit code
		if code := cmd.ProcessState.ExitCode(); code != 5 || stdout.String() != "8\n" {
			t.Errorf("%v: exit code %d, stdout %q", flags, code, &stdout)
		}
	}
}
