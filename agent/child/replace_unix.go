//go:build unix

package child

import (
	"context"
	"os/signal"
	"syscall"
)

// Replace becomes the command, in this process, with its streams. It returns
// only if that fails, or if ctx has ended before. Signals are the command's
// from here on.
func (c Command) Replace(ctx context.Context, environ []string) (code int, err error) {
	signal.Reset() // one that came before has ended ctx
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return 0, search(c.Args[0], environ, func(file string) error {
		return syscall.Exec(file, c.Args, environ)
	})
}
