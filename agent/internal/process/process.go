// Package process runs a program to its end so that nothing of it stays
// behind: no child that goes on, no zombie, no pipe that is waited for, and no
// more of its output than an error can hold.
//
// A [Program] is started in a process group of its own. When it has ended,
// whatever is left of the group is killed. When it has failed, what it started
// outside of the group is killed as well (on Linux): a daemon that a failing
// program starts would otherwise be there once more after each attempt.
package process

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/podfacts/podfacts/agent/internal/orphan"
)

const (
	// pipeGrace is how long the output may stay open once the program is gone,
	// in the hands of a process it left behind.
	pipeGrace = time.Second
	// killGrace is how long a killed program may take to die. One that takes
	// longer hangs in the kernel.
	killGrace = 2 * time.Second
	// lookGrace is how long to look for what else it started.
	lookGrace = time.Second
	// marker names the variable that tells which run a process belongs to,
	// whatever its group and parent.
	marker = "_PODFACTS_RUN"
)

// Program is a program to run.
type Program struct {
	// What it is run as, for errors: "a check".
	What string
	// Args are its name and its arguments. There is no shell.
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// Input is what it can read. Nil: nothing.
	Input []byte
	// Grace is how long it may take to end after SIGTERM when ctx ends, before
	// it is killed. Zero: it is killed at once.
	Grace time.Duration
}

// Run runs the program until it has ended, or ctx has. It returns within Grace
// and a few seconds after ctx ended, even if the program cannot be killed.
// Errors are of type [*Error].
func (p Program) Run(ctx context.Context) error {
	if len(p.Args) == 0 || p.Args[0] == "" {
		return errors.New(p.What + " has no command")
	}
	if err := context.Cause(ctx); err != nil {
		return p.fail(err, "")
	}
	var output tail
	run := marker + "=" + rand.Text()
	cmd := exec.Command(p.Args[0], p.Args[1:]...)
	cmd.Env = append(append(os.Environ(), p.Env...), run)
	cmd.Stdout, cmd.Stderr = &output, &output
	if p.Input != nil {
		cmd.Stdin = bytes.NewReader(p.Input)
	}
	cmd.WaitDelay = pipeGrace
	ownGroup(cmd)
	wait, err := orphan.From(ctx).Start(cmd)
	if err != nil {
		return p.fail(err, "")
	}
	ended := make(chan error, 1)
	go func() { ended <- wait() }()

	err = p.await(ctx, cmd, ended)
	killGroup(cmd) // those it left behind
	if err != nil {
		soon(func() { killMarked(run, cmd.Process.Pid) })
	}
	if !errors.Is(err, errStuck) {
		reapGroup(cmd)
	}
	if err != nil {
		return p.fail(err, output.String())
	}
	return nil
}

// errStuck says that a killed program does not die. The goroutine that waits
// for it stays until it does.
var errStuck = errors.New("it was killed and does not die: it hangs in the kernel, on a disk or a network file system perhaps")

// await waits for the program's end, and brings it about when ctx ends.
func (p Program) await(ctx context.Context, cmd *exec.Cmd, ended <-chan error) error {
	select {
	case err := <-ended:
		return outcome(err)
	case <-ctx.Done():
	}
	if errors.Is(cmd.Process.Signal(syscall.Signal(0)), os.ErrProcessDone) {
		killGroup(cmd) // it has answered just in time, and one of those holds its output
		return outcome(<-ended)
	}
	cause := context.Cause(ctx)
	if p.Grace > 0 && terminateGroup(cmd) && within(p.Grace, ended) {
		return cause
	}
	killGroup(cmd)
	if !within(killGrace, ended) {
		return fmt.Errorf("%w; %w", cause, errStuck)
	}
	return cause
}

// outcome forgives the one who answered "yes" and left a process behind that
// held its output.
func outcome(err error) error {
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

// within reports whether something comes before the time is up.
func within[T any](d time.Duration, c <-chan T) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// soon runs f and waits for it for a while: who looks at a process that hangs
// in the kernel may come to hang with it.
func soon(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	within(lookGrace, done)
}

// Error says which program failed, how, and what it said.
type Error struct {
	Command string // its name
	Output  string // the end of what it wrote, as one line; may be empty
	Err     error  // an [*exec.ExitError], the cause of the end of ctx, …

	what string
}

func (p Program) fail(err error, output string) *Error {
	return &Error{Command: p.Args[0], Output: output, Err: err, what: p.What}
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	switch {
	case errors.Is(e.Err, exec.ErrNotFound):
		return e.Command + ": not found in $PATH; " + e.ownImage()
	case errors.Is(e.Err, fs.ErrNotExist):
		return e.Command + ": no such file, or it needs one that is not there; " + e.ownImage()
	case e.Output != "":
		return e.Command + ": " + e.Err.Error() + ": " + e.Output
	}
	return e.Command + ": " + e.Err.Error()
}

func (e *Error) ownImage() string {
	return e.what + " runs in the image of podfacts, which is FROM scratch: build one that has the program, too"
}
