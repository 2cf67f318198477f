package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/watch/environ"
	"github.com/podfacts/podfacts/watch/manifest"
	"github.com/podfacts/podfacts/watch/object"
)

// adopt takes the flags that the manifest gives podfacts, where the command
// line names no outputs: a dry run then does what the pod would.
func (p *program) adopt(w *world, o *outputFlags) error {
	if w.pod == nil || p.config != "" || !o.empty() {
		return nil
	}
	for _, c := range object.Containers(w.pod.Object()) {
		if w.self.Name == "" || object.Text(c, "name") != w.self.Name {
			continue
		}
		var theirs program
		cmd, err := theirs.parse(c, w.self)
		if err != nil {
			return err
		}
		o.take(cmd)
		if keep := cmd.Flags().Lookup("keep"); keep != nil && keep.Value.String() == "true" {
			o.own = w.self.Environ()
		}
		p.config = theirs.config
		p.container = cmp.Or(p.container, theirs.container)
		if len(p.volumes) == 0 {
			p.volumes = theirs.volumes
		}
	}
	return nil
}

// parse reads the flags of the command that a container of a manifest starts.
func (p *program) parse(container map[string]any, self manifest.Container) (*cobra.Command, error) {
	args := append(texts(container["command"]), texts(container["args"])...)
	if len(texts(container["command"])) > 0 {
		args = args[1:] // podfacts itself
	}
	for i, arg := range args {
		args[i] = environ.Expand(arg, func(name string) (string, bool) { v, ok := self.Env[name]; return v, ok })
	}
	cmd, args, err := p.root(nil).Find(args)
	if err == nil {
		err = cmd.ParseFlags(args)
	}
	if err != nil {
		return nil, fmt.Errorf("arguments of container %s in the manifest: %w", self.Name, err)
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if value, ok := self.Env[variableOf(f.Name)]; ok && !f.Changed && err == nil {
			err = cmd.Flags().Set(f.Name, value)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("variables of container %s in the manifest: %w", self.Name, err)
	}
	return cmd, nil
}

// take takes over the outputs that the flags of another command describe.
func (o *outputFlags) take(cmd *cobra.Command) {
	o.exec = cmd.Name() == "exec"
	ours := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	o.register(ours)
	o.served.register(ours)
	o.proxied.register(ours)
	ours.VisitAll(func(f *pflag.Flag) {
		theirs := cmd.Flags().Lookup(f.Name)
		if theirs == nil || !theirs.Changed {
			return
		}
		values := []string{theirs.Value.String()}
		if several, ok := theirs.Value.(*each); ok {
			values = *several
		}
		for _, value := range values {
			_ = f.Value.Set(value) // it is what they were set to
		}
	})
}

// empty reports whether no output is described.
func (o *outputFlags) empty() bool {
	return o.envFile == "" && len(o.presets)+len(o.env)+len(o.templates) == 0
}

// texts gives the strings of a list.
func texts(list any) []string {
	items, _ := list.([]any)
	var all []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			all = append(all, s)
		}
	}
	return all
}
