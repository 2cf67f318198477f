//go:build unix

package child

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// roleVariable makes the test binary play another part.
const roleVariable = "PODFACTS_TEST_ROLE"

func TestMain(m *testing.M) {
	role, args := os.Getenv(roleVariable), os.Args[1:]
	if err := os.Unsetenv(roleVariable); err != nil {
		panic(err)
	}
	switch role {
	case "":
		goleak.VerifyTestMain(m)
	case "replace":
		_, err := Command{Args: args}.Replace(context.Background(), os.Environ())
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case "parent": // restarts when a file appears
		os.Exit(playParent(args))
	case "signals": // prints the signals that it gets, until SIGTERM
		got := make(chan os.Signal, 100)
		signal.Notify(got, caught()...)
		fmt.Println("ready")
		for s := range got {
			fmt.Println(s)
			if s == syscall.SIGTERM {
				os.Exit(5)
			}
		}
	}
}

func playParent(args []string) int {
	action, err := ParseAction(args[0])
	if err != nil {
		panic(err)
	}
	p := &Parent{
		Command:  Command{Args: args[2:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr},
		OnChange: action, Settle: time.Millisecond, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	go func() {
		for {
			if os.Remove(args[1]) == nil {
				p.Change(os.Environ(), true)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	code, err := p.Run(context.Background(), os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// play is this binary in another part.
func play(t *testing.T, role string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), self(t), args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

func self(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// note is a file that a command writes to.
type note struct {
	t    *testing.T
	path string
}

func newNote(t *testing.T) note { return note{t, filepath.Join(t.TempDir(), "note")} }

func (n note) read() string {
	data, _ := os.ReadFile(n.path) // it may not be there yet
	return string(data)
}

// await waits until the file holds a text.
func (n note) await(text string) {
	n.t.Helper()
	n.until(fmt.Sprintf("%q", text), func(got string) bool { return got == text })
}

func (n note) until(what string, done func(got string) bool) {
	n.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done(n.read()) {
		if time.Now().After(deadline) {
			n.t.Fatalf("never wrote %s, but %q", what, n.read())
		}
		time.Sleep(time.Millisecond)
	}
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
