package manifest

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/object"
)

// Projection is what the kubelet would give the containers of a pod.
type Projection struct {
	Containers []Container // app containers, then init containers, as in the spec
}

// Container is what one container sees.
type Container struct {
	Name string
	// Volumes are the downwardAPI volumes, and the projected volumes with a
	// downwardAPI source, sorted by Dir.
	Volumes []Volume
	// ServiceAccount is the volume with token and namespace, or nil where none
	// is mounted.
	ServiceAccount *Volume
	// Token says that a token of the pod's service account is mounted, be it there or
	// elsewhere.
	Token bool
	// Env is the environment that the spec declares.
	Env map[string]string
	// Unknown says why a declared variable has no value here; "*" stands for all
	// that envFrom adds.
	Unknown map[string]string

	image   string
	program string // that the spec starts, where it says so
}

// Volume is one volume as mounted.
type Volume struct {
	Name  string
	Dir   string          // where it is mounted
	Items []downward.Item // of its downwardAPI sources
	FS    fs.FS           // the files, without the kubelet's ..data
	// Unknown says why a file that the kubelet would write is not there.
	Unknown map[string]string
}

// Environ lists the environment as a process gets it, sorted.
func (c Container) Environ() []string {
	list := make([]string, 0, len(c.Env))
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		list = append(list, name+"="+c.Env[name])
	}
	return list
}

// Self is the container that podfacts runs in: the one named podfacts, or
// podfacts-something, or with an image of that name, or whose command is
// podfacts. Where the pod has none, it is
// what all containers see together, and the first to mount a directory or
// declare a variable wins; its Name is then empty.
func (p *Projection) Self() Container {
	if i := slices.IndexFunc(p.Containers, Container.ours); i >= 0 {
		return p.Containers[i]
	}
	return p.union()
}

// Project computes what the kubelet gives the containers of a pod. node may be
// nil: what depends on it is then left out and recorded as unknown.
//
// What only the kubelet adds, the annotations kubernetes.io/config.seen and
// .source, is left out. Mounts with a subPath are left out: they hold single
// files and are never updated. The error is a *multierror.Error of everything that
// the API server or the kubelet would refuse.
func Project(pod, node map[string]any) (*Projection, error) {
	k := newKubelet(pod, node)
	volumes := make(map[string]*Volume)
	for _, v := range object.List(pod, "spec", "volumes") {
		if volume := k.volume(v); volume != nil {
			volumes[volume.Name] = volume
		}
	}
	projection := &Projection{}
	for _, c := range object.Containers(pod) {
		container := Container{Name: object.Text(c, "name")}
		container.mount(c, volumes)
		container.Token = mountsToken(c, object.List(pod, "spec", "volumes"))
		k.environment(c, &container)
		projection.Containers = append(projection.Containers, container)
	}
	if err := k.ErrorOrNil(); err != nil {
		return nil, err
	}
	return projection, nil
}

// kubelet computes for one pod on one node.
type kubelet struct {
	mistakes

	pod, node           map[string]any
	labels, annotations map[string]string
	allocatable         map[string]string
}

func newKubelet(pod, node map[string]any) *kubelet {
	k := &kubelet{pod: pod, node: node}
	k.labels, k.annotations = object.Strings(pod, "metadata", "labels"), object.Strings(pod, "metadata", "annotations")
	if node != nil {
		k.allocatable = object.Allocatable(node)
	}
	maps.DeleteFunc(k.annotations, func(key, _ string) bool { return strings.HasPrefix(key, "kubernetes.io/config.") })
	return k
}

func (k *kubelet) fail(format string, args ...any) {
	k.add(fmt.Errorf("%s: %s", object.Name(k.pod), fmt.Sprintf(format, args...)))
}

// volume computes a volume that holds a downwardAPI source, or returns nil. A
// later source wins a path: pkg/volume/projected, collectData.
func (k *kubelet) volume(spec map[string]any) *Volume {
	v := &Volume{Name: object.Text(spec, "name"), Unknown: make(map[string]string)}
	files := make(map[string][]byte)
	sources := object.List(spec, "projected", "sources")
	if _, ok := spec["downwardAPI"]; ok {
		sources = []map[string]any{spec}
	}
	found := false
	for _, source := range sources {
		if _, ok := source["downwardAPI"]; ok {
			found = true
			for i, item := range object.List(source, "downwardAPI", "items") {
				k.item(v, files, i, item)
			}
		} else {
			foreign(v, source)
		}
	}
	if !found {
		return nil
	}
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, both := files[dir]; both {
				k.fail("volume %s: %s is a file, and the directory of %s", v.Name, dir, name)
			}
		}
	}
	v.FS = memory(files)
	return v
}

