package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	served    serveFlags // of a command that only looks
	proxied   proxyFlags // the same
	exec      bool       // presets and env are for the environment of a command
	own       []string   // variables of that environment that stay as they are
	envFile   string
	format    string
	presets   list
	env       list
	templates each
}

func (o *outputFlags) register(flags *pflag.FlagSet) {
	do := "set"
	if !o.exec {
		do = "write"
		flags.StringVar(&o.envFile, "env-file", "", "env `file` to write, from --preset and --env")
		flags.StringVar(&o.format, "format", "sh", "`dialect` of the env file: "+strings.Join(config.Dialects(), ", "))
	}
	flags.Var(&o.presets, "preset", "`names` of sets of variables to "+do+", repeatable: "+strings.Join(config.Presets(), ", "))
	flags.Var(&o.env, "env", "variable to "+do+", as `NAME=fact`, repeatable")
	flags.Var(&o.templates, "template", "template to render, as `source:target`, repeatable")
}

// load reads the configuration file, if any, and adds the flags. Everything
// that is wrong with either is reported together.
func (p *program) load(o *outputFlags, loader config.Loader) (*config.Config, error) {
	c := &config.Config{Container: p.container}
	var errs []error
	loader.Container, loader.Outputs = p.container, o.paths()
	if loader.ReadFile == nil {
		loader.ReadFile = os.ReadFile
	}
	if p.config != "" {
		data, err := loader.ReadFile(p.config)
		if err != nil {
			return nil, fmt.Errorf("configuration: %w; name the file with -c FILE", err)
		}
		c, err = loader.Parse(p.config, data)
		errs = append(errs, err)
	}
	c.StateDir = cmp.Or(p.stateDir, c.StateDir)
	for _, dir := range p.volumes {
		if !slices.ContainsFunc(c.Volumes, func(v config.Volume) bool { return v.Path == dir }) {
			c.Volumes = append(c.Volumes, config.Volume{Path: dir})
		}
	}
	outputs, err := o.outputs(c.Container, loader)
	errs = append(errs, err)
	for _, o := range outputs {
		if slices.ContainsFunc(c.Outputs, func(other agent.Output) bool { return sameFile(o, other) }) {
			errs = append(errs, fmt.Errorf("two outputs write %s; give one of them another path", o.File.Path))
		}
		c.Outputs = append(c.Outputs, o)
	}
	if o != nil && o.exec && len(o.presets)+len(o.env) > 0 {
		errs = append(errs, o.addExec(c))
	}
	return c, watch.Join(errs...)
}

func sameFile(a, b agent.Output) bool {
	return filepath.Clean(a.File.Path) == filepath.Clean(b.File.Path)
}

// loadOutputs is load for commands that write files, and are of no use without.
func (p *program) loadOutputs(cmd *cobra.Command, o *outputFlags, loader config.Loader) (*config.Config, error) {
	c, err := p.load(o, loader)
	return p.withOutputs(cmd, c, err)
}

// loadAll is loadOutputs for commands that do but look: the environment of a
// command is one more output, and what other containers are shown.
func (p *program) loadAll(cmd *cobra.Command, o *outputFlags, loader config.Loader) (*config.Config, error) {
	c, err := p.load(o, loader)
	if err = watch.Join(err, o.served.add(c), o.proxied.add(c)); err == nil && c.Exec != nil {
		c.Outputs = append(c.Outputs, agent.Output{File: publish.File{Path: config.ExecName, Mode: 0o600}, Renderer: environment{kept(c.Exec, o.own)}})
	}
	if err == nil && (c.Serve.Listen != "" || c.Serve.Expose != nil) {
		c.Outputs = append(c.Outputs, agent.Output{File: publish.File{Path: config.ServeName, Mode: 0o600}, Renderer: shown{settingsOf(c), c.Serve.Needs()}})
	}
	if err == nil && len(c.Outputs) == 0 && c.Proxy.Listen != "" {
		return c, nil // that is enough to do
	}
	return p.withOutputs(cmd, c, err)
}

// withOutputs says what to do about a configuration without outputs.
func (p *program) withOutputs(cmd *cobra.Command, c *config.Config, err error) (*config.Config, error) {
	if err == nil {
		p.warnExposed(c)
	}
	switch {
	case err != nil || len(c.Outputs) > 0:
		return c, err
	case c.Exec != nil:
		return nil, fmt.Errorf("%s has no outputs, only exec, which is for podfacts exec; use that, or list outputs", p.config)
	case c.Serve.Listen != "" || c.Proxy.Listen != "":
		return nil, errors.New("there are no outputs, but somebody to serve; use podfacts serve for that alone, or list outputs")
	case p.config != "":
		return nil, fmt.Errorf("%s has no outputs; list them there under outputs:, or use --env-file or --template; see %s --help", p.config, cmd.CommandPath())
	}
	return nil, fmt.Errorf("nothing to write; name a configuration with -c FILE, or use --env-file or --template; see %s --help", cmd.CommandPath())
}

