package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"
)

// FileVariable is the environment variable that tells a check command which
// file to judge.
const FileVariable = "PODFACTS_FILE"

const (
	defaultTimeout = 10 * time.Second
	// pipeGrace is how long the output may stay open once the command is gone,
	// in the hands of a process it left behind.
	pipeGrace = time.Second
)

// Command is a check made by a program, which says no by a status other than
// zero:
//
//	Command{Args: []string{"nginx", "-t", "-c", "$PODFACTS_FILE"}}.Check
//
// There is no shell. $PODFACTS_FILE and ${PODFACTS_FILE} in the arguments are
// replaced by the path of the staged file, which the program also finds in its
// environment; nothing else is expanded.
type Command struct {
	Args []string
	// Timeout ends the program and all that it started. Zero means 10 seconds.
	Timeout time.Duration
}

// Check runs the command on a staged file. The error of one that fails holds
// the end of what it wrote, as one line.
func (c Command) Check(ctx context.Context, staged string) error {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return errors.New("the check has no command")
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	tooLong := fmt.Errorf("no answer within %v", timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, tooLong)
	defer cancel()

	args := make([]string, len(c.Args))
	for i, arg := range c.Args {
		args[i] = expand(arg, staged)
	}
	var output tail
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), FileVariable+"="+staged)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = pipeGrace
	ownGroup(cmd)

	err := cmd.Run()
	if cmd.Process != nil {
		killGroup(cmd) // those it left behind
		reapGroup(cmd)
	}
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil // the latter: it succeeded, and one of those held its output
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &commandError{command: args[0], output: output.String(), err: err}
}

type commandError struct {
	command, output string
	err             error
}

func (e *commandError) Unwrap() error { return e.err }

func (e *commandError) Error() string {
	switch {
	case errors.Is(e.err, exec.ErrNotFound):
		return e.command + ": not found in $PATH; " + ownImage
	case errors.Is(e.err, fs.ErrNotExist):
		return e.command + ": no such file, or it needs one that is not there; " + ownImage
	case e.output != "":
		return e.command + ": " + e.err.Error() + ": " + e.output
	}
	return e.command + ": " + e.err.Error()
}

const ownImage = "a check runs in the image of podfacts, which is FROM scratch: build one that has the program, too"

// expand replaces the variable and nothing else; what it puts in is not looked
// at again.
func expand(arg, staged string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(arg, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		rest, braced := strings.CutPrefix(after, "{"+FileVariable+"}")
		if !braced {
			var plain bool
			rest, plain = strings.CutPrefix(after, FileVariable)
			if !plain || rest != "" && inName(rest[0]) {
				b.WriteByte('$')
				arg = after
				continue
			}
		}
		b.WriteString(staged)
		arg = rest
	}
}

// inName reports whether the byte would make the variable's name a longer one.
func inName(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
