//go:build unix

package publish_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/podfacts/podfacts/agent/publish"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want []string // of the error; none: there is no error
	}{
		{"passes", []string{"true"}, nil},
		{"in the arguments", []string{"test", "-f", "$PODFACTS_FILE"}, nil},
		{"in braces", []string{"grep", "-q", "content", "${PODFACTS_FILE}"}, nil},
		{"in the environment", []string{"sh", "-c", `grep -q content "$(printenv PODFACTS_FILE)"`}, nil},
		{"quiet failure", []string{"false"}, []string{"false: exit status 1"}},
		{"says why", []string{"sh", "-c", "echo out; echo err >&2; exit 3"}, []string{`sh: exit status 3: out\nerr`}},
		{"keeps the end", []string{"sh", "-c", "yes | head -c 100000; echo the end; exit 1"}, []string{": …", `y\nthe end`}},
		{"on one line", []string{"sh", "-c", `printf '\033[31mred\033[0m\r\n\tnot "UTF-8": \377 ü'; exit 1`}, []string{`exit status 1: \x1b[31mred\x1b[0m\r\n\tnot "UTF-8": \xff ü`}},
		{"signal", []string{"sh", "-c", "kill -TERM $$"}, []string{"signal: terminated"}},
		{"no command", nil, []string{"a check has no command"}},
		{"empty command", []string{""}, []string{"a check has no command"}},
		{"unknown command", []string{"no-such-command"}, []string{"no-such-command: not found in $PATH; a check runs in the image of podfacts"}},
		{"unknown path", []string{"/no/such/command"}, []string{"/no/such/command: no such file", "a check runs in the image of podfacts"}},
		{"no shell", []string{"test", "$HOME", "=", "/"}, []string{"exit status 1"}},
	}
	staged := filepath.Join(t.TempDir(), "staged file")
	write(t, staged, "content", 0o644)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := publish.Command{Args: test.args}.Check(t.Context(), staged)
			if test.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, nil, test.want...)
			if n := utf8.RuneCountInString(err.Error()); n > 600 {
				t.Errorf("an error of %d characters", n)
			}
		})
	}
}

func TestCommandExitStatus(t *testing.T) {
	t.Parallel()
	err := publish.Command{Args: []string{"sh", "-c", "exit 7"}}.Check(t.Context(), "x")
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 7 {
		t.Errorf("error %v holds no exit status 7", err)
	}
}

// A timeout ends the command with all it started, however many there are and
// whatever they hold open.
func TestCommandTimeout(t *testing.T) {
	t.Parallel()
	note := filepath.Join(t.TempDir(), "pid")
	start := time.Now()
	err := publish.Command{
		Args:    []string{"sh", "-c", "echo begun; sleep 1000 & echo $! > " + note + "; wait"},
		Timeout: 5 * time.Second,
	}.Check(t.Context(), "x")
	wantError(t, err, nil, "sh: no answer within 5s: begun")
	wantSoon(t, start)
	wantGone(t, note)
}

// wantGone waits for the end of the process that a note tells the number of.
func wantGone(t *testing.T, note string) {
	t.Helper()
	pid, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); !isGone(strings.TrimSpace(string(pid))); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %s is alive", pid)
		}
	}
}

// isGone reports whether a process is dead; a zombie that nobody collects
// counts.
func isGone(pid string) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
	return err != nil || strings.HasPrefix(string(state), "Z")
}

// A command that is done has answered, though a child still holds its output.
func TestCommandLeavesChild(t *testing.T) {
	t.Parallel()
	start := time.Now()
	note := filepath.Join(t.TempDir(), "pid")
	command := func(status string) publish.Command {
		return publish.Command{Args: []string{"sh", "-c", "sleep 1000 & echo $! > " + note + "; exit " + status}}
	}
	if err := command("0").Check(t.Context(), "x"); err != nil {
		t.Error(err)
	}
	wantGone(t, note)
	wantError(t, command("4").Check(t.Context(), "x"), nil, "exit status 4")
	wantGone(t, note)
	wantSoon(t, start)
}

// wantSoon tells "at once" from "after the 1000 seconds a child sleeps".
func wantSoon(t *testing.T, start time.Time) {
	t.Helper()
	if d := time.Since(start); d > time.Minute {
		t.Errorf("took %v", d)
	}
}

func TestCommandCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := publish.Command{Args: []string{"sleep", "1000"}}.Check(ctx, "x")
	wantError(t, err, context.DeadlineExceeded, "sleep: ")
}

// The whole way: the check's words are in the error of the publication.
func TestPublishWithCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := publish.File{
		Path:  filepath.Join(dir, "app.conf"),
		Check: publish.Command{Args: []string{"sh", "-c", `grep -q ';$' "$1" || { echo "no semicolon"; exit 1; }`, "sh", "$PODFACTS_FILE"}}.Check,
	}
	if changed, err := f.Publish(t.Context(), []byte("listen 80;\n")); !changed || err != nil {
		t.Errorf("Publish: %v, %v", changed, err)
	}
	_, err := f.Publish(t.Context(), []byte("listen 81\n"))
	wantError(t, err, publish.ErrCheck, f.Path+": the old file is kept, the check failed: sh: exit status 1: no semicolon")
	wantFile(t, f.Path, "listen 80;\n")
	wantList(t, dir, "app.conf")
	if errors.Is(err, syscall.ENOENT) {
		t.Error("a failed check counts as a missing file")
	}
}
