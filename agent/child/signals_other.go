//go:build !unix

package child

import (
	"errors"
	"syscall"
)

func parseSignal(string) (syscall.Signal, string, error) {
	return 0, "", errors.New("there are no such signals here")
}
