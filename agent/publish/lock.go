package publish

import (
	"context"
	"os"
	"time"
)

// A lock is held for as long as it takes to write a file and to check it. Who
// waits longer waits for something that is wrong, and anyone who can open a
// file can lock it.
const (
	lockPoll    = 5 * time.Millisecond
	lockTimeout = 15 * time.Second
)

// lock waits for the exclusive flock on the open file.
func lock(ctx context.Context, file *os.File) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockTimeout, ErrLocked)
	defer cancel()
	for {
		if locked, err := tryLock(file); err != nil || locked {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}
