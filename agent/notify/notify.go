// Package notify tells others that files have changed: by running a command, by
// a request, by a signal, by touching a file, or by ending the process so that
// its restart rule does the rest.
package notify

import (
	"context"
	"time"
)

// Event is what an action is told.
type Event struct {
	// Outputs are the paths of the files that have changed since the hook last
	// succeeded, sorted.
	Outputs []string
	// Facts are the names of the facts that changed, sorted. After a restart
	// nobody knows them.
	Facts []string
	// Body is what the hook's Body gave.
	Body []byte
}

// Action is one way to tell someone.
type Action interface {
	// String names it in logs and metrics, without secrets:
	// "exec nginx -s reload".
	String() string
	Do(ctx context.Context, e Event) error
}

// Hook is an action and what leads to it.
type Hook struct {
	// On are the paths of outputs.
	On     []string
	Action Action
	// Timeout bounds one attempt. Zero means 10 seconds.
	Timeout time.Duration
	// SkipFirst leaves out the first publishing of an output, for an
	// application that waits for the sidecar and reads the file by itself.
	SkipFirst bool
	// Body is asked for what to send, at each attempt. Nil: nothing.
	Body func() ([]byte, error)
}

// Digest is of the content of a file.
type Digest [32]byte

// Publication is what has been published so far.
type Publication struct {
	// Digests holds each output whose current content is known.
	Digests map[string]Digest
	// Facts are the names of those that changed since the last publication.
	Facts []string
	// Noticed is when the oldest change was noticed.
	Noticed time.Time
}
