package inject

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch/object"
)

// A Problem is why a pod cannot be injected, and what to do.
type Problem struct {
	Message string
	// Path leads to what is wrong, from the pod or template on: keys, and
	// indices of lists.
	Path []string
}

// problems finds everything that is wrong, in the order and the words of the
// policies.
func (w *wish) problems() []Problem {
	p := &problems{wish: w}
	if w.mode != modeInit && w.mode != modeSidecar {
		p.add([]string{"metadata", "labels", Label}, "label %s is \"%s\", but must be init, sidecar or none", Label, w.mode)
	}
	p.values()
	if w.marked {
		p.mark()
	} else {
		p.collisions()
	}
	return p.found
}

type problems struct {
	*wish
	found []Problem
}

func (p *problems) add(path []string, format string, args ...any) {
	message := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", `\n`)
	p.found = append(p.found, Problem{message, path})
}

// annotation checks the value of an annotation that is there.
func (p *problems) annotation(name string, check func(value string, wrong func(format string, args ...any))) {
	if value, ok := p.annotations[name]; ok {
		check(value, func(format string, args ...any) {
			p.add([]string{"metadata", "annotations", name}, "annotation "+name+" "+format, args...)
		})
	}
}

// values checks what the annotations say.
func (p *problems) values() {
	for _, name := range slices.Sorted(maps.Keys(p.annotations)) {
		if strings.HasPrefix(name, prefix) && !slices.Contains(annotationNames(), name) {
			p.add([]string{"metadata", "annotations", name}, "annotation %s is unknown; there are %s", name, list(settableNames()))
		}
	}
	type wrong = func(format string, args ...any)
	p.annotation(prefix+"config", func(value string, wrong wrong) {
		if len(value) > 253 || !pattern(configPattern).MatchString(value) {
			wrong("is \"%s\", but must be the name of a ConfigMap", value)
		}
	})
	p.annotation(prefix+"presets", func(value string, wrong wrong) {
		for _, name := range split(value) {
			if !slices.Contains(config.Presets(), name) {
				wrong("names \"%s\", but there are %s", name, list(config.Presets()))
			}
		}
	})
	p.annotation(prefix+"format", func(value string, wrong wrong) {
		if !slices.Contains(config.Dialects(), value) {
			wrong("is \"%s\", but must be %s", value, list(config.Dialects()))
		}
		if !p.envFile {
			wrong("is for presets, but there are none beside %[1]sconfig; add %[1]spresets, or set the format in the configuration", prefix)
		}
	})
	p.annotation(prefix+"api", func(value string, wrong wrong) {
		if !slices.Contains(config.APIModes(), value) {
			wrong("is \"%s\", but must be %s", value, list(config.APIModes()))
		}
	})
	p.annotation(prefix+"listen", func(value string, wrong wrong) {
		if !pattern(listenPattern).MatchString(value) {
			wrong("is \"%s\", but must be an address such as 127.0.0.1:9300, or :9300 for everyone", value)
		}
		if p.mode == modeInit {
			wrong("is for sidecars; set the label %s to sidecar, or remove it", Label)
		}
	})
	p.annotation(prefix+"output-dir", func(value string, wrong wrong) {
		if !validDir(value) {
			wrong("is \"%s\", but must be %s", value, dirRule())
		}
	})
	p.annotation(prefix+"image", func(value string, wrong wrong) {
		switch {
		case pattern(imagePattern).MatchString(value) && p.allows(value):
		case len(p.AllowedImages) == 0:
			wrong("is \"%s\", but the image cannot be chosen here; remove it", value)
		default:
			wrong("is \"%s\", but must be one of %s", value, list(p.AllowedImages))
		}
	})
	p.annotation(prefix+"containers", func(_ string, wrong wrong) {
		for _, name := range p.selected {
			if !slices.Contains(p.names(), name) {
				wrong("names \"%s\", but there are %s", name, list(p.names()))
			}
		}
	})
}

// pathOf leads to a container, by its index among all.
func (w *wish) pathOf(i int) []string {
	if i < len(w.containers) {
		return []string{"spec", "containers", strconv.Itoa(i)}
	}
	return []string{"spec", "initContainers", strconv.Itoa(i - len(w.containers))}
}

// allows reports whether pods may name an image. What is allowed is an image,
// with any tag, or everything below a slash.
func (s Settings) allows(image string) bool {
	return slices.ContainsFunc(s.AllowedImages, func(allowed string) bool {
		return image == allowed || strings.HasPrefix(image, allowed+":") || strings.HasPrefix(image, allowed+"@") ||
			strings.HasSuffix(allowed, "/") && strings.HasPrefix(image, allowed)
	})
}

// mark checks what has been injected before.
func (p *problems) mark() {
	p.annotation(Mark, func(value string, wrong func(string, ...any)) {
		if value != p.mode {
			wrong("is \"%s\", but the label asks for %s; inject the original again", value, p.mode)
		}
		if !slices.ContainsFunc(p.initContainers, func(c map[string]any) bool { return object.Text(c, "name") == containerName }) {
			wrong("is there, but no init container %s; remove the annotation", containerName)
		}
	})
}

// collisions finds what is there already under the names that injection uses.
func (p *problems) collisions() {
	if p.windows {
		p.add(nil, "podfacts does not run on Windows; set the label %s to none", Label)
	}
	for _, name := range p.volumeNames() {
		named := func(v map[string]any) bool { return object.Text(v, "name") == name }
		volumes := items(p.spec, "volumes")
		if i := slices.IndexFunc(volumes, named); i >= 0 {
			p.add([]string{"spec", "volumes", strconv.Itoa(i)}, "there is a volume %s already; rename it, or set the label %s to none", name, Label)
		} else if slices.Contains(p.Claims, name) {
			p.add(nil, "there is a volume %s already; rename it, or set the label %s to none", name, Label)
		}
	}
	for i, c := range p.all() {
		if object.Text(c, "name") == containerName {
			p.add(p.pathOf(i), "there is a container %s already; rename it, or set the label %s to none", containerName, Label)
		}
	}
	for i, name := range p.names() {
		if slices.Contains(p.occupied, name) && slices.Contains(p.selected, name) {
			p.add(p.pathOf(i), "container %s has a mount in the way of %s; choose another directory with the annotation %soutput-dir", name, p.dir, prefix)
		}
	}
}
