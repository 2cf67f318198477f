package child

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/podfacts/podfacts/agent/notify"
)

// Action is what is done with a command when something has changed. The zero
// Action restarts it.
type Action struct {
	kind   actionKind
	signal syscall.Signal
	name   string // of the signal, as it was given
	code   int
}

type actionKind uint8

const (
	restart actionKind = iota
	tell
	exit
	nothing
)

// ParseAction reads "restart", "none", "exit:CODE", or the name of a signal:
// HUP, SIGHUP, hup and 1 are the same.
func ParseAction(text string) (Action, error) {
	if code, ok := strings.CutPrefix(text, "exit:"); ok {
		n, err := strconv.ParseUint(code, 10, 8)
		if err != nil {
			return Action{}, fmt.Errorf("exit code %q is not a number from 0 to 255", code)
		}
		return Action{kind: exit, code: int(n)}, nil
	}
	switch text {
	case "restart":
		return Action{}, nil
	case "none":
		return Action{kind: nothing}, nil
	}
	number, err := notify.ParseSignal(text)
	if err != nil {
		return Action{}, fmt.Errorf("%q is none of restart, none, exit:CODE and a signal: %w", text, err)
	}
	return Action{kind: tell, signal: number, name: strings.ToUpper(text)}, nil
}

// String is what [ParseAction] reads.
func (a Action) String() string {
	switch a.kind {
	case tell:
		return a.name
	case exit:
		return "exit:" + strconv.Itoa(a.code)
	case nothing:
		return "none"
	}
	return "restart"
}
