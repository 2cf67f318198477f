package render

import (
	"cmp"
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
	make      func(presetContext) ([]Variable, error)
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
	p.make = func(c presetContext) ([]Variable, error) {
		var variables []Variable
		for _, pair := range pairs {
			if value := c.text(pair.path); value != "" {
				variables = append(variables, Variable{Name: pair.name, Value: value, From: pair.path})
			}
		}
		if len(variables) == 0 {
			return nil, c.nothing(p.paths)
		}
		return variables, nil
	}
	return p
}

// nothing explains why a preset has nothing to write, by its first fact.
func (c presetContext) nothing(paths []watch.Path) error {
	_, err := c.s.Lookup(c.env.path(paths[0]))
	return errors.Join(errNothingKnown, err)
}

// keys is a preset of one variable for each key of a map. An empty map gives
// none; one that no source knows is an error.
func keys(name, doc, prefix string, path watch.Path) Preset {
	return Preset{name: name, doc: doc, paths: []watch.Path{path}, make: func(c presetContext) ([]Variable, error) {
		f, err := c.s.Lookup(path)
		if err != nil {
			return nil, err
		}
		values, ok := f.Value.(map[string]string)
		if !ok {
			return nil, fmt.Errorf("%s is not a map", path)
		}
		var variables []Variable
		for _, key := range slices.Sorted(maps.Keys(values)) {
			variables = append(variables, Variable{Name: prefix + envfile.NameFromKey(key), Value: values[key], From: path.Key(key)})
		}
		return variables, nil
	}}
}

// resources writes numbers that programs can use without a quantity parser.
// What nobody set is left out: it is no limit.
func resources() Preset {
	groups := []struct{ group, suffix string }{{"limits", "LIMIT"}, {"requests", "REQUEST"}, {"allocated", "ALLOCATED"}}
	return Preset{
		name:  "resources",
		doc:   "<CONTAINER>_CPU_LIMIT_MILLICORES, <CONTAINER>_MEMORY_LIMIT_BYTES and so on, with REQUEST and ALLOCATED",
		paths: []watch.Path{"containers"},
		make: func(c presetContext) ([]Variable, error) {
			containers, _ := c.s.Tree()["containers"].(map[string]any)
			var variables []Variable
			for _, name := range slices.Sorted(maps.Keys(containers)) {
				for _, g := range groups {
					path := watch.Path("containers").Key(name).Key(g.group)
					amounts, err := c.s.Lookup(path)
					if err != nil {
						continue
					}
					for _, resourceName := range slices.Sorted(maps.Keys(amounts.Value.(map[string]string))) {
						f, err := c.s.Lookup(path.Key(resourceName))
						if err != nil || f.Unset {
							continue
						}
						unit, divisor := "_BYTES", "1"
						switch {
						case resourceName == "cpu":
							unit, divisor = "_MILLICORES", "1m"
						case !isBytes(resourceName):
							unit = ""
						}
						value, err := share(f, 0, resource.MustParse(divisor))
						if err != nil {
							return nil, err
						}
						variables = append(variables, Variable{
							Name:  envfile.NameFromKey(name + "_" + resourceName + "_" + g.suffix + unit),
							Value: value, From: f.Path,
						})
					}
				}
			}
			if len(variables) == 0 {
				return nil, fmt.Errorf("%w: no source gives limits or requests that are set", errNothingKnown)
			}
			return variables, nil
		},
	}
}

func isBytes(resourceName string) bool {
	return resourceName == "memory" || resourceName == "ephemeral-storage" || resourceName == "storage" ||
		strings.HasPrefix(resourceName, "hugepages-")
}

// limited makes one variable of a limit that must be set.
func (c presetContext) limited(name string, path watch.Path, percent float64, divisor string) (Variable, bool, error) {
	if c.env.sets(name) {
		return Variable{}, false, nil
	}
	f, ok, err := c.fact(path)
	if !ok || err != nil {
		return Variable{}, false, err
	}
	if f.Unset {
		return Variable{}, false, fmt.Errorf("%s: %s is not set on the pod, and the node's allocatable is no limit to plan with; set the limit, or name %s by an env entry with allowUnset: true",
			name, f.Path, name)
	}
	value, err := share(f, percent, resource.MustParse(divisor))
	if value == "0" {
		value = "1" // a tenth of a processor still is one
	}
	return Variable{Name: name, Value: value, From: f.Path}, err == nil, err
}

// made drops what could not be made; nothing at all is an error.
func made(c presetContext, paths []watch.Path, errs error, variables ...Variable) ([]Variable, error) {
	variables = slices.DeleteFunc(variables, func(v Variable) bool { return v.Name == "" })
	if len(variables) == 0 && errs == nil {
		return nil, c.nothing(paths)
	}
	return variables, errs
}

func limitPaths() []watch.Path { return []watch.Path{"limits.memory", "limits.cpu"} }

// runtimeGo leaves a tenth of the memory to what the Go runtime does not
// count: stacks of C, mapped files, the kernel's share.
func runtimeGo() Preset {
	return Preset{name: "go", names: []string{"GOMEMLIMIT", "GOMAXPROCS"}, doc: "GOMEMLIMIT (90 % of limits.memory, bytes), GOMAXPROCS (limits.cpu, rounded up)",
		paths: limitPaths(),
		make: func(c presetContext) ([]Variable, error) {
			memory, _, errMemory := c.limited("GOMEMLIMIT", "limits.memory", 90, "1")
			cpu, _, errCPU := c.limited("GOMAXPROCS", "limits.cpu", 0, "1")
			return made(c, limitPaths(), errors.Join(errMemory, errCPU), memory, cpu)
		}}
}

// runtimeJVM gives three quarters to the heap; metaspace, threads and direct
// buffers share the rest.
func runtimeJVM() Preset {
	return Preset{name: "jvm", names: []string{"JAVA_TOOL_OPTIONS"}, doc: "JAVA_TOOL_OPTIONS (-Xmx 75 % of limits.memory, -XX:ActiveProcessorCount)",
		paths: limitPaths(),
		make: func(c presetContext) ([]Variable, error) {
			memory, hasMemory, errMemory := c.limited("JAVA_TOOL_OPTIONS", "limits.memory", 75, "1Mi")
			cpu, hasCPU, errCPU := c.limited("JAVA_TOOL_OPTIONS", "limits.cpu", 0, "1")
			if c.env.sets("JAVA_TOOL_OPTIONS") {
				return nil, nil
			}
			var options []string
			if hasMemory {
				options = append(options, "-Xmx"+memory.Value+"m")
			}
			if hasCPU {
				options = append(options, "-XX:ActiveProcessorCount="+cpu.Value)
			}
			v := Variable{Name: "JAVA_TOOL_OPTIONS", Value: strings.Join(options, " "), From: cmp.Or(memory.From, cpu.From)}
			if len(options) == 0 {
				v = Variable{}
			}
			return made(c, limitPaths(), errors.Join(errMemory, errCPU), v)
		}}
}

// runtimeNodeJS sizes V8's old space to three quarters of the memory.
func runtimeNodeJS() Preset {
	return Preset{name: "nodejs", names: []string{"NODE_OPTIONS"}, doc: "NODE_OPTIONS (--max-old-space-size, 75 % of limits.memory, MiB)",
		paths: limitPaths()[:1],
		make: func(c presetContext) ([]Variable, error) {
			v, ok, err := c.limited("NODE_OPTIONS", "limits.memory", 75, "1Mi")
			if ok {
				v.Value = "--max-old-space-size=" + v.Value
			}
			return made(c, limitPaths()[:1], err, v)
		}}
}
