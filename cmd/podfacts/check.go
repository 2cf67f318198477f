package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

func (p *program) checkCommand() *cobra.Command {
	var o outputFlags
	var quiet bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and its templates",
		Long: `check reads the configuration and every template without collecting anything,
and reports everything that is wrong, with file and line: unknown keys, unknown
facts, values that a dialect cannot hold, templates that do not parse.

When all is well it lists the outputs, the hooks and the facts they use, marks those that
they cannot do without, and for env files that the kubelet reads prints the env:
block to paste into the consuming container. What stands in a branch of a
template, such as {{ if hasFact "node.zone" }}, is not marked.`,
		Example: `  podfacts check -c podfacts.yaml`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadAll(cmd, &o, config.Loader{})
			if err != nil {
				return err
			}
			if quiet {
				return nil
			}
			return failed(describe(p.stdout, c))
		},
	}
	p.registerFacts(cmd.Flags())
	p.registerState(cmd.Flags())
	o.register(cmd.Flags())
	o.served.registerExpose(cmd.Flags())
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing when all is well")
	return cmd
}

// describe prints what a configuration will do.
func describe(w io.Writer, c *config.Config) error {
	needs := needsOf(c)
	for _, o := range c.Outputs {
		fmt.Fprintf(w, "%s  %s\n", o.File.Path, kind(o.Renderer))
	}
	describeHooks(w, c)
	fmt.Fprintln(w, "\nfacts:")
	for _, path := range needs.Paths() {
		required := slices.ContainsFunc(needs, func(n watch.Need) bool { return n.Path == path && !n.Optional })
		switch {
		case path == "":
			fmt.Fprintln(w, "  the whole view")
		case required:
			fmt.Fprintf(w, "  %s (required)\n", path)
		default:
			fmt.Fprintf(w, "  %s\n", path)
		}
	}
	for _, o := range c.Outputs {
		if e, ok := o.Renderer.(*render.Env); ok && e.Dialect == envfile.Kubernetes {
			paste(w, o.File.Path, e)
		}
	}
	return nil
}

// describeHooks prints who is told of what, and where it is kept what they were
// told.
func describeHooks(w io.Writer, c *config.Config) {
	if len(c.Hooks) == 0 {
		return
	}
	fmt.Fprintln(w, "\nnotify:")
	n := notify.Notifier{Dir: c.StateDir}
	for _, h := range c.Hooks {
		n.Hooks = append(n.Hooks, h.Hook)
	}
	names, dirs := notify.Names(n.Hooks), n.StateDirs()
	for i, h := range c.Hooks {
		fmt.Fprintf(w, "  %s, on %s", names[i], strings.Join(h.On, ", "))
		if h.SkipFirst {
			fmt.Fprint(w, ", but not when first published")
		}
		fmt.Fprintln(w)
		if why := keepsNothing(c, dirs[i]); why != "" {
			fmt.Fprintf(w, "    what it was told may be forgotten at a restart: %s; name a directory that can be written to, such as one in an emptyDir, as stateDir\n", why)
		}
	}
}

// keepsNothing says why a directory may be no place to keep what hooks were told,
// as far as that is known without being there.
func keepsNothing(c *config.Config, dir string) string {
	if c.StateDir != "" {
		return ""
	}
	for _, o := range c.Outputs {
		if o.File.InPlace && filepath.Dir(o.File.Path) == dir {
			return fmt.Sprintf("%s is written in place, and no other file perhaps in %s", o.File.Path, dir)
		}
	}
	return ""
}

// kind says in a word what an output is.
func kind(r render.Renderer) string {
	switch r := r.(type) {
	case *render.Env:
		return r.Dialect.String()
	case *render.View:
		return "the whole view as " + r.Format
	case shown:
		return "what other containers are shown, as JSON"
	case environment:
		return "the environment of a command"
	}
	return "template"
}

// paste prints the env of a container that consumes the file. The volume's
// name is not known here; it is the emptyDir that the file lies in.
func paste(w io.Writer, path string, e *render.Env) {
	fmt.Fprintf(w, "\nenv of a container that consumes %s (Kubernetes 1.35 and later), with the name of your emptyDir:\n", path)
	fmt.Fprintln(w, "env:")
	for _, name := range e.Names() {
		fmt.Fprintf(w, "- name: %s\n  valueFrom:\n    fileKeyRef: {volumeName: podfacts, path: %s, key: %s", name.Name, filepath.Base(path), name.Name)
		if name.Optional {
			fmt.Fprint(w, ", optional: true")
		}
		fmt.Fprintln(w, "}")
	}
}
