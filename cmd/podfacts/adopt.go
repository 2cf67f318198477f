package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/watch/environ"
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
		args := append(texts(c["command"]), texts(c["args"])...)
		for i, arg := range args {
			args[i] = environ.Expand(arg, func(name string) (string, bool) { v, ok := w.self.Env[name]; return v, ok })
		}
		var theirs program
		flags := pflag.NewFlagSet(w.self.Name, pflag.ContinueOnError)
		theirs.registerLog(flags)
		theirs.registerFacts(flags)
		o.register(flags)
		flags.Duration("timeout", time.Second, "")
		if err := flags.Parse(args); err != nil {
			return fmt.Errorf("arguments of container %s in the manifest: %w", w.self.Name, err)
		}
		var err error
		flags.VisitAll(func(f *pflag.Flag) {
			if value, ok := w.self.Env[variableOf(f.Name)]; ok && !f.Changed && err == nil {
				err = flags.Set(f.Name, value)
			}
		})
		if err != nil {
			return fmt.Errorf("variables of container %s in the manifest: %w", w.self.Name, err)
		}
		p.config = theirs.config
		p.container = cmp.Or(p.container, theirs.container)
		if len(p.volumes) == 0 {
			p.volumes = theirs.volumes
		}
	}
	return nil
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
