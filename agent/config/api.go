package config

import (
	"cmp"
	"io/fs"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
)

// API says how the API server is used.
type API struct {
	// Mode is auto (what is missing is asked for, and done without if need
	// be), never or required. Empty means auto.
	Mode    string
	Objects []apiserver.Object
}

// APIModes are the values of api.mode.
func APIModes() []string { return []string{"auto", "never", "required"} }

func (r *reader) api(n *yaml.Node) {
	api := &r.config.API
	r.mapping(n, "api",
		field{"mode", func(n *yaml.Node) {
			r.text("api.mode", &api.Mode)(n)
			if !slices.Contains(APIModes(), api.Mode) {
				r.fail(n, "api: %w", unknown("mode", api.Mode, APIModes()))
			}
		}},
		field{"objects", r.list("api.objects", r.apiObject)})
}

// apiObject reads one entry of api.objects.
func (r *reader) apiObject(n *yaml.Node) {
	var o apiserver.Object
	before := len(r.mistakes)
	r.mapping(n, "object",
		field{"id", r.text("id", &o.ID)},
		field{"apiVersion", r.text("apiVersion", &o.APIVersion)},
		field{"kind", r.text("kind", &o.Kind)},
		field{"namespace", r.text("namespace", &o.Namespace)},
		field{"name", r.text("name", &o.Name)},
		field{"labelSelector", r.text("labelSelector", &o.LabelSelector)},
		field{"fieldSelector", r.text("fieldSelector", &o.FieldSelector)},
		field{"optional", r.boolean("optional", &o.Optional)})
	if len(r.mistakes) > before {
		return
	}
	for _, err := range watch.Errors(o.Validate()) {
		r.fail(n, "%w", err)
	}
	api := &r.config.API
	if slices.ContainsFunc(api.Objects, func(other apiserver.Object) bool { return other.ID == o.ID }) && o.ID != "" {
		r.fail(n, "two objects have the id %s; templates could not tell them apart", o.ID)
	}
	api.Objects = append(api.Objects, o)
}

// Exposure is an output of a Secret that everybody may read who sees the file.
type Exposure struct {
	Output string // its path
	Object apiserver.Object
	Mode   fs.FileMode
}

// Exposed lists the outputs that give Secrets away.
func (c *Config) Exposed() []Exposure {
	var all []Exposure
	for _, o := range c.Outputs {
		if _, leavesOut := o.Renderer.(*render.View); leavesOut || o.Take != nil || !readable(o) {
			continue
		}
		for _, object := range c.API.Objects {
			if object.Kind == "Secret" && object.APIVersion == "v1" && o.Renderer.Needs().Wants(watch.Path("objects").Key(object.ID)) {
				all = append(all, Exposure{o.File.Path, object, cmp.Or(o.File.Mode, 0o644)})
			}
		}
	}
	return all
}
