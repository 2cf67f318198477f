/*
Package notify tells others that files have changed: by running a command, by
a request, by a signal, by touching a file, or by ending the process so that
its restart rule does the rest.

# Hooks

A [Hook] is an [Action] and the outputs that lead to it. A [Notifier] is told
of each [Publication] and runs the hooks that are due. Each hook has a worker of
its own, so that a slow one holds up neither the publishing nor the others.

A hook is due when an output's content differs from what the hook was last told
of, or has differed meanwhile. It is level-triggered: what counts is the
difference and not the number of publications. While a hook runs, or waits to be
tried again, further publications only replace what it is due for; then it runs
once, with the newest.

# Failures

What fails is tried again, after a wait that doubles from Notifier.Retry up to
Notifier.RetryMax. A newer publication cuts the wait down to Retry after the
last attempt and the doubling starts anew, so that even a storm of changes
leads to no more than one failing attempt in Retry.

A failure is logged when it is the first, when its reason has changed, and when
it is over.

# No reload is lost

What each hook has been told is kept in a [Store], as digests of contents, and
the order of steps makes a hook run at least once for each state that lasts:

 1. the output is published
 2. the store says that what the hook knows is uncertain
 3. the action runs
 4. the store says what the hook was told of

A process that is killed between 1 and 2 finds at its next start that what is
published differs from what is stored. One that is killed, or stopped, between
2 and 4 finds the uncertainty; the hook may then be told a second time, even
where the old content is back: it may have read the new one. Nothing else
repeats a hook that succeeded.

[Exit] alone is remembered before it happens, since afterwards is too late: a
restarted process would find the same difference and exit once more, for ever.
That is the last thing Run does. A process that is killed between that and its
end has not told anybody.

An application that starts by itself is no hook, and reads what it finds. If that
is a file which a process has just replaced, that process is killed before it can
tell anybody, and the next one puts the old content back, then nobody knows.

# What starts with the files

An init container that shares its hooks and its outputs with a sidecar tells all
but exits, which count as told: what follows it reads the files. Where they have
changed when the sidecar starts, the application may have started with those of
the init container, and an exit is due. It starts all containers, the init
container perhaps too, and might come back for ever if the two never wrote the
same. So an exit that is due as soon as the process starts, and due for just the
contents that led to the last such exit, does not happen; see [Exit].

A store that cannot be read or written is complained of once. Hooks run all the
same; what they were told is forgotten with the process, and they are told again
by the next. An exit that could not be remembered, and would be repeated at each
start, does not happen.
*/
package notify

import (
	"context"
	"time"
)

// Event is what an action is told.
type Event struct {
	// Outputs are the paths of the files that have changed since the hook last
	// succeeded, sorted. After a restart in the midst of it, they are all that it
	// is for.
	Outputs []string
	// Facts are the names of the facts that changed, sorted: a hundred of them
	// at most. After a restart nobody knows them.
	Facts []string
	// Body and Header are what the hook's gave.
	Body   []byte
	Header map[string]string
}

// Action is one way to tell someone: [Exec], [HTTP], [Signal], [Touch] or
// [Exit].
type Action interface {
	// String names it in logs and metrics, by nothing that could be a secret:
	// "exec nginx".
	String() string
	// Do does it, and heeds ctx, which ends with the hook's timeout.
	Do(ctx context.Context, e Event) error
}

// Hook is an action and what leads to it.
type Hook struct {
	// On are the paths of outputs, as publications name them. There is at
	// least one.
	On     []string
	Action Action
	// Name is what logs and metrics call it. Empty: see [Names].
	Name string
	// Timeout bounds one attempt. Zero means 10 seconds.
	Timeout time.Duration
	// SkipFirst leaves out the first publishing of an output, for an
	// application that waits for the sidecar and reads the file by itself. First
	// is what the store knows nothing of, when this process is about to publish
	// it; that it is, the store knows from then on, so that a process that is
	// killed in between is followed by one that tells of anything else.
	SkipFirst bool
	// Body and Header are asked for what to send, at each attempt. Nil: nothing.
	Body   func(context.Context) ([]byte, error)
	Header func(context.Context) (map[string]string, error)
	// Text is what Body and Header are made from. It tells this hook from
	// others, and is not shown.
	Text string
}

// Digest is of the content of a file, by SHA-256.
type Digest [32]byte

// Publication is what has been published so far.
type Publication struct {
	// Digests holds each output whose current content is known. An output that
	// is left out is as it was.
	Digests map[string]Digest
	// Facts are the names of those that changed since the last publication.
	Facts []string
	// Noticed is when the oldest change was noticed.
	Noticed time.Time
}
