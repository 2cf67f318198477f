package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// What podfacts is called where it is a plugin of kubectl, and where kubectl asks it to
// complete a command line.
// https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/
const (
	pluginFile    = "kubectl-podfacts"
	completerFile = "kubectl_complete-podfacts"
	pluginDisplay = "kubectl podfacts"
)

// invoked reads what the name says under which podfacts was started.
func invoked(argv []string) (args []string, plugin bool) {
	if len(argv) == 0 {
		return nil, false
	}
	switch strings.TrimSuffix(strings.ToLower(filepath.Base(argv[0])), ".exe") { // Windows does not mind the case
	case pluginFile:
		return argv[1:], true
	case completerFile:
		return append([]string{cobra.ShellCompRequestCmd}, argv[1:]...), true
	default:
		return argv[1:], false
	}
}

// inPlugin makes a command speak of itself as kubectl's users call it.
func (p *program) inPlugin(cmd *cobra.Command) {
	if !p.plugin {
		return
	}
	if !cmd.HasParent() {
		cmd.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: pluginDisplay}
		cmd.Example = `  podfacts view -n shop web-0
  podfacts view -n shop deploy/web node.zone
  podfacts render -n shop deploy/web -c podfacts.yaml
  podfacts inject -f deploy.yaml | kubectl apply -f -`
	}
	for _, text := range []*string{&cmd.Long, &cmd.Example} {
		*text = regexp.MustCompile(`(?m)^(  )?podfacts( |$)|\| podfacts `).ReplaceAllStringFunc(*text, func(call string) string {
			return strings.Replace(call, "podfacts", pluginDisplay, 1)
		})
	}
	for _, sub := range cmd.Commands() {
		p.inPlugin(sub)
	}
}

// forPods makes a command take a running pod as kubectl does, as its first argument, where
// podfacts is a plugin: what --live says otherwise. Most commands are of no use without.
func (p *program) forPods(cmd *cobra.Command, d *dryFlags, a *accessFlags, optional bool, examples string) {
	p.completeRunning(cmd, d, a)
	if !p.plugin {
		return
	}
	name, rest, _ := strings.Cut(cmd.Use, " ")
	cmd.Use = strings.TrimSpace(name + " [POD | KIND/NAME] " + rest)
	cmd.Example = examples
	arguments, run := cmd.Args, cmd.RunE
	cmd.Args = nil // how many there may be depends on flags, which may come from variables
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case d.named():
		case len(args) > 0:
			d.running, args = args[0], args[1:]
		case !optional:
			return fmt.Errorf("which pod? name it, or kind/name as in deploy/web, or a manifest with --pod FILE; see %s --help", cmd.CommandPath())
		}
		if err := arguments(cmd, args); err != nil {
			return err
		}
		return run(cmd, args)
	}
}
