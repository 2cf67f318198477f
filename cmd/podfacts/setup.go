package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/environ"
	"github.com/podfacts/podfacts/watch/serviceaccount"
)

// outputFlags are the outputs that flags can describe, without a
// configuration file.
type outputFlags struct {
	envFile   string
	format    string
	presets   []string
	env       []string
	templates []string
}

func (o *outputFlags) register(flags *pflag.FlagSet) {
	var formats []string
	for _, d := range envfile.Dialects() {
		formats = append(formats, d.String())
	}
	var presets []string
	for _, p := range render.Presets() {
		presets = append(presets, p.String())
	}
	flags.StringVar(&o.envFile, "env-file", "", "env `file` to write, from --preset and --env")
	flags.StringVar(&o.format, "format", "sh", "dialect of the env file: "+strings.Join(formats, ", "))
	flags.StringSliceVar(&o.presets, "preset", nil, "`names` of variables to write: "+strings.Join(presets, ", "))
	flags.StringSliceVar(&o.env, "env", nil, "variable to write, as `NAME=fact`, repeatable")
	flags.StringArrayVar(&o.templates, "template", nil, "template to render, as `source:target`, repeatable")
}

// load reads the configuration file, if any, and adds the flags. Everything
// that is wrong with either is reported together.
func (p *program) load(o *outputFlags, loader config.Loader) (*config.Config, error) {
	c := &config.Config{Container: p.container}
	var all *multierror.Error
	loader.Container = p.container
	if loader.ReadFile == nil {
		loader.ReadFile = os.ReadFile
	}
	if p.config != "" {
		data, err := loader.ReadFile(p.config)
		if err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
		parsed, err := loader.Parse(p.config, data)
		all = multierror.Append(all, watch.Errors(err)...)
		c = parsed
	}
	for _, dir := range p.volumes {
		if !slices.ContainsFunc(c.Volumes, func(v config.Volume) bool { return v.Path == dir }) {
			c.Volumes = append(c.Volumes, config.Volume{Path: dir})
		}
	}
	outputs, errs := o.outputs(c.Container, loader)
	all = multierror.Append(all, errs...)
	c.Outputs = append(c.Outputs, outputs...)
	return c, all.ErrorOrNil()
}

// outputs makes what the flags describe.
func (o *outputFlags) outputs(container string, loader config.Loader) ([]agent.Output, []error) {
	if o == nil {
		return nil, nil
	}
	var outputs []agent.Output
	var errs []error
	if o.envFile != "" {
		e, bad := o.envRenderer(container)
		errs = append(errs, bad...)
		outputs = append(outputs, agent.Output{File: publish.File{Path: o.envFile}, Renderer: e})
	} else if len(o.presets)+len(o.env) > 0 {
		errs = append(errs, errors.New("--preset and --env say what to write, but not where; add --env-file FILE"))
	}
	for _, t := range o.templates {
		source, target, ok := strings.Cut(t, ":")
		if !ok || source == "" || target == "" {
			errs = append(errs, fmt.Errorf("--template is %q, but must be SOURCE:TARGET", t))
			continue
		}
		data, err := loader.ReadFile(source)
		if err != nil {
			errs = append(errs, fmt.Errorf("--template %s: %w", t, err))
			continue
		}
		r, err := render.ParseTemplate(source, string(data), render.TemplateOptions{Container: container})
		if err != nil {
			errs = append(errs, watch.Errors(err)...)
			continue
		}
		outputs = append(outputs, agent.Output{File: publish.File{Path: target}, Renderer: r})
	}
	return outputs, errs
}

func (o *outputFlags) envRenderer(container string) (*render.Env, []error) {
	e := &render.Env{Name: o.envFile, Container: container}
	var errs []error
	var ok bool
	if e.Dialect, ok = envfile.Lookup(o.format); !ok {
		errs = append(errs, fmt.Errorf("--format %q is unknown; see podfacts init --help", o.format))
	}
	for _, name := range o.presets {
		preset, ok := render.LookupPreset(name)
		if !ok {
			errs = append(errs, fmt.Errorf("--preset %q is unknown; see podfacts init --help", name))
			continue
		}
		e.Presets = append(e.Presets, preset)
	}
	for _, kv := range o.env {
		name, fact, ok := strings.Cut(kv, "=")
		if !ok {
			errs = append(errs, fmt.Errorf("--env is %q, but must be NAME=fact, as in ZONE=node.zone", kv))
			continue
		}
		path, err := watch.ParsePath(fact)
		if err != nil {
			errs = append(errs, fmt.Errorf("--env %s: %w", kv, err))
			continue
		}
		if err := e.Dialect.CheckName(name); err != nil {
			errs = append(errs, fmt.Errorf("--env %s: %w", kv, err))
		}
		e.Entries = append(e.Entries, render.Entry{Name: name, From: path})
	}
	if len(e.Presets)+len(e.Entries) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("--env-file %s has nothing to write; add --preset pod,node or --env ZONE=node.zone", o.envFile))
	}
	return e, errs
}

// sources opens what a pod has, best first.
func (p *program) sources(ctx context.Context, c *config.Config) []watch.Source {
	var sources []watch.Source
	for _, v := range c.Volumes {
		sources = append(sources, &downward.Source{Dir: v.Path, Items: v.Items, Log: p.log()})
	}
	if len(c.Volumes) == 0 {
		for _, s := range downward.Discover(ctx) {
			s.Log = p.log()
			sources = append(sources, s)
		}
	}
	return append(sources, &serviceaccount.Source{}, &environ.Source{Environ: p.environ, Vars: c.Environment})
}

// noOutputs explains that there is nothing to do.
func noOutputs(cmd *cobra.Command) error {
	return fmt.Errorf("nothing to write; name outputs in a configuration (-c FILE), or use --env-file or --template; see podfacts %s --help", cmd.Name())
}
