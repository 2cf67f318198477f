package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/serve"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
	"github.com/podfacts/podfacts/watch/environ"
)

// ServeName names what other containers are shown, where others have the path of a
// file.
const ServeName = "serve"

// Serve says where other containers may ask for facts, and for which.
type Serve struct {
	// Listen is the address: on loopback, or a unix socket. Empty: nowhere.
	Listen string
	// SocketMode is the permissions of the socket. Zero: 0660.
	SocketMode fs.FileMode
	// Expose lists what is shown. Nil: see [Config.Shown].
	Expose []Exposed
}

// Exposed is a fact, a map or a group that whoever asks may see.
type Exposed struct {
	Path watch.Path
	// Asked: somebody has named it, so that it is a need like that of an output,
	// and shown though it is a Secret.
	Asked bool
	// By says who has: "podfacts.yaml:12".
	By string
}

// Needs are those of what has been named. All of them are optional: what is
// missing is missing to who asks for it.
func (s *Serve) Needs() watch.Needs {
	var needs watch.Needs
	for _, e := range s.Expose {
		if e.Asked {
			needs = append(needs, watch.Need{Path: e.Path, Optional: true, By: e.By})
		}
	}
	return needs
}

// ownFacts are those that say who a pod is, and that need nobody's permission.
func ownFacts() []watch.Path {
	return []watch.Path{"pod", "containers", "owner", "workload.kind", "workload.name", watch.NamespaceName, watch.NodeName, watch.NodeZone, watch.NodeRegion}
}

// Shown is what is exposed: what the configuration names, and where it names
// nothing, who the pod is and what outputs are made of that everybody may read, as
// far as that is known anyway.
func (c *Config) Shown() []Exposed {
	if c.Serve.Expose != nil {
		return c.Serve.Expose
	}
	var all []Exposed
	for _, p := range ownFacts() {
		all = append(all, Exposed{Path: p})
	}
	for _, o := range c.Outputs {
		if o.Take != nil || !readable(o) {
			continue
		}
		for _, p := range o.Renderer.Needs().Paths() {
			if !slices.ContainsFunc(all, func(e Exposed) bool { return e.Path.Covers(p) }) {
				all = append(all, Exposed{Path: p})
			}
		}
	}
	return all
}

// readable reports whether everybody may read an output who sees the file.
func readable(o agent.Output) bool {
	const others = 0o004
	return cmp.Or(o.File.Mode, 0o644)&others != 0
}

// Expose reads the name of a fact that is to be shown. by stands in needs.
func (c *Config) Expose(name, by string) (Exposed, error) {
	p, err := watch.ParsePath(name)
	if err != nil {
		return Exposed{}, err
	}
	p = render.InContainer(p, c.Container)
	switch s := p.Segments(); {
	case len(s) == 2 && s[0] == "env" && !slices.ContainsFunc(c.Environment, func(v environ.Var) bool { return v.Name == s[1] }):
		return Exposed{}, fmt.Errorf("variable %s is not listed, so it is not read; add {name: %s} to environment", s[1], s[1])
	case len(s) > 1 && s[0] == "objects" && !slices.ContainsFunc(c.API.Objects, func(o apiserver.Object) bool { return o.ID == s[1] }):
		return Exposed{}, fmt.Errorf("there is no object with the id %s; add it to api.objects", s[1])
	}
	group := p.Segments()[0]
	if kind, _ := watch.KindOf(watch.Path(group)); kind == watch.Objects && p != watch.Path(group) {
		return Exposed{}, fmt.Errorf("%s lies in a list; expose all of %s, or leave it out", p, group)
	}
	return Exposed{Path: p, Asked: true, By: by}, nil
}

// serve reads the mapping serve.
func (r *reader) serve(n *yaml.Node) {
	s := &r.config.Serve
	r.mapping(n, "serve",
		field{"listen", func(n *yaml.Node) {
			r.text("serve.listen", &s.Listen)(n)
			if err := CheckServe(s.Listen); err != nil {
				r.fail(n, "serve.listen: %w", err)
			}
		}},
		field{"socketMode", func(n *yaml.Node) { s.SocketMode = r.socketMode("serve.socketMode", n) }},
		field{"expose", func(n *yaml.Node) {
			s.Expose = []Exposed{} // an empty list exposes nothing
			r.list("serve.expose", r.expose)(n)
		}})
}

func (r *reader) expose(n *yaml.Node) {
	var name string
	r.text("an item of serve.expose", &name)(n)
	e, err := r.config.Expose(name, r.where(n))
	if err != nil {
		r.fail(n, "serve.expose: %w", err)
		return
	}
	r.config.Serve.Expose = append(r.config.Serve.Expose, e)
}

// CheckServe reports what is wrong with an address to serve facts on.
func CheckServe(address string) error {
	return checkLocal(address, "facts are for the containers of the pod")
}

// checkLocal reports what is wrong with an address. One that others than the
// containers of the pod can reach is, and because says why.
func checkLocal(address, because string) error {
	_, err := serve.Parse(address, false)
	if errors.Is(err, serve.ErrElsewhere) {
		return fmt.Errorf("%w; %s", err, because)
	}
	return err
}

// socketMode reads octal permission bits of a socket, quoted or not. Whoever may
// write to it may ask.
func (r *reader) socketMode(what string, n *yaml.Node) fs.FileMode {
	mode, err := strconv.ParseUint(strings.TrimPrefix(n.Value, "0o"), 8, 32)
	if n.Kind != yaml.ScalarNode || err != nil || mode == 0 || mode > 0o777 {
		r.fail(n, `%s is %s, but must be octal permissions such as "0660"`, what, describe(n))
		return 0
	}
	return fs.FileMode(mode)
}
