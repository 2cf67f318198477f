package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/watch"
)

const variablePrefix = "PODFACTS_"

// given reports whether podfacts sets a variable itself, for the commands that
// it runs, and one of these runs podfacts; or its scripts for shells do, which may
// also be told of by whoever uses the shell.
func given(name string) bool {
	switch name {
	case publish.FileVariable, notify.OutputsVariable, notify.FactsVariable:
		return true
	case variablePrefix + "ACTIVE_HELP", variablePrefix + "COMPLETION_DESCRIPTIONS": // cobra's
		return true
	}
	return false
}

// setFromEnviron sets the flags of a command that were not given from their
// variables. A variable that belongs to no command's flag is an error: a
// setting that is silently ignored is found out too late. An empty one is as good
// as none: what a manifest's template left open must not switch off a default,
// such as what the proxy rejects.
func setFromEnviron(cmd *cobra.Command, environ []string) error {
	known, all := flagVariables(cmd.Root()), false
	var errs []error
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, variablePrefix) || given(name) || isServiceLink(name, value) {
			continue
		}
		if known[name] == "" && !all { // one of a command that was not made
			known, all = flagVariables(new(program).root(nil)), true
		}
		flagName, ok := known[name]
		if !ok {
			errs = append(errs, unknownVariable(name, known))
			continue
		}
		flag := cmd.Flags().Lookup(flagName)
		if flag == nil || flag.Changed || value == "" {
			continue // another command's, or given, or empty
		}
		if err := cmd.Flags().Set(flagName, value); err != nil {
			errs = append(errs, invalidValue(name, value, flag))
		}
	}
	return watch.Join(errs...)
}

// flagVariables maps the variable of each flag of each command to the flag.
func flagVariables(root *cobra.Command) map[string]string {
	known := make(map[string]string)
	note := func(f *pflag.Flag) {
		if len(f.Annotations[cobra.FlagSetByCobraAnnotation]) == 0 {
			known[variableOf(f.Name)] = f.Name
		}
	}
	for _, cmd := range append(root.Commands(), root) {
		cmd.Flags().VisitAll(note)
		cmd.PersistentFlags().VisitAll(note)
	}
	return known
}

func variableOf(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func unknownVariable(name string, known map[string]string) error {
	var names []string
	for k := range known {
		names = append(names, strings.TrimPrefix(k, variablePrefix))
	}
	slices.Sort(names)
	hint := "unset it"
	if near := watch.Nearest(strings.TrimPrefix(name, variablePrefix), names); near != "" {
		hint = fmt.Sprintf("did you mean %s?", variablePrefix+near)
	}
	return fmt.Errorf("unknown variable %s; %s", name, hint)
}

// isServiceLink recognises the variables that the kubelet adds to every
// container for a Service named podfacts, or podfacts-something:
// PODFACTS_SERVICE_HOST, PODFACTS_PORT_80_TCP_ADDR. They are nobody's mistake.
// Kubernetes: pkg/kubelet/envvars.
func isServiceLink(name, value string) bool {
	return regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`).MatchString(name) ||
		strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}
