package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

// limits are the facts that language runtimes plan with. While a resize is
// pending, it is the smaller of what is wanted and what is in force.
func limits() []watch.Path { return []watch.Path{"limits.memory", "limits.cpu"} }

// runtimeGo leaves a tenth of the memory to what the Go runtime does not
// count: stacks of C, mapped files, the kernel's share.
func runtimeGo() Preset {
	p := Preset{name: "go", names: []string{"GOMEMLIMIT", "GOMAXPROCS"}, paths: limits(),
		doc: "GOMEMLIMIT (90 % of limits.memory, bytes), GOMAXPROCS (limits.cpu, rounded up)"}
	p.make = func(c presetContext) ([]Variable, []error) {
		memory, errMemory := c.limit("GOMEMLIMIT", "limits.memory", 90, "1")
		cpu, errCPU := c.limit("GOMAXPROCS", "limits.cpu", 0, "1")
		return c.made(p, []Variable{memory, cpu}, errMemory, errCPU)
	}
	return p
}

// runtimeJVM gives three quarters to the heap; metaspace, threads and direct
// buffers share the rest.
func runtimeJVM() Preset {
	const name = "JAVA_TOOL_OPTIONS"
	p := Preset{name: "jvm", names: []string{name}, paths: limits(),
		doc: "JAVA_TOOL_OPTIONS (-Xmx 75 % of limits.memory, -XX:ActiveProcessorCount)"}
	p.make = func(c presetContext) ([]Variable, []error) {
		memory, errMemory := c.limit(name, "limits.memory", 75, "1Mi")
		cpu, errCPU := c.limit(name, "limits.cpu", 0, "1")
		var options []string
		if memory.Name != "" {
			options = append(options, "-Xmx"+memory.Value+"m")
		}
		if cpu.Name != "" {
			options = append(options, "-XX:ActiveProcessorCount="+cpu.Value)
		}
		v := Variable{Name: cmp.Or(memory.Name, cpu.Name), Value: strings.Join(options, " "), From: cmp.Or(memory.From, cpu.From)}
		return c.made(p, []Variable{v}, errMemory, errCPU)
	}
	return p
}

// runtimeNodeJS sizes V8's old space to three quarters of the memory.
func runtimeNodeJS() Preset {
	p := Preset{name: "nodejs", names: []string{"NODE_OPTIONS"}, paths: limits()[:1],
		doc: "NODE_OPTIONS (--max-old-space-size, 75 % of limits.memory, MiB)"}
	p.make = func(c presetContext) ([]Variable, []error) {
		v, err := c.limit("NODE_OPTIONS", "limits.memory", 75, "1Mi")
		v.Value = "--max-old-space-size=" + v.Value
		return c.made(p, []Variable{v}, err)
	}
	return p
}

// limit makes one variable of a limit, which must be set. The zero Variable
// says that the limit is not known, or that an env entry sets the variable.
func (c presetContext) limit(name string, path watch.Path, percent float64, divisor string) (Variable, error) {
	if c.env.sets(name) {
		return Variable{}, nil
	}
	f, ok, err := c.headroom(path)
	if !ok {
		return Variable{}, err
	}
	if f.Unset {
		return Variable{}, fmt.Errorf("%s: %s is not set on the pod, and the node's allocatable is no limit to plan with; set the limit, or set %s by an env entry with allowUnset: true",
			name, f.Path, name)
	}
	value, err := share(f, percent, resource.MustParse(divisor))
	if err != nil {
		return Variable{}, err
	}
	if value == "0" {
		value = "1" // to most runtimes 0 means no limit at all
	}
	return Variable{Name: name, Value: value, From: f.Path}, nil
}

// made drops what could not be made. Nothing at all is an error, unless env
// entries set what the preset would.
func (c presetContext) made(p Preset, variables []Variable, problems ...error) ([]Variable, []error) {
	variables = slices.DeleteFunc(variables, func(v Variable) bool { return v.Name == "" })
	errs := slices.DeleteFunc(problems, func(err error) bool { return err == nil })
	if len(variables) == 0 && len(errs) == 0 && !slices.ContainsFunc(p.names, c.env.sets) {
		return nil, c.nothing(p.paths...)
	}
	return variables, errs
}
