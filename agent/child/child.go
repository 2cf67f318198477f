/*
Package child starts the command that podfacts exec is given.

[Command.Replace] becomes the command: the same process goes on as another
program, and nothing of podfacts stays behind.

A [Parent] stays, and has the command as its child. It is transparent as far
as a parent can be: signals are passed on, streams are the command's own, and
the parent ends when the command does, with its exit code. It does not
supervise: a command that ends by itself is for Kubernetes to restart. What the
parent is there for are changes: told of one, it restarts the command with the
new environment, or sends it a signal, or ends it so that the pod's own rules
do the rest. As the first process of a container it also takes leave of
orphans, as an init does.

The command gets a process group of its own, and a terminal that podfacts has
in the foreground. So Ctrl-C reaches the command once, from the terminal, and a
restart leaves nothing of the group behind.
*/
package child

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"syscall"
)

// Command is a program and what it is given.
type Command struct {
	// Args are its name and its arguments. A name without slash is looked for in
	// the PATH that the command gets. There is no shell.
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// StartError says why a command was not started.
type StartError struct {
	Name string // of the command, or the path that was tried
	Err  error
	// Path is the search path in which there is no such command.
	Path string
	// Found: the file is there, and something that it needs is not.
	Found bool
}

// Unwrap returns what the system said.
func (e *StartError) Unwrap() error { return e.Err }

// Code is the exit code for it, as env(1) and shells have it: 127 for a command
// that is not there, 126 for one that is and cannot be started.
func (e *StartError) Code() int {
	if errors.Is(e.Err, fs.ErrNotExist) || errors.Is(e.Err, exec.ErrNotFound) || errors.Is(e.Err, syscall.ENOTDIR) {
		return 127
	}
	return 126
}

func (e *StartError) Error() string {
	reason := cmp.Or(errors.Unwrap(e.Err), e.Err).Error()
	hint := ""
	switch {
	case e.Found:
		reason = "it is there, but the interpreter or the loader that it names is not"
		hint = "a script names it in its first line; a binary may be for another C library than the image's"
	case e.Path != "":
		reason = "not found in PATH " + e.Path
		hint = "name the file with its path, or see whether the image has it"
	case errors.Is(e.Err, fs.ErrNotExist):
		hint = "see whether the image has it"
	case errors.Is(e.Err, fs.ErrPermission):
		hint = "it must be a file that this user may execute"
	case errors.Is(e.Err, syscall.E2BIG):
		hint = "the variables and arguments are too much for one program; leave some out, or write a file"
	case errors.Is(e.Err, syscall.ENOEXEC):
		hint = "a script begins with a #! line, and a binary is for this kind of machine"
	}
	if hint != "" {
		reason += "; " + hint
	}
	return fmt.Sprintf("cannot start %s: %s", e.Name, reason)
}
