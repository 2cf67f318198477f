package agent

import (
	"time"

	"github.com/podfacts/podfacts/watch"
)

// Report is one thing that an agent has done: a [Started], [Began], [Looked],
// [Rendered], [Published], [Notifying], [Notified] or [Ended].
type Report interface{ report() }

// Started says what an agent is about to do. It comes first, and once for each
// Once or Run.
type Started struct {
	At      time.Time
	Outputs []string // paths, and "group NAME" for those that are one
	Hooks   []string
	Needs   watch.Needs // of all outputs and hooks, and Agent.Needs
	// Every is after what time at most a round follows the last, although
	// nothing has changed. Zero: there may be none.
	Every time.Duration
	// Limit is how long a round may take. One that takes longer is hung.
	Limit time.Duration
}

// Began says that a round has begun.
type Began struct{ At time.Time }

// Looked says what the sources gave in a round.
type Looked struct {
	Snapshot *watch.Snapshot
	// Err joins what the sources complain of. Nil: all are well.
	Err error
}

// Rendered says how the rendering of an output, or of a group, went.
type Rendered struct {
	Output string // path, or "group NAME"
	Took   time.Duration
	Err    error
}

// Published says how the publishing of a rendered output went. An output that
// could not be rendered gets none.
type Published struct {
	Output string
	// Changed: files were replaced. False: they held the same already.
	Changed bool
	// Noticed is when the oldest change that led to it was noticed. Zero: in
	// the first round.
	Noticed time.Time
	Err     error
}

// Notifying says that a hook is being run.
type Notifying struct {
	Hook string
	At   time.Time
	// Limit is how long it may take. A hook that is still running long after
	// that is hung.
	Limit time.Duration
}

// Notified says how that went.
type Notified struct {
	Hook string
	Took time.Duration
	// Noticed is when the oldest change that it was told of was noticed. Zero:
	// before this process started.
	Noticed time.Time
	Err     error
}

// Ended says that a round has ended, and with what: nil when every output is
// current.
type Ended struct {
	At  time.Time
	Err error
}

func (Started) report()   {}
func (Began) report()     {}
func (Looked) report()    {}
func (Rendered) report()  {}
func (Published) report() {}
func (Notifying) report() {}
func (Notified) report()  {}
func (Ended) report()     {}
