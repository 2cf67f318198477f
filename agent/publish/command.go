package publish

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/podfacts/podfacts/agent/internal/process"
)

// FileVariable is the environment variable that tells a check command which
// file to judge.
const FileVariable = "PODFACTS_FILE"

const defaultTimeout = 10 * time.Second

// Command is a check made by a program, which says no by a status other than
// zero:
//
//	Command{Args: []string{"nginx", "-t", "-c", "$PODFACTS_FILE"}}.Check
//
// There is no shell. $PODFACTS_FILE and ${PODFACTS_FILE} in the arguments are
// replaced by the path of the staged file, which the program also finds in its
// environment; nothing else is expanded.
type Command struct {
	Args []string
	// Timeout ends the program and all that it started. Zero means 10 seconds.
	Timeout time.Duration
}

// Check runs the command on a staged file. The error of one that fails holds
// the end of what it wrote, as one line.
func (c Command) Check(ctx context.Context, staged string) error {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	tooLong := fmt.Errorf("no answer within %v", timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, tooLong)
	defer cancel()

	args := make([]string, len(c.Args))
	for i, arg := range c.Args {
		args[i] = expand(arg, staged)
	}
	return process.Program{What: "a check", Args: args, Env: []string{FileVariable + "=" + staged}}.Run(ctx)
}

// expand replaces the variable and nothing else; what it puts in is not looked
// at again.
func expand(arg, staged string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(arg, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		rest, braced := strings.CutPrefix(after, "{"+FileVariable+"}")
		if !braced {
			var plain bool
			rest, plain = strings.CutPrefix(after, FileVariable)
			if !plain || rest != "" && inName(rest[0]) {
				b.WriteByte('$')
				arg = after
				continue
			}
		}
		b.WriteString(staged)
		arg = rest
	}
}

// inName reports whether the byte would make the variable's name a longer one.
func inName(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
