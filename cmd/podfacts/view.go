package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

func (p *program) viewCommand() *cobra.Command {
	var dry dryFlags
	var access accessFlags
	var v viewing
	cmd := &cobra.Command{
		Use:   "view [FACT]",
		Short: "Print the merged view, or one fact",
		Long: `view prints every fact with its value and where it comes from. With the name of
a fact it prints that fact alone, ready for a script: a list joined by commas, a
map as YAML. Names are those of the configuration: node.zone,
pod.labels['app.kubernetes.io/name'], limits.memory.`,
		Example: `  podfacts view
  podfacts view node.zone
  podfacts view -o json | jq .pod.labels
  podfacts view --pod deploy.yaml --node node.yaml`,
		ValidArgsFunction: completeFact,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("%s prints all facts or one, but got %d names; see %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(outputFormats(), v.output) {
				return fmt.Errorf("--output is %q, but must be table, json or yaml", v.output)
			}
			if v.origins && v.output == "table" {
				return errors.New("--origins needs -o json or -o yaml; a table shows origins anyway")
			}
			world, err := p.world(cmd.Context(), &dry, &access)
			if err != nil {
				return err
			}
			c, err := p.load(nil, world.loader(cmd.Context()))
			if err != nil {
				return err
			}
			if err := world.checkVolumes(c); err != nil {
				return err
			}
			if len(args) > 0 {
				if v.path, err = watch.ParsePath(args[0]); err != nil {
					return err
				}
				v.path = render.InContainer(v.path, c.Container)
			}
			sources, err := world.sources(cmd.Context(), p, c, &access, watch.Needs{{Path: v.path, Optional: true, By: "view"}})
			if err != nil {
				return err
			}
			snapshot, err := watch.Collect(cmd.Context(), sources...)
			for _, e := range watch.Errors(err) {
				p.log().Warn("source failed", "error", e)
			}
			return failed(v.print(p.stdout, snapshot))
		},
	}
	flags := cmd.Flags()
	p.registerFacts(flags)
	flags.StringVarP(&v.output, "output", "o", "table", "`format`: table, json or yaml")
	flags.BoolVar(&v.origins, "origins", false, "with json and yaml: a list of facts with origin and age, not the tree")
	flags.BoolVar(&v.showSecrets, "show-secrets", false, "show sensitive values")
	dry.register(flags)
	access.register(flags)
	return cmd
}

func outputFormats() []string { return []string{"table", "json", "yaml"} }

// viewing is how the view is to be printed.
type viewing struct {
	path        watch.Path
	output      string
	origins     bool
	showSecrets bool
}

// errNothingKnown is what most likely is wrong where there is not one fact.
var errNothingKnown = errors.New("no fact is known here; run podfacts in a pod that mounts a downwardAPI volume, or name a manifest with --pod FILE")

func knowsNothing(s *watch.Snapshot) bool {
	for range s.Facts() {
		return false
	}
	return true
}

func (v *viewing) print(w io.Writer, s *watch.Snapshot) error {
	if knowsNothing(s) && (v.path != "" || v.output == "table") {
		return errNothingKnown
	}
	if v.path != "" {
		if _, err := s.Lookup(v.path); err != nil {
			return err
		}
	}
	switch {
	case v.path != "" && v.output == "table":
		return v.one(w, s)
	case v.origins:
		return render.Encode(w, v.output, v.list(s))
	case v.output == "table":
		return v.table(w, s)
	}
	view := render.View{Format: v.output, Path: v.path, ShowSensitive: v.showSecrets}
	return view.Render(w, s)
}

// one prints a single fact without its name.
func (v *viewing) one(w io.Writer, s *watch.Snapshot) error {
	f, err := s.Lookup(v.path)
	if err != nil {
		return err
	}
	if f.Sensitive && !v.showSecrets {
		return fmt.Errorf("%s is sensitive; add --show-secrets to print it", v.path)
	}
	text, err := render.Text(f)
	if err != nil {
		return render.Encode(w, "yaml", f.Value)
	}
	_, err = fmt.Fprintln(w, text)
	return err
}

func (v *viewing) table(w io.Writer, s *watch.Snapshot) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FACT\tVALUE\tORIGIN")
	for f := range s.Facts() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.Path, v.cell(f), v.origin(f))
	}
	return t.Flush()
}

// cell is a value on one line of a table.
func (v *viewing) cell(f watch.Fact) string {
	if f.Sensitive && !v.showSecrets {
		return "(sensitive)"
	}
	text, err := render.Text(f)
	if err != nil {
		data, _ := json.Marshal(f.Value)
		text = string(data)
	}
	const widest = 60
	if quoted := strconv.Quote(text); quoted != `"`+text+`"` || text == "" {
		text = quoted
	}
	if runes := []rune(text); len(runes) > widest {
		text = string(runes[:widest-1]) + "…"
	}
	return text
}

func (v *viewing) origin(f watch.Fact) string {
	parts := []string{f.Origin.String()}
	switch {
	case f.Unset && strings.Contains(string(f.Path), ".limits."):
		parts = append(parts, "unset, the node's allocatable stands in")
	case f.Unset:
		parts = append(parts, "unset")
	}
	for _, o := range f.Origin.Others {
		value := v.cell(watch.Fact{Path: f.Path, Value: o.Value, Sensitive: f.Sensitive})
		parts = append(parts, fmt.Sprintf("%s says %s", strings.TrimSpace(o.Source+" "+o.From), value))
	}
	return strings.Join(parts, "; ")
}

// listed is one fact of view -o json --origins.
type listed struct {
	Fact      string `json:"fact" yaml:"fact"`
	Value     any    `json:"value,omitempty" yaml:"value,omitempty"`
	Source    string `json:"source" yaml:"source"`
	From      string `json:"from,omitempty" yaml:"from,omitempty"`
	Confirmed string `json:"confirmed,omitempty" yaml:"confirmed,omitempty"`
	Stale     bool   `json:"stale,omitempty" yaml:"stale,omitempty"`
	Unset     bool   `json:"unset,omitempty" yaml:"unset,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty" yaml:"sensitive,omitempty"`
	Others    []any  `json:"others,omitempty" yaml:"others,omitempty"`
}

func (v *viewing) list(s *watch.Snapshot) []listed {
	all := []listed{}
	for f := range s.Facts() {
		if !v.path.Covers(f.Path) {
			continue
		}
		l := listed{
			Fact: string(f.Path), Value: f.Value, Source: f.Origin.Source, From: f.Origin.From,
			Confirmed: f.Origin.Confirmed.UTC().Format(time.RFC3339), Stale: f.Origin.Stale, Unset: f.Unset, Sensitive: f.Sensitive,
		}
		for _, o := range f.Origin.Others {
			l.Others = append(l.Others, map[string]any{"source": o.Source, "from": o.From, "value": o.Value})
		}
		if f.Sensitive && !v.showSecrets {
			l.Value, l.Others = nil, nil
		}
		all = append(all, l)
	}
	return all
}
