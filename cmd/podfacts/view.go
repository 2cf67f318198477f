package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/environ"
)

func (p *program) viewCommand() *cobra.Command {
	var dry dryFlags
	var access accessFlags
	var v viewing
	cmd := &cobra.Command{
		Use:   "view [FACT]",
		Short: "Print the merged view, or one fact",
		Long: `view prints every fact with its value, its age and where it comes from:

  FACT                  VALUE  AGE    ORIGIN
  pod.labels['tier']    blue   now    API server Pod shop/web-0
    differs             green  3m12s  volume /etc/podinfo labels (well-known name)
  pod.nodeName          n0     start  environment NODE_NAME (well-known name)

A row that differs is what another source says of the fact above it, and does not
count. The age of what a volume holds is the time since the kubelet last changed the
volume, which it does within a minute or so of a change of the pod; "start" is said
of variables, which stay as they were when the container started, and "now" of what
was asked for just now. What is derived from another fact is as old as that one, and a
dry run has no ages. A limit that nobody set is marked, where the API server shows
that; "(stale)" marks what a source said before it failed.

With the name of a fact view prints that fact alone, ready for a script: a list joined
by commas, a map as YAML. Names are those of the configuration: node.zone,
pod.labels['app.kubernetes.io/name'], limits.memory. With --origins it prints the rows
of that fact, or of all that is below it; with -o json or yaml a list of facts with
source, from, confirmed (when the source last said so), written (when it was written
down), stale, unset, sensitive and others, which differ.`,
		Example: `  podfacts view
  podfacts view node.zone
  podfacts view pod --origins
  podfacts view -o json | jq .pod.labels
  podfacts view -o json --origins | jq '.[] | select(.others)'
  podfacts view --live shop/web-0
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
			access.all = v.origins
			sources, err := world.sources(cmd.Context(), p, c, &access, watch.Needs{{Path: v.path, Optional: true, By: "view"}})
			if err != nil {
				return err
			}
			snapshot, err := watch.Collect(cmd.Context(), sources...)
			v.now, v.dry = time.Now(), world.pod != nil && world.live == nil
			for _, e := range watch.Errors(err) {
				p.log().Warn("source failed", "error", e)
			}
			return failed(v.print(cmd.Context(), p.stdout, snapshot))
		},
	}
	flags := cmd.Flags()
	p.registerFacts(flags)
	flags.StringVarP(&v.output, "output", "o", "table", "`format`: table, json or yaml")
	flags.BoolVar(&v.origins, "origins", false, "where facts come from and how old they are, also of one; in json and yaml a list in place of the tree")
	flags.BoolVar(&v.showSecrets, "show-secrets", false, "show sensitive values")
	dry.register(flags)
	dry.registerNamespace(flags)
	access.register(flags)
	p.forPods(cmd, &dry, &access, false, `  podfacts view -n shop web-0
  podfacts view -n shop deploy/web node.zone
  podfacts view -n shop web-0 pod.labels --origins
  podfacts view --pod deploy.yaml --node node.yaml`)
	return cmd
}

func outputFormats() []string { return []string{"table", "json", "yaml"} }

// viewing is how the view is to be printed.
type viewing struct {
	path        watch.Path
	output      string
	origins     bool
	showSecrets bool

	dry bool // nothing has an age
	now time.Time
}

// nothingKnown says what most likely is wrong where there is not one fact.
func nothingKnown(s *watch.Snapshot) error {
	if slices.ContainsFunc(s.Sources(), func(source watch.SourceState) bool { return source.Err != nil }) {
		return errors.New("no fact is known here, since sources fail; do what the warnings say")
	}
	return errors.New("no fact is known here; run podfacts in a pod that mounts a downwardAPI volume, or name a manifest with --pod FILE")
}

func knowsNothing(s *watch.Snapshot) bool {
	for range s.Facts() {
		return false
	}
	return true
}

func (v *viewing) print(ctx context.Context, w io.Writer, s *watch.Snapshot) error {
	if knowsNothing(s) && (v.path != "" || v.output == "table") {
		return nothingKnown(s)
	}
	if v.path != "" {
		if _, err := s.Lookup(v.path); err != nil {
			return err
		}
	}
	switch {
	case v.output == "table" && (v.path == "" || v.origins):
		return v.table(w, s)
	case v.output == "table":
		return v.one(w, s)
	case v.origins:
		return render.Encode(w, v.output, render.Origins(v.facts(s), v.showSecrets))
	}
	view := render.View{Format: v.output, Path: v.path, ShowSensitive: v.showSecrets}
	return view.Render(ctx, w, s)
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

// table prints a row for each fact, and below it one for each source that says
// something else.
func (v *viewing) table(w io.Writer, s *watch.Snapshot) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(fact, value, age, origin string) {
		if v.dry {
			fmt.Fprintf(t, "%s\t%s\t%s\n", fact, value, origin)
			return
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", fact, value, age, origin)
	}
	row("FACT", "VALUE", "AGE", "ORIGIN")
	for f := range v.facts(s) {
		row(string(f.Path), v.cell(f), v.age(f.Origin.Source, f.Origin.Written, f.Origin.Confirmed), origin(f))
		for _, o := range f.Origin.Others {
			other := watch.Fact{Path: f.Path, Value: o.Value, Sensitive: f.Sensitive}
			from := watch.Origin{Source: o.Source, From: o.From, Stale: o.Stale}
			row("  differs", v.cell(other), v.age(o.Source, o.Written, v.now), from.String())
		}
	}
	return t.Flush()
}

// facts are those that are asked for.
func (v *viewing) facts(s *watch.Snapshot) iter.Seq[watch.Fact] {
	asked, err := s.Resolve(v.path)
	if err != nil {
		asked = v.path
	}
	return func(yield func(watch.Fact) bool) {
		for f := range s.Facts() {
			if (asked.Covers(f.Path) || f.Path.Covers(asked)) && !yield(f) {
				return
			}
		}
	}
}

// age says how old something is, as kubectl does.
func (v *viewing) age(source string, written, confirmed time.Time) string {
	const now = 5 * time.Second // that long it may take to ask
	switch age := v.now.Sub(cmp.Or(written, confirmed)); {
	case source == watch.Derived:
		return ""
	case source == new(environ.Source).String():
		return "start"
	case age < now:
		return "now"
	default:
		return duration.HumanDuration(age)
	}
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

func origin(f watch.Fact) string {
	text := f.Origin.String()
	switch {
	case f.Unset && strings.Contains(string(f.Path), ".limits."):
		text += "; unset, the node's allocatable stands in"
	case f.Unset:
		text += "; unset"
	}
	return text
}
