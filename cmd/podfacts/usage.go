package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/watch"
)

// helped makes a command that only has commands below it: alone it prints its
// help, and anything else is a mistake.
func helped(cmd *cobra.Command) {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return unknownCommand(cmd, args[0])
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// helpCommand replaces cobra's, which is content with names that are none.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Print the help of a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			target, _, _ := cmd.Root().Find(args)
			return commandNames(target), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(target, rest[0])
			}
			target.InitDefaultHelpFlag()
			target.InitDefaultVersionFlag()
			return target.Help()
		},
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	return fmt.Errorf("unknown command %q; %s", name, orHelp(cmd, watch.Nearest(name, commandNames(cmd))))
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// noArguments is for commands that flags alone describe.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments, but got %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
}

// flagError says what is wrong with the flags, and what would be right.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var empty *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return fmt.Errorf("unknown flag -%s; %s", unknown.GetSpecifiedName(), orHelp(cmd, ""))
	case errors.As(err, &unknown):
		near := watch.Nearest(unknown.GetSpecifiedName(), flagNames(cmd))
		if near != "" {
			near = "--" + near
		}
		return fmt.Errorf("unknown flag --%s; %s", unknown.GetSpecifiedName(), orHelp(cmd, near))
	case errors.As(err, &invalid):
		return invalidValue("--"+invalid.GetFlag().Name, invalid.GetValue(), invalid.GetFlag())
	case errors.As(err, &empty):
		return fmt.Errorf("--%s needs a value; %s", empty.GetFlag().Name, orHelp(cmd, ""))
	}
	return err
}

// orHelp is the next step after an unknown name.
func orHelp(cmd *cobra.Command, near string) string {
	if near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return fmt.Sprintf("see %s --help", cmd.CommandPath())
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// invalidValue says what the value of a flag or its variable must be.
func invalidValue(name, value string, f *pflag.Flag) error {
	must := map[string]string{"bool": "true or false", "duration": "a duration such as 500ms, 5s or 1m"}[f.Value.Type()]
	return fmt.Errorf("%s is %q, but must be %s", name, value, must)
}

// list is a flag that takes several values, separated by commas or given one
// by one. Unlike pflag's, it has no quotes.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }
func (*list) Type() string     { return "list" }

func (l *list) Set(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l = append(*l, item)
		}
	}
	return nil
}

// each is a flag that takes one value each time it is given. Unlike pflag's, it
// needs no CSV writer to say that there is none.
type each []string

func (e *each) String() string     { return strings.Join(*e, " ") }
func (*each) Type() string         { return "each" }
func (e *each) Set(s string) error { *e = append(*e, s); return nil }
