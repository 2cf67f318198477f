package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch/apiserver"
)

func (p *program) initCommand() *cobra.Command {
	var o outputFlags
	var access accessFlags
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write the outputs once and exit, as an init container",
		Long: `init collects the facts, writes the outputs and exits. It waits for facts that
are missing, up to --timeout, and then names each of them and why it is missing.
Nothing is written unless everything can be. Then it runs what notify: in the
configuration asks for, and waits for that as long again; with --timeout 0 each
hook is tried once.`,
		Example: `  podfacts init -c /etc/podfacts/podfacts.yaml
  podfacts init --env-file /run/podfacts/pod.env --preset pod,node,otel
  podfacts init --env-file /run/podfacts/pod.env --format kubernetes --env ZONE=node.zone
  podfacts init --template app.conf.tmpl:/run/podfacts/app.conf`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout < 0 {
				return fmt.Errorf("--timeout is %v, but must not be negative; 0 means not to wait", timeout)
			}
			keepProcessors(oneProcessor)
			c, err := p.loadOutputs(cmd, &o, config.Loader{})
			if err != nil {
				return err
			}
			sources, err := p.withAPI(cmd.Context(), &access, c, needsOf(c), apiserver.Once, p.sources(cmd.Context(), c))
			if err != nil {
				return err
			}
			releaseProgram() // what starting took is not what asking takes
			a := agent.Agent{Sources: sources, Outputs: c.Outputs, Hooks: c.Hooks, StateDir: c.StateDir, Timing: c.Timing, Wait: timeout, Log: p.log()}
			return failed(a.Once(cmd.Context()))
		},
	}
	p.registerFacts(cmd.Flags())
	p.registerState(cmd.Flags())
	o.register(cmd.Flags())
	access.register(cmd.Flags())
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait for missing facts, and then for hooks; 0: not at all")
	return cmd
}
