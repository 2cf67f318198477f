package notify

import (
	"context"
	"fmt"
	"strconv"
)

// Exit ends the process with a code that a restart rule of the container
// knows, such as one that restarts all containers of the pod and so lets the
// kubelet read env files anew.
//
// What is published by the time that a process has started may differ from what
// the one before, or an init container, has told: then the exit is due at once.
// Should it come to nothing, since the next start finds the same difference again,
// that is said once, and the process stays.
type Exit struct{ Code int }

func (x Exit) String() string { return "exit " + strconv.Itoa(x.Code) }

// Validate reports a code that no process can exit with.
func (x Exit) Validate() error {
	if x.Code < 0 || x.Code > 255 {
		return fmt.Errorf("exit code %d is out of range; it must be from 0 to 255", x.Code)
	}
	return nil
}

// Do asks for the end: it returns an [*ExitError].
func (x Exit) Do(context.Context, Event) error {
	if err := x.Validate(); err != nil {
		return err
	}
	return &ExitError{Code: x.Code}
}

// ExitError is what [Notifier.Run] and [Notifier.Once] return when an [Exit] is
// due.
type ExitError struct{ Code int }

func (e *ExitError) Error() string {
	return "a hook asks to exit with code " + strconv.Itoa(e.Code)
}
