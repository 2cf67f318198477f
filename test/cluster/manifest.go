package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Objects reads manifests. Each source is a YAML or JSON file, a directory of such, or the
// text itself, which is told by its line breaks.
func Objects(sources ...string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, source := range sources {
		read, err := readSource(source)
		if err != nil {
			return nil, err
		}
		objects = append(objects, read...)
	}
	return objects, nil
}

// readSource reads a file, a directory or the text itself.
func readSource(source string) ([]*unstructured.Unstructured, error) {
	if strings.Contains(source, "\n") {
		return decode([]byte(source))
	}
	info, err := os.Stat(source)
	if err != nil {
		return nil, err
	}
	files := []string{source}
	if info.IsDir() {
		files, err = filepath.Glob(filepath.Join(source, "*"))
		if err != nil {
			return nil, err
		}
		files = slices.DeleteFunc(files, func(name string) bool {
			return !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
		})
	}
	var objects []*unstructured.Unstructured
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		read, err := decode(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, read...)
	}
	return objects, nil
}

// decode reads documents, and the items of those that are lists.
func decode(text []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		u := &unstructured.Unstructured{}
		err := decoder.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		switch {
		case len(u.Object) == 0: // nothing between two separators
		case u.IsList():
			err := u.EachListItem(func(item runtime.Object) error {
				objects = append(objects, item.(*unstructured.Unstructured))
				return nil
			})
			if err != nil {
				return nil, err
			}
		case u.GetKind() == "" || u.GetAPIVersion() == "" || u.GetName() == "":
			return nil, fmt.Errorf("an object without apiVersion, kind or metadata.name: %.100v", u.Object)
		default:
			objects = append(objects, u)
		}
	}
}

// inOrder puts an object after those whose uid it names or that it names as owner, and
// everything after namespaces and definitions; otherwise the order stays.
func inOrder(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	var (
		byUID  = map[string]*unstructured.Unstructured{}
		byName = map[string]*unstructured.Unstructured{}
		done   = map[*unstructured.Unstructured]bool{}
		sorted = make([]*unstructured.Unstructured, 0, len(objects))
		visit  func(*unstructured.Unstructured)
	)
	for _, u := range objects {
		byName[key(u)] = u
		if uid := string(u.GetUID()); uid != "" {
			byUID[uid] = u
		}
	}
	visit = func(u *unstructured.Unstructured) {
		if u == nil || done[u] {
			return
		}
		done[u] = true // first, so that a circle ends
		for _, owner := range u.GetOwnerReferences() {
			visit(byName[owner.Kind+"/"+u.GetNamespace()+"/"+owner.Name])
			visit(byName[owner.Kind+"/"+owner.Name])
		}
		mapStrings(u.Object, func(s string) string { visit(byUID[s]); return s })
		sorted = append(sorted, u)
	}
	for _, kinds := range [][]string{{"Namespace", "CustomResourceDefinition"}, nil} {
		for _, u := range objects {
			if kinds == nil || slices.Contains(kinds, u.GetKind()) {
				visit(u)
			}
		}
	}
	return sorted
}

// forServer copies an object without what only a server may set, and with new uids.
func forServer(u *unstructured.Unstructured, renamed map[string]string) *unstructured.Unstructured {
	u = u.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields",
		"selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	u.Object, _ = mapStrings(u.Object, func(s string) string {
		if uid, ok := renamed[s]; ok {
			return uid
		}
		return s
	}).(map[string]any)
	return u
}

// mapStrings replaces every string below a value, in place.
func mapStrings(value any, replace func(string) string) any {
	switch value := value.(type) {
	case string:
		return replace(value)
	case map[string]any:
		for key, field := range value {
			value[key] = mapStrings(field, replace)
		}
	case []any:
		for i, item := range value {
			value[i] = mapStrings(item, replace)
		}
	}
	return value
}
