package downward

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

// Item says what one file of a volume holds: an entry of downwardAPI.items.
// Code writes it as a literal:
//
//	Item{Path: "labels", Fact: watch.PodLabels}
//	Item{Path: "cpu", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("1m")}
//
// What comes from outside goes through [ItemFrom].
type Item struct {
	// Path is the file, relative to the volume.
	Path string
	// Fact is what it holds: the pod's name, namespace, uid, labels or
	// annotations, one label or annotation, or a limit or request of a
	// container.
	Fact watch.Path
	// Divisor is the unit of a limit or request. Zero means 1.
	Divisor resource.Quantity
}

// ItemFrom reads an item as a pod spec and the configuration write it,
// decoded from YAML or JSON:
//
//	{path: labels, fieldRef: {fieldPath: metadata.labels}}
//	{path: cpu, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}
//
// It refuses what Kubernetes refuses, and reports every mistake.
func ItemFrom(spec map[string]any) (Item, error) {
	d := decoder{}
	d.known("", spec, "path", "fieldRef", "resourceFieldRef", "mode")
	item := Item{Path: d.text("path", spec["path"])}
	field, resourceField := d.object("fieldRef", spec), d.object("resourceFieldRef", spec)
	switch {
	case field != nil && resourceField != nil:
		d.fail("fieldRef and resourceFieldRef exclude each other")
	case field != nil:
		item.Fact = d.field(field)
	case resourceField != nil:
		item.Fact, item.Divisor = d.resource(resourceField)
	case d.err == nil:
		d.fail("says neither fieldRef nor resourceFieldRef")
	}
	if d.err == nil {
		return item, item.Validate()
	}
	d.fail(checkPath(item.Path))
	return Item{}, d.done(item.Path)
}

// Validate reports what Kubernetes would refuse.
// Kubernetes: pkg/apis/core/validation, validateDownwardAPIVolumeFile.
func (i Item) Validate() error {
	d := decoder{}
	d.fail(checkPath(i.Path))
	if _, kind, name, ok := i.Resource(); ok {
		if !knownResource(name) {
			d.fail(fmt.Sprintf("resource %q is none that a volume can hold; use cpu, memory, ephemeral-storage or hugepages-*", kind+"."+name))
		} else if err := watch.CheckDivisor(name, i.Divisor); err != nil {
			d.fail(err.Error())
		}
	} else if fieldPath(i.Fact) == "" {
		d.fail(fmt.Sprintf("%s is not in the reach of a volume; it can hold metadata.name, .namespace, .uid, .labels, "+
			".annotations, metadata.labels['key'], metadata.annotations['key'], limits and requests", i.Fact))
	} else if parent, key := i.Fact.Parent(); parent == watch.PodLabels && !qualifiedName(key) ||
		parent == watch.PodAnnotations && !qualifiedName(strings.ToLower(key)) {
		d.fail(fmt.Sprintf("%q cannot be the key of a label or annotation", key))
	}
	return d.done(i.Path)
}

// Resource splits the fact of a limit or request: main, limits and cpu. ok is
// false for other facts.
func (i Item) Resource() (container, kind, name string, ok bool) { return resourceOf(i.Fact) }

// String writes the item as one line of YAML, ready for a pod spec.
func (i Item) String() string {
	container, kind, name, ok := i.Resource()
	if !ok {
		return fmt.Sprintf("{path: %s, fieldRef: {fieldPath: %s}}", i.Path, quoteFlow(fieldPath(i.Fact)))
	}
	divisor := ""
	if !i.Divisor.IsZero() {
		divisor = ", divisor: " + i.Divisor.String()
	}
	return fmt.Sprintf("{path: %s, resourceFieldRef: {containerName: %s, resource: %s.%s%s}}", i.Path, container, kind, name, divisor)
}

// quoteFlow quotes a subscripted field path, whose brackets mean a list in
// YAML's flow style.
func quoteFlow(s string) string {
	if strings.ContainsRune(s, '[') {
		return `"` + s + `"`
	}
	return s
}

// clean is the path as the kubelet makes it a file.
func (i Item) clean() string { return path.Clean(i.Path) }

// fieldPath translates a fact into the field path of a volume item, and
// anything that a volume cannot hold into the empty string.
func fieldPath(p watch.Path) string {
	whole := p
	if parent, _ := p.Parent(); parent == watch.PodLabels || parent == watch.PodAnnotations {
		whole = parent
	}
	switch whole {
	case watch.PodName, watch.PodNamespace, watch.PodUID, watch.PodLabels, watch.PodAnnotations:
		return "metadata" + strings.TrimPrefix(string(p), "pod")
	}
	return ""
}

