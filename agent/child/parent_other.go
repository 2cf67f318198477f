//go:build !unix

package child

import (
	"context"
	"errors"
)

// Run is not there on this system.
func (*Parent) Run(context.Context, []string) (code int, err error) {
	return 0, errors.New("a command can be watched only where there are Unix signals")
}
