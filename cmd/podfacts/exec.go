package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/child"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/watch/apiserver"
)

func (p *program) execCommand() *cobra.Command {
	o := outputFlags{exec: true}
	var access accessFlags
	var listen listenFlags
	var x execFlags
	cmd := &cobra.Command{
		Use:                   "exec [flags] -- COMMAND [ARGUMENT...]",
		DisableFlagsInUseLine: true,
		Short:                 "Start a command with the facts in its environment",
		Long: `exec writes the outputs like init, waiting for missing facts up to --timeout, and
then becomes the command, with variables made of facts in its environment. The
process stays the same, and nothing of podfacts stays behind. The variables are
those of --preset and --env, and of exec: in the configuration, which has the
presets, env, container and onInvalid of an output.

The command inherits the environment of podfacts. A variable made of facts
replaces an inherited one of the same name; with --keep it is the other way
round. There is no shell, and a name without slash is looked for in the PATH that
the command gets. Where a fact is missing, the command is not started and the
exit code is 1. It is 127 for a command that is not there, 126 for one that
cannot be started, and else the command's own.

With --watch, podfacts stays as the parent, keeps the outputs current like run,
and restarts the command when one of its variables or an output has changed: it
sends SIGTERM, after --grace SIGKILL, and starts it with the new environment.
--on-change says what to do instead: send a signal (HUP), which shows the command
new files but no new variables; end with a code (exit:88), for a restart rule of
the pod; or do nothing (none). Every signal that podfacts gets is passed on, and
after SIGTERM, SIGINT or SIGQUIT no change is acted upon any more. When the command
ends by itself, podfacts ends with its exit code, or with 128 and the number of
the signal that ended it: to start it again is up to Kubernetes. As the first
process of a container, podfacts reaps orphans. Meanwhile it serves others, where
the configuration has serve: or proxy:. The configuration is read once.

podfacts render shows the variables without starting anything, and podfacts rbac
prints what is to be allowed: --for init, or with --watch --for run.`,
		Example: `  podfacts exec --preset pod,otel,go -- web --port 8080
  podfacts exec -c /etc/podfacts/podfacts.yaml -- web
  podfacts exec --env ZONE=node.zone -- sh -c 'echo "$ZONE"'
  podfacts exec --watch --template web.conf.tmpl:/run/web.conf --on-change HUP -- web -c /run/web.conf`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s needs a command; put it last, as in podfacts exec --preset pod -- web --port 8080", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, err := x.parent(cmd.Flags())
			if err != nil {
				return err
			}
			c, err := p.loadExec(cmd, &o)
			if err != nil {
				return err
			}
			v := p.variables(c, x.keep)
			parent.Command = child.Command{Args: args, Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr}
			if x.watch {
				w := watching{program: p, config: c, access: &access, listen: &listen, variables: v, parent: parent}
				return w.run(cmd.Context(), x.timeout)
			}
			return p.become(cmd.Context(), c, &access, x.timeout, parent.Command, v)
		},
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows the command is the command's
	p.registerFacts(flags)
	o.register(flags)
	access.register(flags)
	x.register(flags)
	p.registerState(flags)
	listen.register(flags)
	return cmd
}

// execFlags say how a command is started, and what becomes of it.
type execFlags struct {
	timeout       time.Duration
	keep, watch   bool
	onChange      string
	settle, grace time.Duration
}

func (x *execFlags) register(flags *pflag.FlagSet) {
	flags.DurationVar(&x.timeout, "timeout", 30*time.Second, "how long to wait for missing facts; 0: not at all")
	flags.BoolVar(&x.keep, "keep", false, "leave variables as they are that are set already")
	flags.BoolVar(&x.watch, "watch", false, "stay as the parent, and act when something has changed")
	flags.StringVar(&x.onChange, "on-change", "restart", "with --watch, what to do: `action` restart, none, exit:CODE, or the name of a signal")
	flags.DurationVar(&x.settle, "settle", child.DefaultSettle, "with --watch, how long to wait after a change for others")
	flags.DurationVar(&x.grace, "grace", child.DefaultGrace, "with --watch, how long the command may take to end before it is killed")
}

// parent checks the flags, and makes the parent that they describe.
func (x *execFlags) parent(flags *pflag.FlagSet) (*child.Parent, error) {
	if x.timeout < 0 {
		return nil, fmt.Errorf("--timeout is %v, but must not be negative; 0 means not to wait", x.timeout)
	}
	for name, d := range map[string]time.Duration{"settle": x.settle, "grace": x.grace} {
		if d <= 0 {
			return nil, fmt.Errorf("--%s is %v, but must be more than 0", name, d)
		}
	}
	for _, name := range []string{"on-change", "settle", "grace", "listen", "listen-any", "state-dir"} {
		if flags.Changed(name) && !x.watch {
			return nil, fmt.Errorf("--%s belongs to --watch", name)
		}
	}
	action, err := child.ParseAction(x.onChange)
	if err != nil {
		return nil, fmt.Errorf("--on-change: %w", err)
	}
	return &child.Parent{OnChange: action, Settle: x.settle, Grace: x.grace}, nil
}

// become writes the outputs once, and becomes the command.
func (p *program) become(ctx context.Context, c *config.Config, access *accessFlags, timeout time.Duration, command child.Command, v *variables) error {
	c.Hooks = nil // the one to be told is about to start
	sources, err := p.withAPI(ctx, access, c, needsOf(c), apiserver.Once, p.sources(ctx, c))
	if err != nil {
		return err
	}
	a := agent.Agent{Sources: sources, Outputs: c.Outputs, Timing: c.Timing, Wait: timeout, Log: p.log()}
	if err := a.Once(ctx); err != nil {
		return failed(err)
	}
	return ended(command.Replace(ctx, v.environ()))
}

// ended makes the exit code of a command that of podfacts.
func ended(code int, err error) error {
	if e, ok := errors.AsType[*child.StartError](err); ok {
		return &failure{e.Code(), err}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return failed(errors.New("stopped before the command was started"))
	case err != nil:
		return failed(err)
	case code != 0:
		return &failure{code: code} // the command has said why
	}
	return nil
}

// variables adds the environment of a command to the outputs.
func (p *program) variables(c *config.Config, keep bool) *variables {
	v := &variables{own: p.environ, keep: keep}
	if c.Exec == nil {
		return v
	}
	e := c.Exec
	if keep {
		e = kept(e, p.environ)
	}
	c.Outputs = append(c.Outputs, agent.Output{File: publish.File{Path: config.ExecName}, Renderer: e, Take: v.take})
	return v
}
