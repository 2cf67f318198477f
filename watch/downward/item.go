package downward

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward/ref"
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
	var d ref.Decoder
	d.Known("", spec, "path", "fieldRef", "resourceFieldRef", "mode")
	item := Item{Path: d.Text(spec, "path")}
	d.Fail(checkPath(item.Path))
	item.Fact, item.Divisor = d.Ref(spec, ref.Volume)
	if !d.OK() {
		return Item{}, d.Done("item", item.Path)
	}
	return item, nil
}

// Validate reports what Kubernetes would refuse.
// Kubernetes: pkg/apis/core/validation, validateDownwardAPIVolumeFile.
func (i Item) Validate() error {
	var d ref.Decoder
	d.Fail(checkPath(i.Path))
	d.Fail(ref.Volume.Check(i.Fact, i.Divisor))
	return d.Done("item", i.Path)
}

// Resource splits the fact of a limit or request: main, limits and cpu. ok is
// false for other facts.
func (i Item) Resource() (container, kind, name string, ok bool) { return ref.Resource(i.Fact) }

// String writes the item as one line of YAML, ready for a pod spec.
func (i Item) String() string {
	return fmt.Sprintf("{path: %s, %s}", i.Path, ref.Volume.YAML(i.Fact, i.Divisor))
}

// clean is the path as the kubelet makes it a file.
func (i Item) clean() string { return path.Clean(i.Path) }

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
