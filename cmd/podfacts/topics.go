package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

// topics are pages of help for the words of a configuration: podfacts help
// facts.
func (p *program) topics() []*cobra.Command {
	return []*cobra.Command{
		p.topic("facts", "Names of facts", func(row func(...any)) {
			for _, f := range watch.Vocabulary() {
				row(f.Pattern, f.Kind, f.Doc)
			}
		}),
		p.topic("formats", "Dialects of env files", func(row func(...any)) {
			for _, d := range envfile.Dialects() {
				row(d, d.Doc())
			}
		}),
		p.topic("presets", "Sets of variables for env files", func(row func(...any)) {
			for _, s := range render.Presets() {
				row(s, s.Doc())
			}
		}),
	}
}

func (p *program) topic(name, short string, rows func(row func(cells ...any))) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short}
	cmd.SetHelpFunc(func(*cobra.Command, []string) {
		t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		rows(func(cells ...any) {
			for i, cell := range cells {
				if i > 0 {
					fmt.Fprint(t, "\t")
				}
				fmt.Fprint(t, cell)
			}
			fmt.Fprintln(t)
		})
		_ = t.Flush() // help has nowhere to say that it cannot be read
	})
	return cmd
}

// withTopic adds where to read on to an error that has no better advice.
func withTopic(err error) error {
	if unknown, ok := errors.AsType[*watch.UnknownFactError](err); ok && unknown.Nearest == "" {
		return fmt.Errorf("%w; podfacts help facts lists them", err)
	}
	return err
}
