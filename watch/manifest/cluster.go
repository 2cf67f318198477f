package manifest

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/podfacts/podfacts/watch/object"
)

// Cluster is a set of loaded objects. It never changes and may be shared.
type Cluster struct {
	entries []entry

	podFile, nodeFile string // those that were named
}

// NewCluster makes a cluster of objects that a server gave; from says which, in
// origins.
func NewCluster(from string, objects ...map[string]any) *Cluster {
	c := &Cluster{}
	for _, o := range objects {
		c.entries = append(c.entries, entry{object: o, at: from})
	}
	return c
}

// Find returns an object, and is an [object.Lookup]. The version in apiVersion
// is not compared, since a dump may hold another than a reference names; an
// empty uid, on either side, matches any.
func (c *Cluster) Find(apiVersion, kind, namespace, name, uid string) (map[string]any, bool) {
	for _, e := range c.entries {
		if matches(e.object, apiVersion, kind, namespace, name, uid) {
			return e.object, true
		}
	}
	return nil, false
}

// List returns the objects of a kind in a namespace, in the order they were
// loaded. Without namespace it returns those of every namespace; objects that
// have none are in every list.
func (c *Cluster) List(apiVersion, kind, namespace string) []map[string]any {
	var all []map[string]any
	for _, e := range c.entries {
		if e.kind() == kind && object.Group(object.Text(e.object, "apiVersion")) == object.Group(apiVersion) &&
			(namespace == "" || clusterScoped(e.object) || namespaceOf(e.object) == namespace) {
			all = append(all, e.object)
		}
	}
	return all
}

// Resources says how custom kinds are served whose definitions were loaded, in
// whatever version.
func (c *Cluster) Resources() map[object.Kind]object.Resource {
	all := make(map[object.Kind]object.Resource)
	for _, o := range c.List("apiextensions.k8s.io/v1", "CustomResourceDefinition", "") {
		group, kind := object.Text(o, "spec", "group"), object.Text(o, "spec", "names", "kind")
		r := object.Resource{Name: object.Text(o, "spec", "names", "plural"), Namespaced: object.Text(o, "spec", "scope") == "Namespaced"}
		for _, version := range object.List(o, "spec", "versions") {
			if r.Name != "" {
				all[object.Kind{APIVersion: group + "/" + object.Text(version, "name"), Kind: kind}] = r
			}
		}
	}
	return all
}

func matches(o map[string]any, apiVersion, kind, namespace, name, uid string) bool {
	have := object.Text(o, "metadata", "uid")
	return object.Text(o, "kind") == kind && object.Text(o, "metadata", "name") == name &&
		object.Group(object.Text(o, "apiVersion")) == object.Group(apiVersion) &&
		(clusterScoped(o) || namespaceOf(o) == or(namespace, defaultNamespace)) && (uid == "" || have == "" || have == uid)
}

// index finds objects that were loaded twice. Equal ones count once; of two
// states of one object the newer counts, if their resource versions tell; a
// file that was named for the pod or the node wins over the others.
func (c *Cluster) index(m *mistakes) {
	type identity struct{ group, kind, namespace, name string }
	seen := make(map[identity]int, len(c.entries))
	kept := c.entries[:0]
	for _, e := range c.entries {
		id := identity{object.Group(object.Text(e.object, "apiVersion")), e.kind(), namespaceOf(e.object), object.Text(e.object, "metadata", "name")}
		i, twice := seen[id]
		switch {
		case !twice || id.name == "":
			seen[id] = len(kept)
			kept = append(kept, e)
			continue
		case reflect.DeepEqual(kept[i].object, e.object), kept[i].role < e.role, version(kept[i]) > version(e):
		case version(kept[i]) < version(e):
			kept[i] = e
		default:
			m.add(fmt.Errorf("%s: %s differs from the one in %s; keep one of them", e.at, object.Name(e.object), kept[i].at))
		}
		if e.role == roleNode && e.kind() == "Node" {
			kept[i].role = roleNode // a file may be named for both
		}
	}
	c.entries = kept
}

// version is the resource version of a dumped object, or 0. Within a kind they
// compare as numbers (Kubernetes 1.35, KEP 5504).
func version(e entry) uint64 {
	n, err := strconv.ParseUint(object.Text(e.object, "metadata", "resourceVersion"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

const defaultNamespace = "default"

// namespaceOf is the namespace of an object. One that no manifest names is the
// default one.
func namespaceOf(o map[string]any) string {
	return or(object.Text(o, "metadata", "namespace"), defaultNamespace)
}

// clusterScoped reports whether an object has no namespace: its kind never has,
// or a cluster stored it so.
func clusterScoped(o map[string]any) bool {
	if object.Text(o, "metadata", "namespace") != "" {
		return false
	}
	kind := object.Text(o, "kind")
	if r, known := object.Builtin(object.Text(o, "apiVersion"), kind); known {
		return !r.Namespaced
	}
	return object.Text(o, "metadata", "uid") != "" || !object.GuessNamespaced(kind)
}
