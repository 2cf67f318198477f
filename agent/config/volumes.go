package config

import (
	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/environ"
)

// volume reads one entry of volumes.
func (r *reader) volume(n *yaml.Node) {
	var v Volume
	r.mapping(n, "volume",
		field{"path", r.text("volume path", &v.Path)},
		field{"items", r.list("items", func(n *yaml.Node) {
			object, ok := r.object(n, "item")
			if !ok {
				return
			}
			if item, err := downward.ItemFrom(object); err != nil {
				r.each(n, err)
			} else {
				v.Items = append(v.Items, item)
			}
		})})
	if v.Path == "" {
		r.fail(n, "volume has no path; name the directory where it is mounted")
	}
	for _, other := range r.config.Volumes {
		if other.Path == v.Path && v.Path != "" {
			r.fail(n, "volume %s is listed twice", v.Path)
		}
	}
	r.config.Volumes = append(r.config.Volumes, v)
}

// variable reads one entry of environment.
func (r *reader) variable(n *yaml.Node) {
	object, ok := r.object(n, "variable")
	if !ok {
		return
	}
	v, err := environ.VarFrom(object)
	if err != nil {
		r.each(n, err)
		return
	}
	r.config.Environment = append(r.config.Environment, v)
}

// object decodes what other packages read as plain data.
func (r *reader) object(n *yaml.Node, what string) (object map[string]any, ok bool) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s is %s, but must be a mapping", what, describe(n))
		return nil, false
	}
	if err := n.Decode(&object); err != nil {
		r.fail(n, "%s: %w", what, err)
		return nil, false
	}
	return object, true
}

// each notes every mistake of an aggregate at one node.
func (r *reader) each(n *yaml.Node, err error) {
	for _, err := range watch.Errors(err) {
		r.fail(n, "%w", err)
	}
}
