/*
Package config reads the configuration file of podfacts.

The format is YAML and strict: unknown keys, wrong types, unknown facts,
variables that a dialect cannot hold and templates that do not parse are all
reported at once, each with its line. What [Parse] returns is ready for use:
paths are canonical, templates parsed, outputs wired.

Everything else about a configuration, such as which source comes first, is
decided by its user.
*/
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/serve"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/environ"
)

// Config is a configuration that has been checked.
type Config struct {
	// Container is the one that paths without container mean.
	Container string
	Volumes   []Volume
	// Environment lists the variables of podfacts itself to read.
	Environment []environ.Var
	API         API
	Outputs     []agent.Output
	// Exec is the environment that podfacts exec gives a command. Nil: none.
	Exec  *render.Env
	Hooks []agent.Hook
	// StateDir is where it is kept what hooks were told. Empty: beside the outputs.
	StateDir string
	Timing   watch.Timing
	// Listen is where health and metrics are served. Empty: nowhere.
	Listen string
	// Serve is where the facts are served to other containers, and which.
	Serve Serve
	// Proxy is where the API server is passed on to other containers.
	Proxy Proxy
	// MaxAge is how old the facts of a failing source may be before the
	// outputs count as not ready. Zero: any age.
	MaxAge time.Duration
}

// Volume is a downwardAPI or projected volume.
type Volume struct {
	Path  string
	Items []downward.Item // empty: by the pod's spec where it is seen, else by well-known names
}

// Loader reads what a configuration refers to.
type Loader struct {
	// ReadFile reads a template. Nil: it cannot be read.
	ReadFile func(path string) ([]byte, error)
	// Container overrides the configuration's.
	Container string
	// Outputs are the paths of files that are written beside the
	// configuration's own. Hooks are for them, too.
	Outputs []string
}

// Parse reads a configuration. name stands in errors, and relative template
// paths are relative to its directory. The error holds everything that is
// wrong, in the order of the lines.
func (l Loader) Parse(name string, data []byte) (*Config, error) {
	d := &decoder{file: name}
	c := &Config{Container: l.Container}
	if root := d.document(data); root != nil {
		r := reader{decoder: d, loader: l, dir: filepath.Dir(name), config: c}
		r.read(root)
	}
	return c, d.err()
}

// document gives the root of the only document, or nil for an empty file.
func (d *decoder) document(data []byte) *yaml.Node {
	var root yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		// yaml.v3 says "yaml: line 3: …".
		reason := strings.TrimPrefix(err.Error(), "yaml: ")
		if line, rest, ok := strings.Cut(strings.TrimPrefix(reason, "line "), ": "); ok && rest != "" && reason != line {
			reason = line + ": " + rest
		} else {
			reason = " " + reason
		}
		d.add(0, fmt.Errorf("%s:%s", d.file, reason))
		return nil
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		d.fail(&second, "a configuration is one document, and here a second one begins; remove the --- line")
	}
	return root.Content[0]
}

// reader turns the tree into a Config.
type reader struct {
	*decoder
	loader Loader
	dir    string
	config *Config
	// hookNames are the lines of those that entries of notify have.
	hookNames map[string]int
}

func (r *reader) read(root *yaml.Node) {
	c := r.config
	var outputs, exec, notify, listen, served *yaml.Node
	var listenAny bool
	container := c.Container
	r.mapping(root, "configuration",
		field{"container", r.text("container", &c.Container)},
		field{"volumes", r.list("volumes", r.volume)},
		field{"environment", r.list("environment", r.variable)},
		field{"api", r.api},
		field{"outputs", func(n *yaml.Node) { outputs = n }},
		field{"exec", func(n *yaml.Node) { exec = n }},
		field{"notify", func(n *yaml.Node) { notify = n }},
		field{"stateDir", r.text("stateDir", &c.StateDir)},
		field{"listen", func(n *yaml.Node) { listen = n }},
		field{"serve", func(n *yaml.Node) { served = n }},
		field{"proxy", r.proxy},
		field{"listenAny", r.boolean("listenAny", &listenAny)},
		field{"health", func(n *yaml.Node) {
			r.mapping(n, "health", field{"maxAge", r.duration("health.maxAge", &c.MaxAge)})
		}},
		field{"timing", func(n *yaml.Node) {
			r.mapping(n, "timing",
				field{"window", r.duration("timing.window", &c.Timing.Window)},
				field{"resync", r.duration("timing.resync", &c.Timing.Resync)},
				field{"retry", r.duration("timing.retry", &c.Timing.Retry)})
		}})
	if container != "" {
		c.Container = container
	}
	if listen != nil {
		r.listen(listen, listenAny)
	}
	if served != nil {
		r.serve(served) // after container, which its paths may mean
	}
	// Outputs come last: what they mean depends on container.
	o := outputsReader{reader: r, paths: make(map[string]int), groups: make(map[string]string)}
	if outputs != nil {
		r.list("outputs", o.output)(outputs)
	}
	if exec != nil {
		o.exec(exec)
	}
	if notify != nil {
		r.list("notify", r.hook)(notify)
	}
}

// listen reads where to serve. An address that can be reached from outside the
// pod is a decision of its own.
func (r *reader) listen(n *yaml.Node, anywhere bool) {
	r.text("listen", &r.config.Listen)(n)
	switch _, err := serve.Parse(r.config.Listen, anywhere); {
	case errors.Is(err, serve.ErrElsewhere):
		r.fail(n, "listen: %w, or add listenAny: true to be reached from outside the pod", err)
	case err != nil:
		r.fail(n, "listen: %w", err)
	}
}
