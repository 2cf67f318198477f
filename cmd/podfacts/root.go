package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/watch"
)

// Exit codes.
const (
	exitOK         = 0
	exitFailed     = 1 // facts missing, I/O
	exitUsage      = 2 // wrong usage or configuration
	exitDifference = 3 // render --diff found one
)

// failure is an error with its exit code, or that alone where all has been said.
// Any other error of a command is wrong usage.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}
func (f *failure) Unwrap() error { return f.err }

// failed marks an error as one of the work itself, not of its request.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &failure{exitFailed, err}
}

// errDifference ends render --diff; what differs has been printed.
var errDifference = errors.New("files differ")

// start is the whole program. It returns the exit code.
func start(ctx context.Context, argv, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	args, plugin := invoked(argv)
	p := &program{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr, plugin: plugin}
	if isRun(args) {
		defer p.catchHangups()() // before anything else: unheard, it would be the end
	}
	root := p.root(args)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var f *failure
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDifference):
		return exitDifference
	case errors.Is(err, errUnwell):
		return exitFailed
	case errors.As(err, &f):
		p.report(f.err)
		return f.code
	}
	p.report(err)
	return exitUsage
}

func isRun(args []string) bool { return len(args) > 0 && args[0] == "run" }

// program is one invocation: its surroundings and the flags that every
// command has.
type program struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	plugin         bool // of kubectl

	config    string
	container string
	volumes   list
	stateDir  string
	logFormat string
	verbose   bool

	hangups chan os.Signal // what makes run read its configuration again; nil: nobody listens
}

// root makes the command that all others are below of.
func (p *program) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "podfacts",
		Short: "Tell a container who it is",
		Long: `podfacts reads what Kubernetes puts into a pod (downwardAPI and projected
volumes, downward environment variables, the service-account directory), merges
it into one view, and renders that view into env files and templates.

  podfacts init     once, as an init container
  podfacts run      continuously, as a sidecar
  podfacts serve    as a sidecar that writes no file, to be asked by others
  podfacts exec     around a command, in its environment
  podfacts render   dry, on a laptop or in CI

Every flag can also be set by a variable: --env-file by PODFACTS_ENV_FILE.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 render --diff
found a difference; exec ends with that of its command.`,
		Example: `  podfacts init --env-file /run/podfacts/pod.env --preset pod,node
  podfacts render --pod pod.yaml -c podfacts.yaml
  podfacts view node.zone`,
		Version:           versionLine(), // printed as versionCommand does; a template for it would link text/template
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: p.prepare,
	}
	helped(root)
	root.SetFlagErrorFunc(flagError)
	p.registerLog(root.PersistentFlags())
	switch {
	case isRun(args):
		// A sidecar keeps for good what is made here, so that it is alone.
		root.AddCommand(p.runCommand())
		root.CompletionOptions.DisableDefaultCmd = true
	case len(args) > 0 && args[0] == "serve":
		root.AddCommand(p.serveCommand())
		root.CompletionOptions.DisableDefaultCmd = true
	case len(args) > 0 && args[0] == "exec":
		root.AddCommand(p.execCommand()) // it may stay, too
		root.CompletionOptions.DisableDefaultCmd = true
	default:
		root.AddCommand(p.initCommand(), p.runCommand(), p.serveCommand(), p.execCommand(), p.renderCommand(), p.viewCommand(), p.checkCommand(), p.rbacCommand(), p.injectCommand(), p.probeCommand(), p.versionCommand())
		root.AddCommand(p.topics()...)
		root.SetHelpCommand(helpCommand())
		if p.plugin { // it has a program of its own for that
			root.CompletionOptions.DisableDefaultCmd = true
		} else {
			root.InitDefaultCompletionCmd()
		}
	}
	for _, cmd := range root.Commands() {
		cmd.Flags().SortFlags = false // they are registered in groups
		completeFlags(cmd)
		if cmd.Name() == "completion" {
			helped(cmd)
		}
	}
	p.inPlugin(root)
	return root
}

// registerLog adds the flags that every command has.
func (p *program) registerLog(flags *pflag.FlagSet) {
	flags.StringVar(&p.logFormat, "log-format", "text", "`format` of the log on standard error: text or json")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log more")
}

// registerFacts adds the flags of commands that read a configuration and
// facts.
func (p *program) registerFacts(flags *pflag.FlagSet) {
	flags.StringVarP(&p.config, "config", "c", "", "configuration `file`; without one, flags do the common things")
	flags.Var(&p.volumes, "volume", "downwardAPI or projected volume `directory`, repeatable (default: found by itself)")
	flags.StringVar(&p.container, "container", "", "`name` of the container that limits.memory and the like mean (default: the annotation, else the only one)")
}

// registerState adds the flag of commands that know hooks.
func (p *program) registerState(flags *pflag.FlagSet) {
	flags.StringVar(&p.stateDir, "state-dir", "", "`directory` to remember in what hooks were told (default: the configuration's stateDir, else beside the outputs)")
}

// prepare runs before every command, when its flags are parsed.
func (p *program) prepare(cmd *cobra.Command, _ []string) error {
	if strings.HasPrefix(cmd.Name(), cobra.ShellCompRequestCmd) {
		return nil // whoever presses tab is not told what is wrong
	}
	if err := setFromEnviron(cmd, p.environ); err != nil {
		return err
	}
	if !slices.Contains(logFormats(), p.logFormat) {
		return fmt.Errorf("--log-format is %q, but must be text or json", p.logFormat)
	}
	return nil
}

func logFormats() []string { return []string{"text", "json"} }

// log makes the logger that the flags ask for.
func (p *program) log() *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if p.verbose {
		options.Level = slog.LevelDebug
	}
	if p.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(p.stderr, options))
	}
	return slog.New(slog.NewTextHandler(p.stderr, options))
}

// report prints an error, an aggregate as a line each.
func (p *program) report(err error) {
	for _, err := range watch.Errors(err) {
		err = withTopic(err)
		if p.logFormat == "json" {
			p.log().Error("podfacts failed", "error", err)
			continue
		}
		fmt.Fprintf(p.stderr, "podfacts: %v\n", err)
	}
}