func (k *kubelet) item(v *Volume, files map[string][]byte, i int, spec map[string]any) {
	item, err := downward.ItemFrom(spec)
	if err != nil {
		for _, e := range watch.Errors(err) {
			k.fail("volume %s: item %d: %v", v.Name, i, e)
		}
		return
	}
	v.Items = append(v.Items, item)
	name := path.Clean(item.Path)
	delete(v.Unknown, name)
	delete(files, name)
	if container, kind, resourceName, ok := item.Resource(); ok {
		c := k.container(container)
		if c == nil {
			k.fail("volume %s: item %s: the pod has no container %s", v.Name, item.Path, container)
			return
		}
		q, unknown := k.amount(c, kind, resourceName, k.allocatable)
		if unknown {
			v.Unknown[name] = together(unsetReason(container, resourceName))
			return
		}
		files[name] = []byte(watch.DivideQuantity(resourceName, q, item.Divisor))
		return
	}
	files[name] = k.fieldFile(item.Fact)
}

// fieldFile is the file of a fieldRef. A label that is not there is an empty file.
// Kubernetes: pkg/fieldpath, ExtractFieldPathAsString.
func (k *kubelet) fieldFile(fact watch.Path) []byte {
	switch fact {
	case watch.PodLabels:
		return downward.FormatMap(k.labels)
	case watch.PodAnnotations:
		return downward.FormatMap(k.annotations)
	}
	value, _ := k.field(fact)
	return []byte(value)
}

// field is the text of a fact of the pod; known is false where only a cluster
// can say.
func (k *kubelet) field(fact watch.Path) (value string, known bool) {
	switch fact {
	case watch.PodName:
		return object.Text(k.pod, "metadata", "name"), true
	case watch.PodNamespace:
		return object.Text(k.pod, "metadata", "namespace"), true
	case watch.PodUID:
		return object.Text(k.pod, "metadata", "uid"), true
	case watch.PodServiceAccountName:
		return object.Text(k.pod, "spec", "serviceAccountName"), true
	case watch.PodNodeName:
		value = object.Text(k.pod, "spec", "nodeName")
	case watch.PodIP:
		value = object.Text(k.pod, "status", "podIP")
	case watch.PodHostIP:
		value = object.Text(k.pod, "status", "hostIP")
	case watch.PodIPs:
		value = addresses(k.pod, "podIP")
	case watch.PodHostIPs:
		value = addresses(k.pod, "hostIP")
	default:
		switch parent, key := fact.Parent(); parent {
		case watch.PodLabels:
			return k.labels[key], true
		case watch.PodAnnotations:
			return k.annotations[key], true
		}
	}
	return value, value != ""
}

// addresses joins a list of addresses as the kubelet does.
func addresses(pod map[string]any, field string) string {
	var ips []string
	for _, entry := range object.List(pod, "status", field+"s") {
		ips = append(ips, object.Text(entry, "ip"))
	}
	if len(ips) == 0 {
		return object.Text(pod, "status", field)
	}
	return strings.Join(ips, ",")
}

// amount is a limit or request. A limit of cpu, memory or ephemeral-storage that
// is unset or 0 is what allocatable says; it is unknown where that is nil.
// Kubernetes: pkg/api/v1/resource, MergeContainerResourceLimits.
func (k *kubelet) amount(container map[string]any, kind, name string, allocatable map[string]string) (q resource.Quantity, unknown bool) {
	q = object.Quantity(container, name, "resources", kind)
	if kind == "requests" || strings.HasPrefix(name, "hugepages-") || !q.IsZero() {
		return q, false
	}
	if allocatable == nil {
		return q, true
	}
	if text, ok := allocatable[name]; ok {
		return resource.MustParse(text), false // canonical, so it parses
	}
	return q, false
}

// container finds a container by name.
func (k *kubelet) container(name string) map[string]any {
	for _, c := range object.Containers(k.pod) {
		if object.Text(c, "name") == name {
			return c
		}
	}
	return nil
}

func unsetReason(container, resourceName string) (reason, hint string) {
	return fmt.Sprintf("container %s has no limit of %s, so that it reads as what the node has allocatable, and no node is known",
		container, resourceName), "name one with --node FILE"
}

func together(reason, hint string) string { return reason + "; " + hint }

// foreign records the files of a source that is not about the pod.
func foreign(v *Volume, source map[string]any) {
	const reason = "it holds what only the cluster has"
	for kind := range source {
		switch kind {
		case "configMap", "secret":
			for _, item := range object.List(source, kind, "items") {
				v.Unknown[path.Clean(object.Text(item, "path"))] = fmt.Sprintf("it comes from %s %s, and %s", kind, object.Text(source, kind, "name"), reason)
			}
		default:
			if name := object.Text(source, kind, "path"); name != "" {
				v.Unknown[path.Clean(name)] = reason
			}
		}
	}
}
