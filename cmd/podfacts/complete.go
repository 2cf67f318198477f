package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
	"github.com/podfacts/podfacts/watch/object"
)

// complete is what a shell asks when somebody presses tab.
type complete = cobra.CompletionFunc

// completeFlags lets a shell complete the values of flags.
func completeFlags(cmd *cobra.Command) {
	for name, values := range map[string]complete{
		"api":        oneOf(config.APIModes),
		"for":        oneOf(func() []string { return []string{"init", "exec", "run"} }),
		"format":     oneOf(config.Dialects),
		"log-format": oneOf(logFormats),
		"mode":       oneOf(func() []string { return []string{"init", "sidecar"} }),
		"output":     oneOf(outputFormats),
		"preset":     someOf(config.Presets),
		"workload":   oneOf(apiserver.Workloads),
		"config":     files("yaml", "yml"),
		"pod":        files("yaml", "yml", "json"),
		"node":       files("yaml", "yml", "json"),
		"volume":     directories,
		"out":        directories,
		"diff":       directories,
	} {
		if cmd.Flag(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, values) // an error says that the flag has one already
		}
	}
}

func oneOf(values func() []string) complete {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	}
}

// someOf is for values separated by commas.
func someOf(values func() []string) complete {
	return func(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		given := strings.Split(word, ",")
		given = given[:len(given)-1]
		var all []string
		for _, v := range values() {
			if !slices.Contains(given, v) {
				all = append(all, strings.Join(append(slices.Clone(given), v), ","))
			}
		}
		return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func files(extensions ...string) complete {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

func directories(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeFact lets a shell complete the name of a fact, as far as it does not
// depend on the pod.
func completeFact(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []string
	for _, f := range watch.Vocabulary() {
		prefix, rest, open := strings.Cut(f.Pattern, "<")
		switch {
		case len(args) > 0:
		case !open:
			names = append(names, cobra.CompletionWithDesc(f.Pattern, f.Doc))
		case rest == "resource>":
			for _, resource := range []string{"cpu", "memory", "ephemeral-storage"} {
				names = append(names, cobra.CompletionWithDesc(prefix+resource, f.Doc))
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeRunning lets a shell complete what names running pods, by asking the API server.
func (p *program) completeRunning(cmd *cobra.Command, d *dryFlags, a *accessFlags) {
	_ = cmd.RegisterFlagCompletionFunc("namespace", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return p.names(cmd.Context(), a, "v1", "Namespace", "", ""), cobra.ShellCompDirectiveNoFileComp
	})
	_ = cmd.RegisterFlagCompletionFunc("live", func(cmd *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		namespace, rest, ok := strings.Cut(word, "/")
		if !ok {
			var all []string
			for _, name := range p.names(cmd.Context(), a, "v1", "Namespace", "", "") {
				all = append(all, name+"/")
			}
			return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		return p.pods(cmd.Context(), a, namespace, rest, namespace+"/"), cobra.ShellCompDirectiveNoFileComp
	})
	if !p.plugin {
		return
	}
	facts := cmd.ValidArgsFunction
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case d.named():
		case len(args) == 0:
			return p.pods(cmd.Context(), a, d.namespace, word, ""), cobra.ShellCompDirectiveNoFileComp
		default:
			args = args[1:]
		}
		if facts == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return facts(cmd, args, word)
	}
}

// pods completes the name of a pod, or kind/name, behind a prefix.
func (p *program) pods(ctx context.Context, a *accessFlags, namespace, word, prefix string) []string {
	apiVersion, kind := "v1", "Pod"
	if name, _, ok := strings.Cut(word, "/"); ok {
		if apiVersion, kind, ok = kindNamed(name); !ok {
			return nil
		}
		prefix += name + "/"
	}
	return p.names(ctx, a, apiVersion, kind, namespace, prefix)
}

// names are those of objects, behind a prefix. Whoever presses tab has not asked for
// errors, nor for patience.
func (p *program) names(ctx context.Context, a *accessFlags, apiVersion, kind, namespace, prefix string) (names []string) {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := a.client(p, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil
	}
	if namespace == "" && kind != "Namespace" {
		namespace = client.Namespace
	}
	objects, err := client.List(ctx, apiVersion, kind, namespace, "")
	if err != nil {
		return nil
	}
	for _, o := range objects {
		names = append(names, prefix+object.Text(o, "metadata", "name"))
	}
	return names
}
