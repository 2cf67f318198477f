//go:build !unix

package child

import (
	"context"
	"errors"
	"os/exec"
)

// Replace runs the command and returns its exit code: this system has no way
// to become it.
func (c Command) Replace(ctx context.Context, environ []string) (code int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Env = environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	if err != nil {
		err = &StartError{Name: c.Args[0], Err: err}
	}
	return 0, err
}