// warnExposed warns of Secrets that everybody may read who sees an output.
func (p *program) warnExposed(c *config.Config) {
	for _, e := range c.Exposed() {
		p.log().Warn("output holds a Secret and can be read by everybody", "output", e.Output, "object", "objects."+e.Object.ID,
			"mode", fmt.Sprintf("%04o", e.Mode), "hint", `set mode: "0600", or "0640" and an owner`)
	}
}

// loadExec is load for exec.
func (p *program) loadExec(cmd *cobra.Command, o *outputFlags) (*config.Config, error) {
	c, err := p.load(o, config.Loader{})
	if err == nil {
		p.warnExposed(c)
	}
	switch {
	case err != nil || len(c.Outputs) > 0 || c.Exec != nil:
		return c, err
	case p.config != "":
		return nil, fmt.Errorf("%s has neither exec nor outputs; list variables there under exec:, or use --preset or --env; see %s --help", p.config, cmd.CommandPath())
	}
	return nil, fmt.Errorf("nothing to set; use --preset or --env, or name a configuration with -c FILE; see %s --help", cmd.CommandPath())
}

// paths are those of the files that the flags describe, as outputs gives them.
func (o *outputFlags) paths() []string {
	if o == nil {
		return nil
	}
	var all []string
	if o.envFile != "" {
		all = append(all, o.envFile)
	}
	for _, t := range o.templates {
		if _, target, ok := strings.Cut(t, ":"); ok && target != "" {
			all = append(all, target)
		}
	}
	return all
}

// outputs makes what the flags describe.
func (o *outputFlags) outputs(container string, loader config.Loader) ([]agent.Output, error) {
	if o == nil {
		return nil, nil
	}
	var outputs []agent.Output
	var errs []error
	if !o.exec && (o.envFile != "" || len(o.presets)+len(o.env) > 0) {
		e, err := o.envRenderer(container)
		errs = append(errs, err)
		outputs = append(outputs, agent.Output{File: publish.File{Path: o.envFile}, Renderer: e})
	}
	if o.envFile == "" && len(outputs) > 0 {
		errs = append(errs, errors.New("--preset and --env say what to write, but not where; add --env-file FILE"))
	}
	for _, t := range o.templates {
		source, target, ok := strings.Cut(t, ":")
		if !ok || source == "" || target == "" {
			errs = append(errs, fmt.Errorf("--template is %q, but must be SOURCE:TARGET, as in app.tmpl:/run/podfacts/app.conf", t))
			continue
		}
		data, err := loader.ReadFile(source)
		if err != nil {
			errs = append(errs, fmt.Errorf("--template %s: %w", t, err))
			continue
		}
		r, err := render.ParseTemplate(source, string(data), render.TemplateOptions{Container: container})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		outputs = append(outputs, agent.Output{File: publish.File{Path: target}, Renderer: r})
	}
	return outputs, watch.Join(errs...)
}

// addExec adds what the flags describe to the environment of a command. An
// entry of theirs replaces one of the configuration.
func (o *outputFlags) addExec(c *config.Config) error {
	e, err := o.envRenderer(c.Container)
	if err != nil || c.Exec == nil {
		c.Exec = e
		return err
	}
	for _, p := range e.Presets {
		if !slices.ContainsFunc(c.Exec.Presets, func(other render.Preset) bool { return other.String() == p.String() }) {
			c.Exec.Presets = append(c.Exec.Presets, p)
		}
	}
	for _, entry := range e.Entries {
		c.Exec.Entries = slices.DeleteFunc(c.Exec.Entries, func(other render.Entry) bool { return other.Name == entry.Name })
	}
	c.Exec.Entries = append(c.Exec.Entries, e.Entries...)
	return nil
}

func (o *outputFlags) envRenderer(container string) (*render.Env, error) {
	e := &render.Env{Name: o.envFile, Container: container}
	var errs []error
	var err error
	if o.exec {
		e.Name, e.Dialect = config.ExecName, envfile.Environ
	} else if e.Dialect, err = config.Dialect(o.format); err != nil {
		errs = append(errs, fmt.Errorf("--format: %w", err))
	}
	for _, name := range o.presets {
		preset, err := config.Preset(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("--preset: %w", err))
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
		if slices.ContainsFunc(e.Entries, func(other render.Entry) bool { return other.Name == name }) {
			errs = append(errs, fmt.Errorf("--env %s: variable %s is set twice; leave one out", kv, name))
		}
		if err := e.Dialect.CheckName(name); err != nil {
			errs = append(errs, fmt.Errorf("--env %s: %w", kv, err))
		}
		e.Entries = append(e.Entries, render.Entry{Name: name, From: path})
	}
	if len(e.Presets)+len(e.Entries) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("--env-file %s has nothing to write; add --preset pod,node or --env ZONE=node.zone", o.envFile))
	}
	return e, watch.Join(errs...)
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
