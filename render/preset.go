package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

// Preset is a named collection of variables. It writes those whose facts are
// known, and fails where none is.
type Preset struct {
	name, doc string
	names     []string     // the variables, where they do not depend on the pod
	paths     []watch.Path // what it can use
	make      func(presetContext) ([]Variable, []error)
}

// String is the preset's name.
func (p Preset) String() string { return p.name }

// Doc says in one line what it writes.
func (p Preset) Doc() string { return p.doc }

// Presets lists every preset.
func Presets() []Preset {
	return []Preset{
		simple("pod",
			pair{"POD_NAME", watch.PodName},
			pair{"POD_NAMESPACE", watch.PodNamespace},
			pair{"POD_UID", watch.PodUID},
			pair{"POD_IP", watch.PodIP},
			pair{"POD_IPS", watch.PodIPs},
			pair{"HOST_IP", watch.PodHostIP},
			pair{"NODE_NAME", watch.NodeName},
			pair{"SERVICE_ACCOUNT", watch.PodServiceAccountName}),
		keys("labels", "POD_LABEL_<KEY> for each label", "POD_LABEL_", watch.PodLabels),
		keys("annotations", "POD_ANNOTATION_<KEY> for each annotation", "POD_ANNOTATION_", watch.PodAnnotations),
		resources(),
		simple("node",
			pair{"NODE_NAME", watch.NodeName},
			pair{"NODE_IP", watch.NodeIP},
			pair{"NODE_ZONE", watch.NodeZone},
			pair{"NODE_REGION", watch.NodeRegion},
			pair{"NODE_INSTANCE_TYPE", "node.instanceType"},
			pair{"NODE_ARCH", "node.arch"},
			pair{"NODE_OS", "node.os"}),
		simple("workload",
			pair{"WORKLOAD_KIND", watch.WorkloadKind},
			pair{"WORKLOAD_NAME", watch.WorkloadName},
			pair{"WORKLOAD_REPLICAS", "workload.replicas"},
			pair{"OWNER_KIND", watch.OwnerKind},
			pair{"OWNER_NAME", watch.OwnerName},
			pair{"POD_ORDINAL", watch.PodOrdinal}),
		otel(),
		runtimeGo(),
		runtimeJVM(),
		runtimeNodeJS(),
	}
}

// LookupPreset finds a preset by its name.
func LookupPreset(name string) (Preset, bool) {
	for _, p := range Presets() {
		if p.name == name {
			return p, true
		}
	}
	return Preset{}, false
}

// presetContext is what a preset makes its variables from.
type presetContext struct {
	s   *watch.Snapshot
	env *Env
}

// fact looks a fact up; a missing one is no error.
func (c presetContext) fact(p watch.Path) (watch.Fact, bool, error) {
	f, err := c.s.Lookup(c.env.path(p))
	if watch.IsMissing(err) {
		return f, false, nil
	}
	return f, err == nil, err
}

// headroom is fact, for a limit to plan with.
func (c presetContext) headroom(p watch.Path) (watch.Fact, bool, error) {
	f, err := c.s.Headroom(c.env.path(p))
	if watch.IsMissing(err) {
		return f, false, nil
	}
	return f, err == nil, err
}

// text is a fact as a string, empty where it is missing.
func (c presetContext) text(p watch.Path) string {
	if f, ok, _ := c.fact(p); ok {
		s, _ := Text(f)
		return s
	}
	return ""
}

type pair struct {
	name string
	path watch.Path
}

// simple is a preset of one fact a variable.
func simple(name string, pairs ...pair) Preset {
	p := Preset{name: name}
	for _, pair := range pairs {
		p.names, p.paths = append(p.names, pair.name), append(p.paths, pair.path)
	}
	p.doc = strings.Join(p.names, ", ")
	p.make = func(c presetContext) ([]Variable, []error) {
		var variables []Variable
		for _, pair := range pairs {
			if value := c.text(pair.path); value != "" {
				variables = append(variables, Variable{Name: pair.name, Value: value, From: pair.path})
			}
		}
		if len(variables) == 0 {
			return nil, c.nothing(p.paths...)
		}
		return variables, nil
	}
	return p
}

// nothing explains why a preset has nothing to write, by the first fact that
// is missing.
func (c presetContext) nothing(paths ...watch.Path) []error {
	for _, p := range paths {
		if _, err := c.s.Lookup(c.env.path(p)); err != nil {
			return []error{fmt.Errorf("%w: %w", errNothingKnown, err)}
		}
	}
	return []error{errNothingKnown}
}

// keys is a preset of one variable for each key of a map. An empty map gives
// none; one that no source knows is an error.
func keys(name, doc, prefix string, path watch.Path) Preset {
	return Preset{name: name, doc: doc, paths: []watch.Path{path}, make: func(c presetContext) ([]Variable, []error) {
		f, err := c.s.Lookup(path)
		if err != nil {
			return nil, []error{err}
		}
		values, _ := f.Value.(map[string]string)
		var variables []Variable
		for _, key := range slices.Sorted(maps.Keys(values)) {
			variables = append(variables, Variable{Name: envfile.NameFromKey(prefix + key), Value: values[key], From: path.Key(key)})
		}
		return variables, nil
	}}
}

// resources writes numbers that programs can use without a quantity parser.
// What nobody set is left out: it is no limit.
func resources() Preset {
	return Preset{
		name:  "resources",
		doc:   "<CONTAINER>_CPU_LIMIT_MILLICORES, <CONTAINER>_MEMORY_LIMIT_BYTES and so on, with REQUEST and ALLOCATED",
		paths: []watch.Path{"containers"},
		make: func(c presetContext) ([]Variable, []error) {
			containers, _ := c.s.Tree()["containers"].(map[string]any)
			var variables []Variable
			var errs []error
			for _, name := range slices.Sorted(maps.Keys(containers)) {
				made, err := c.containerResources(name)
				variables, errs = append(variables, made...), append(errs, err...)
			}
			if len(variables) == 0 && len(errs) == 0 {
				return nil, []error{fmt.Errorf("%w: no source gives limits or requests that are set", errNothingKnown)}
			}
			return variables, errs
		},
	}
}

// containerResources makes the variables of one container.
func (c presetContext) containerResources(container string) (variables []Variable, errs []error) {
	for _, g := range []struct{ group, suffix string }{{"limits", "_LIMIT"}, {"requests", "_REQUEST"}, {"allocated", "_ALLOCATED"}} {
		path := watch.Path("containers").Key(container).Key(g.group)
		group, _, _ := c.fact(path)
		amounts, _ := group.Value.(map[string]string)
		for _, name := range slices.Sorted(maps.Keys(amounts)) {
			f, err := c.s.Lookup(path.Key(name))
			if err != nil || f.Unset {
				continue
			}
			unit, divisor := "", resource.MustParse("1")
			switch {
			case name == "cpu":
				unit, divisor = "_MILLICORES", resource.MustParse("1m")
			case isBytes(name):
				unit = "_BYTES"
			}
			value, err := share(f, 0, divisor)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			variables = append(variables, Variable{Name: envfile.NameFromKey(container + "_" + name + g.suffix + unit), Value: value, From: f.Path})
		}
	}
	return variables, errs
}

func isBytes(resourceName string) bool {
	return resourceName == "memory" || resourceName == "ephemeral-storage" || resourceName == "storage" ||
		strings.HasPrefix(resourceName, "hugepages-")
}

// errNothingKnown is why a preset writes nothing.
var errNothingKnown = errors.New("none of its facts is known")
