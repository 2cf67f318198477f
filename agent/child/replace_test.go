//go:build unix

package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReplace: the same process goes on as the command, with its streams,
// arguments and environment, and with nothing of ours.
func TestReplace(t *testing.T) {
	t.Parallel()
	const script = `echo "$$ $PPID"; cat; printf '%s|' "$0" "$@" "$A"; echo; exit 7`
	cmd := play(t, "replace", "sh", "-c", script, "name", "a b", "")
	cmd.Env = append(cmd.Env, "A=1\n2")
	cmd.Stdin = strings.NewReader("from stdin\n")
	out, err := cmd.Output()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 7 {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d %d\nfrom stdin\nname|a b||1\n2|\n", cmd.Process.Pid, os.Getpid())
	if string(out) != want {
		t.Errorf("got %q\nwant %q", out, want)
	}
}

func TestReplaceNot(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("told to end")
	cancel(cause)
	if _, err := (Command{Args: []string{"true"}}).Replace(ctx, nil); !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
}

// TestSearch holds what is started, or why not, against what env(1) does.
func TestSearch(t *testing.T) {
	dir := t.TempDir()
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"first/plain":     {"text", 0o644},
		"first/denied":    {"#!/bin/sh\nexit 1\n", 0o644},
		"second/denied":   {"#!/bin/sh\nexit 0\n", 0o755},
		"second/only":     {"#!/bin/sh\nexit 0\n", 0o755},
		"second/noloader": {"#!/no/such/interpreter\n", 0o755},
		"second/noformat": {"exit 0\n", 0o755},
		"first/dir/x":     {"", 0o644},
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Parallel() // now: who forks while a file is open for writing keeps it from being run
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	both := "PATH=" + first + ":" + second + ":" + second + "/only"
	tests := []struct {
		name, command string
		environ       []string
		code          int // 0: it is started
		want          string
	}{
		{"in the second directory", "only", []string{both}, 0, ""},
		{"denied in the first, found in the second", "denied", []string{both}, 0, ""},
		{"by its path", second + "/only", nil, 0, ""},
		{"without PATH", "true", nil, 0, ""},
		{"PATH of the command, not ours", "sh", []string{both}, 127, "cannot start sh: not found in PATH " + first + ":"},
		{"empty PATH is this directory", "sh", []string{"PATH="}, 127, `cannot start sh: not found in PATH "";`},
		{"nowhere", "nowhere", []string{both}, 127, "name the file with its path"},
		{"no such path", "/no/such", nil, 127, "cannot start /no/such: no such file or directory; see whether the image has it"},
		{"below a file", second + "/only/x", nil, 127, "not a directory"},
		{"no name", "", []string{both}, 127, `cannot start "": no such file`},
		{"not executable", "plain", []string{both}, 126, "cannot start " + first + "/plain: permission denied; it must be a file"},
		{"not executable by its path", first + "/plain", nil, 126, "permission denied"},
		{"a directory", "dir", []string{both}, 126, "permission denied"},
		{"no interpreter", "noloader", []string{both}, 127, "it is there, but the interpreter or the loader that it names is not; a script names it"},
		{"no interpreter by its path", second + "/noloader", nil, 127, "it is there, but the interpreter"},
		{"no format", "noformat", []string{both}, 126, "exec format error; a script begins with a #! line"},
		{"too much", "only", []string{both, "A=" + strings.Repeat("x", 200_000)}, 126, "argument list too long; the variables and arguments are too much"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &Parent{Command: Command{Args: []string{test.command}}}
			code, err := p.Run(t.Context(), test.environ)
			if test.code == 0 {
				if code != 0 || err != nil {
					t.Errorf("code %d, error %v", code, err)
				}
				return
			}
			e, ok := errors.AsType[*StartError](err)
			if !ok || e.Code() != test.code || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want code %d and %q", err, test.code, test.want)
			}
		})
	}
}

func TestSearchEndsAtOtherErrors(t *testing.T) {
	t.Parallel()
	var tried []string
	err := search("a", []string{"PATH=/x::/y:/z"}, func(file string) error {
		tried = append(tried, file)
		if file == "/y/a" {
			return syscall.ELOOP
		}
		return syscall.ENOENT
	})
	if got := strings.Join(tried, " "); got != "/x/a ./a /y/a" || !errors.Is(err, syscall.ELOOP) {
		t.Errorf("tried %s: %v", got, err)
	}
}