func resourceOf(p watch.Path) (container, kind, name string, ok bool) {
	s := p.Segments()
	if len(s) != 4 || s[0] != "containers" || s[2] != "limits" && s[2] != "requests" {
		return "", "", "", false
	}
	return s[1], s[2], s[3], true
}

func resourcePath(container, kind, name string) watch.Path {
	return watch.Path("containers").Key(container).Key(kind).Key(name)
}

// knownResource reports whether Kubernetes projects a resource.
// Kubernetes: pkg/apis/core/validation, validContainerResourceFieldPathExpressions.
func knownResource(name string) bool {
	return name == "cpu" || name == "memory" || name == "ephemeral-storage" || strings.HasPrefix(name, "hugepages-")
}

// checkPath is Kubernetes' ValidateLocalNonReservedPath, and refuses the
// volume itself.
func checkPath(p string) string {
	switch {
	case p == "":
		return "has no path"
	case path.IsAbs(p):
		return "path must be relative to the volume"
	case slices.Contains(strings.Split(p, "/"), ".."):
		return `path must not contain ".."`
	case strings.HasPrefix(p, ".."):
		return `path must not start with ".."`
	case path.Clean(p) == ".":
		return "path names no file"
	}
	return ""
}

// decoder reads one item and collects what is wrong with it.
type decoder struct{ err *multierror.Error }

func (d *decoder) fail(complaint string) {
	if complaint != "" {
		d.err = multierror.Append(d.err, errors.New(complaint))
	}
}

// done names the item in each complaint.
func (d *decoder) done(path string) error {
	if d.err == nil {
		return nil
	}
	for i, err := range d.err.Errors {
		d.err.Errors[i] = fmt.Errorf("item %q: %w", path, err)
	}
	return d.err
}

func (d *decoder) known(where string, object map[string]any, names ...string) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if slices.Contains(names, key) {
			continue
		}
		complaint := fmt.Sprintf("unknown key %q", strings.TrimPrefix(where+"."+key, "."))
		if nearest := watch.Nearest(key, names); nearest != "" {
			complaint += fmt.Sprintf("; did you mean %q?", nearest)
		}
		d.fail(complaint)
	}
}

func (d *decoder) object(name string, parent map[string]any) map[string]any {
	switch v := parent[name].(type) {
	case nil:
	case map[string]any:
		return v
	default:
		d.fail(name + " is not a map")
	}
	return nil
}

func (d *decoder) text(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	d.fail(name + " is not a string")
	return ""
}

func (d *decoder) field(ref map[string]any) watch.Path {
	d.known("fieldRef", ref, "fieldPath", "apiVersion")
	if v := d.text("fieldRef.apiVersion", ref["apiVersion"]); v != "" && v != "v1" {
		d.fail(fmt.Sprintf("fieldRef.apiVersion %q is not v1", v))
	}
	s := d.text("fieldRef.fieldPath", ref["fieldPath"])
	if s == "" {
		d.fail("fieldRef has no fieldPath")
		return ""
	}
	p, err := watch.ParsePath(s)
	if err != nil || fieldPath(p) != s {
		d.fail(fmt.Sprintf("fieldPath %q is none that a volume can hold; use metadata.name, .namespace, .uid, .labels, "+
			".annotations, metadata.labels['key'] or metadata.annotations['key']", s))
		return ""
	}
	return p
}

func (d *decoder) resource(ref map[string]any) (p watch.Path, divisor resource.Quantity) {
	d.known("resourceFieldRef", ref, "containerName", "resource", "divisor")
	container := d.text("resourceFieldRef.containerName", ref["containerName"])
	if container == "" {
		d.fail("resourceFieldRef has no containerName; volumes need it")
	} else if !dnsLabel(container) {
		d.fail(fmt.Sprintf("containerName %q cannot be the name of a container", container))
	}
	s := d.text("resourceFieldRef.resource", ref["resource"])
	kind, name, _ := strings.Cut(s, ".")
	if kind != "limits" && kind != "requests" || !knownResource(name) {
		d.fail(fmt.Sprintf("resource %q is none that a volume can hold; use limits or requests of cpu, memory, "+
			"ephemeral-storage or hugepages-*, such as limits.cpu", s))
	}
	if v := ref["divisor"]; v != nil {
		var err error
		if divisor, err = watch.ParseQuantity(fmt.Sprint(v)); err != nil {
			d.fail(fmt.Sprintf("divisor %v is not a quantity such as 1m or 1Mi", v))
		}
	}
	return resourcePath(container, kind, name), divisor
}
