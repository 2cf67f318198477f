package notify

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/podfacts/podfacts/agent/internal/process"
)

// The environment variables that tell a command what has changed, one a line.
const (
	OutputsVariable = "PODFACTS_OUTPUTS"
	FactsVariable   = "PODFACTS_FACTS"
)

// execGrace is how long a command may take to end after SIGTERM.
const execGrace = time.Second

// Exec runs a command, which fails by a status other than zero:
//
//	Exec{Args: []string{"nginx", "-s", "reload"}}
//
// There is no shell. The command finds the paths of the outputs that have
// changed in $PODFACTS_OUTPUTS and the names of the facts in $PODFACTS_FACTS, a
// line each; a path may hold blanks and colons. An argument that is
// $PODFACTS_OUTPUTS or $PODFACTS_FACTS, and nothing else, is replaced by as many
// arguments as there are paths or names, which is exact even for a path with a
// newline. Everything else stays as it is, for a shell to expand. Event.Body
// is its standard input.
//
// When the time is up the command and all that it started get SIGTERM, and a
// second later SIGKILL. What is left of its process group when it has ended is
// killed too. A program that is to outlive a successful command starts a session
// of its own, with setsid.
type Exec struct {
	Args []string
	// Env is added to the environment of podfacts: "KEY=value".
	Env []string
}

// String names the program. Its arguments may hold anything, a password too.
func (x Exec) String() string {
	if len(x.Args) == 0 {
		return "exec"
	}
	return shorten("exec " + quoteWord(filepath.Base(x.Args[0])))
}

// Validate reports a missing command.
func (x Exec) Validate() error {
	if len(x.Args) == 0 || x.Args[0] == "" {
		return errors.New("exec has no command")
	}
	for _, kv := range x.Env {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" {
			return errors.New("exec: an entry of its environment is not KEY=value")
		}
	}
	for _, s := range slices.Concat(x.Args, x.Env) {
		if strings.ContainsRune(s, 0) {
			return errors.New("exec: an argument or a variable holds a NUL byte")
		}
	}
	return nil
}

// Do runs the command. The error of one that fails holds the end of what it
// wrote, as one line.
func (x Exec) Do(ctx context.Context, e Event) error {
	if err := x.Validate(); err != nil {
		return err
	}
	var args []string
	for i, arg := range x.Args {
		name, isVariable := variable(arg)
		switch {
		case i > 0 && isVariable && name == OutputsVariable:
			args = append(args, e.Outputs...)
		case i > 0 && isVariable && name == FactsVariable:
			args = append(args, e.Facts...)
		default:
			args = append(args, arg)
		}
	}
	return process.Program{
		What: "a hook",
		Args: args,
		Env: append(slices.Clone(x.Env),
			OutputsVariable+"="+strings.Join(e.Outputs, "\n"),
			FactsVariable+"="+strings.Join(e.Facts, "\n")),
		Input: e.Body,
		Grace: execGrace,
	}.Run(ctx)
}

// variable takes $NAME or ${NAME} for what it is.
func variable(arg string) (string, bool) {
	name, ok := strings.CutPrefix(arg, "$")
	if inner, braced := strings.CutPrefix(name, "{"); ok && braced {
		return strings.CutSuffix(inner, "}")
	}
	return name, ok
}
