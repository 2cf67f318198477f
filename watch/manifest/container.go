package manifest

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch/object"
)

// mount adds the volumes that a container mounts.
func (c *Container) mount(spec map[string]any, volumes map[string]*Volume) {
	c.image = object.Text(spec, "image")
	if command, _ := spec["command"].([]any); len(command) > 0 {
		c.program, _ = command[0].(string)
	}
	for _, m := range object.List(spec, "volumeMounts") {
		v := volumes[object.Text(m, "name")]
		if v == nil || object.Text(m, "subPath") != "" || object.Text(m, "subPathExpr") != "" {
			continue
		}
		mounted := *v
		mounted.Dir = path.Clean(object.Text(m, "mountPath"))
		c.add(mounted)
	}
}

// add keeps the first volume of a directory.
func (c *Container) add(v Volume) {
	if v.Dir == serviceAccountDir {
		if c.ServiceAccount == nil {
			c.ServiceAccount = &v
		}
		return
	}
	i, taken := slices.BinarySearchFunc(c.Volumes, v.Dir, func(v Volume, dir string) int { return cmp.Compare(v.Dir, dir) })
	if !taken {
		c.Volumes = slices.Insert(c.Volumes, i, v)
	}
}

// mountsToken looks for a projected token, or for a Secret in its usual place.
func mountsToken(spec map[string]any, volumes []map[string]any) bool {
	for _, m := range object.List(spec, "volumeMounts") {
		for _, v := range volumes {
			if object.Text(v, "name") != object.Text(m, "name") {
				continue
			}
			projected := slices.ContainsFunc(object.List(v, "projected", "sources"), func(source map[string]any) bool {
				return object.Map(source, "serviceAccountToken") != nil
			})
			if projected || object.Map(v, "secret") != nil && path.Clean(object.Text(m, "mountPath")) == serviceAccountDir {
				return true
			}
		}
	}
	return false
}

// ours reports whether a container is podfacts itself, or begins as such.
func (c Container) ours() bool {
	image, _, _ := strings.Cut(path.Base(c.image), "@")
	return strings.HasPrefix(c.Name, "podfacts") || strings.HasPrefix(image, "podfacts") || path.Base(c.program) == "podfacts"
}

// union is what all containers see.
func (p *Projection) union() Container {
	all := Container{Env: make(map[string]string), Unknown: make(map[string]string)}
	for _, c := range p.Containers {
		for _, v := range c.Volumes {
			all.add(v)
		}
		if c.ServiceAccount != nil {
			all.add(*c.ServiceAccount)
		}
		all.Token = all.Token || c.Token
		for name, reason := range c.Unknown {
			if _, known := all.Env[name]; !known {
				setDefaultText(all.Unknown, name, reason)
			}
		}
		for name, value := range c.Env {
			if _, unknown := all.Unknown[name]; !unknown {
				setDefaultText(all.Env, name, value)
			}
		}
	}
	return all
}

func setDefaultText(m map[string]string, key, value string) {
	if _, ok := m[key]; !ok {
		m[key] = value
	}
}
