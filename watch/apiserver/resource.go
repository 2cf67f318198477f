package apiserver

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/podfacts/podfacts/watch/object"
)

// resource is a kind as the API server serves it.
type resource struct {
	group, version string
	name           string // plural, as in URLs and rules
	kind           string
	namespaced     bool
	guessed        bool // nobody asked the API server
}

func (r resource) gvr() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: r.group, Version: r.version, Resource: r.name}
}

// apiVersion is the group and version as objects write them.
func (r resource) apiVersion() string {
	return schema.GroupVersion{Group: r.group, Version: r.version}.String()
}

// String is the resource as kubectl names it: replicasets.apps.
func (r resource) String() string {
	if r.group == "" {
		return r.name
	}
	return r.name + "." + r.group
}

// known gives the kinds that need no discovery. Their names and scopes are the
// same in every version, so that the version is taken as asked for.
func known(apiVersion, kind string) (resource, bool) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return resource{}, false
	}
	r, ok := object.Builtin(apiVersion, kind)
	return resource{group: gv.Group, version: gv.Version, name: r.Name, kind: kind, namespaced: r.Namespaced}, ok
}

// guess names the resource of a kind as most are named.
func guess(apiVersion, kind string) resource {
	if r, ok := known(apiVersion, kind); ok {
		return r
	}
	gv, _ := schema.ParseGroupVersion(apiVersion) // Validate has parsed it
	plural, _ := meta.UnsafeGuessKindToResource(gv.WithKind(kind))
	return resource{
		group: gv.Group, version: gv.Version, name: strings.ToLower(plural.Resource), kind: kind,
		namespaced: object.GuessNamespaced(kind), guessed: true,
	}
}
