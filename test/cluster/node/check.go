package node

import (
	"errors"
	"strings"
)

// Check reports everything that a node lacks on this machine, one line each, or nil. The
// error is a [Missing]; what others are joins it, and any other error stands for all.
func Check(others ...error) error {
	lines := missing()
	for _, err := range others {
		more, ok := errors.AsType[Missing](err)
		if err != nil && !ok {
			return err
		}
		lines = append(lines, more...)
	}
	if len(lines) > 0 {
		return Missing(lines)
	}
	return nil
}

// Missing is what a machine lacks: what, and how to get it.
type Missing []string

// Error is one line each.
func (m Missing) Error() string {
	return "a node cannot run here; missing:\n  " + strings.Join(m, "\n  ")
}
