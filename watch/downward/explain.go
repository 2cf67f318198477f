package downward

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward/ref"
)

// Explain tells why the last Read gave no value for a fact that a volume can
// hold, and which item to add to the pod spec.
func (s *Source) Explain(p watch.Path) (reason, hint string) {
	s.mu.Lock()
	r := s.last
	s.mu.Unlock()
	switch {
	case r.silent:
		return "", ""
	case r.failed != nil && inReach(p):
		return r.failed.Error(), nextStep(r.failed)
	case r.failed != nil:
		return "", ""
	}
	parent, key := p.Parent()
	inMap := parent == watch.PodLabels || parent == watch.PodAnnotations
	n, ok := r.notes[p]
	if !ok && inMap {
		n, ok = r.notes[parent]
	}
	switch {
	case ok && n.reason == "":
		return "", "" // the map is there, and the key is not in it
	case ok:
		return s.String() + ": " + n.reason, n.hint
	}
	if inMap {
		p = parent
	}
	if parent == "files" {
		return s.explainFile(key)
	}
	item, what := s.itemFor(p)
	if item.Path == "" {
		return "", ""
	}
	for _, i := range s.items() {
		if i.Fact == p {
			return fmt.Sprintf("%s has no file %s, which its items name for %s", s, i.Path, what),
				"compare the items with the downwardAPI.items of the pod spec"
		}
	}
	if _, kind, name, ok := ref.Resource(p); ok {
		if path := r.orphans[kind+"."+name]; path != "" {
			return fmt.Sprintf("%s: the name of %s says no container", s, path),
				"list it under items: of the volume"
		}
	}
	return fmt.Sprintf("%s has no file for %s", s, what),
		fmt.Sprintf("add %s to the volume's downwardAPI.items", item)
}

// inReach reports whether a volume can hold a fact, or some fact of a group.
func inReach(p watch.Path) bool {
	for _, held := range []watch.Path{watch.PodName, watch.PodNamespace, watch.PodUID, watch.PodLabels, watch.PodAnnotations, "containers", "files"} {
		if held.Covers(p) || p.Covers(held) {
			return true
		}
	}
	return false
}

func (s *Source) explainFile(path string) (reason, hint string) {
	if s.Auto {
		return fmt.Sprintf("%s was found by itself, so only files whose meaning is known are taken from it", s),
			"name the volume in the configuration"
	}
	return fmt.Sprintf("%s has no file %s, or an empty one", s, path), ""
}

// itemFor proposes the item that gives a fact, under a name that needs no
// configuration. It is zero for what no volume holds.
func (s *Source) itemFor(p watch.Path) (item Item, what string) {
	if container, kind, name, ok := ref.Resource(p); ok && ref.KnownResource(name) {
		// What DivideQuantity rounds up is lost: take the finest divisor.
		divisor, unit := "1", "bytes"
		if name == "cpu" {
			divisor, unit = "1m", "millicores"
		}
		base := strings.ReplaceAll(name, "ephemeral-storage", "ephemeral_storage")
		return Item{
			Path:    fmt.Sprintf("%s/%s_%s_%s", container, base, strings.TrimSuffix(kind, "s"), unit),
			Fact:    p,
			Divisor: resource.MustParse(divisor),
		}, fmt.Sprintf("%s.%s of container %s", kind, name, container)
	}
	switch p {
	case watch.PodName, watch.PodNamespace, watch.PodUID, watch.PodLabels, watch.PodAnnotations:
		_, name := p.Parent()
		return Item{Path: name, Fact: p}, ref.Volume.FieldPath(p)
	}
	return Item{}, ""
}
