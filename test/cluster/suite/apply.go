package suite

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/podfacts/podfacts/test/cluster"
)

type object = *unstructured.Unstructured

// An Edit changes an object before it is applied.
type Edit func(*unstructured.Unstructured)

// Apply applies a manifest, a file, a directory or the text itself, as the package says,
// after these edits.
func (n *Namespace) Apply(source string, edits ...Edit) {
	n.t.Helper()
	objects, err := cluster.Objects(source)
	if err != nil {
		n.t.Fatal(err)
	}
	if len(objects) == 0 {
		n.t.Fatalf("%s: no manifest in it", source)
	}
	// Definitions first, since other objects may be of what they define, and permissions
	// before the pods that use them.
	slices.SortStableFunc(objects, func(a, b object) int { return order(a) - order(b) })
	renamed := n.renames(objects)
	for _, u := range objects {
		for _, edit := range edits {
			edit(u)
		}
		if err := n.apply(u, renamed); err != nil {
			n.t.Fatalf("%s: %v", source, err)
		}
	}
}

// The order in which objects are applied.
const (
	definitions = iota
	roles
	bindings
	others
)

func order(u object) int {
	switch u.GetKind() {
	case "Namespace", "CustomResourceDefinition":
		return definitions
	case "Role", "ClusterRole":
		return roles
	case "RoleBinding", "ClusterRoleBinding":
		return bindings
	default:
		return others
	}
}

// renames has the new names of those objects without namespace that would meet those of
// another test.
func (n *Namespace) renames(objects []object) map[string]string {
	renamed := map[string]string{}
	for _, u := range objects {
		switch u.GetKind() {
		case "ClusterRole", "ClusterRoleBinding":
			renamed[u.GetKind()+"/"+u.GetName()] = u.GetName() + "-" + n.Name
		}
	}
	return renamed
}

func (n *Namespace) apply(u object, renamed map[string]string) error {
	var namespaced bool
	if u.GetKind() == "Namespace" {
		u.SetName(n.Name)
	} else {
		var err error
		// A definition takes a moment until it is served.
		n.Await(u.GetKind()+" to be served", func() error {
			namespaced, err = n.suite.objects.Namespaced(u.GroupVersionKind())
			return err
		})
	}
	if namespaced {
		u.SetNamespace(n.Name)
	}
	if name, ok := renamed[u.GetKind()+"/"+u.GetName()]; ok {
		u.SetName(name)
	}
	if kind, _, _ := unstructured.NestedString(u.Object, "roleRef", "kind"); kind != "" {
		name, _, _ := unstructured.NestedString(u.Object, "roleRef", "name")
		if to, ok := renamed[kind+"/"+name]; ok {
			if err := unstructured.SetNestedField(u.Object, to, "roleRef", "name"); err != nil {
				return err
			}
		}
	}
	n.enter(u.Object)
	if !namespaced && u.GetKind() != "Namespace" {
		n.clusterScoped = append(n.clusterScoped, u)
	}
	if _, err := n.suite.objects.Apply(n.t.Context(), u); err != nil {
		return fmt.Errorf("%s: %w", u.GetKind(), err)
	}
	if order(u) != bindings {
		return nil
	}
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	return n.suite.objects.AwaitBinding(ctx, u)
}

// enter brings the subjects of bindings into the namespace and replaces images, wherever
// they stand in an object.
func (n *Namespace) enter(value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			n.enter(item)
		}
	case map[string]any:
		for key, field := range value {
			switch key {
			case "containers", "initContainers":
				each(field, n.replaceImage)
			case "subjects":
				each(field, func(subject map[string]any) {
					if subject["kind"] == "ServiceAccount" {
						subject["namespace"] = n.Name
					}
				})
			}
			n.enter(field)
		}
	}
}

func (n *Namespace) replaceImage(container map[string]any) {
	name, ok := container["image"].(string)
	if !ok {
		return
	}
	if image, ok := n.suite.options.Images[name]; ok {
		container["image"] = image
	}
	if container["imagePullPolicy"] == nil {
		container["imagePullPolicy"] = "IfNotPresent" // the default would be another for :latest
	}
}

func each(list any, do func(map[string]any)) {
	items, _ := list.([]any)
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			do(m)
		}
	}
}
