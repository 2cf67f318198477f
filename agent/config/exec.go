package config

import (
	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/render/envfile"
)

// ExecName names the environment of the command that podfacts exec starts,
// where others have the path of a file.
const ExecName = "exec"

// exec reads what the environment of a command holds: an output of env entries
// and presets, without a file.
func (r outputsReader) exec(n *yaml.Node) {
	o := output{node: n, path: ExecName, format: envfile.Environ.String(), onInvalid: "error", container: r.config.Container}
	before := len(r.mistakes)
	r.mapping(n, "exec",
		field{"presets", r.texts("presets", &o.presets)},
		field{"env", func(n *yaml.Node) { o.env = n }},
		field{"container", r.text("container", &o.container)},
		field{"onInvalid", r.text("onInvalid", &o.onInvalid)})
	if n.Kind != yaml.MappingNode {
		return
	}
	if o.env == nil && len(o.presets) == 0 && len(r.mistakes) == before {
		r.fail(n, "exec: nothing to set; give it env entries or presets")
	}
	e := r.variables(&o)
	r.variablesListed(&o, e.Needs())
	r.config.Exec = e
}
