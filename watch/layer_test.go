package watch

import (
	"slices"
	"testing"
)

func TestLayerSet(t *testing.T) {
	t.Parallel()
	var l Layer
	l.Set(PodName, "", "file")
	l.Set(PodUID, nil, "file")
	l.Set(PodIPs, []string{}, "file")
	if got := l.Paths(); len(got) != 0 {
		t.Errorf("nothing was said, got %v", got)
	}
	if l.Has(PodName) || l.Has(PodLabels) {
		t.Error("has what was not said")
	}
	l.Set(PodLabels, map[string]string{"a.b/c": "1", "empty": ""}, "labels")
	l.Set(PodAnnotations, map[string]string{}, "annotations")
	l.Set(PodOrdinal, int64(0), "spec")
	want := []Path{"pod.labels['a.b/c']", "pod.labels['empty']", "pod.ordinal"}
	if got := l.Paths(); !slices.Equal(got, want) {
		t.Errorf("paths %v, want %v", got, want)
	}
	if !l.Has(PodLabels) || !l.Has(PodAnnotations) || !l.Has(PodLabels.Key("empty")) || l.Has(PodLabels.Key("other")) {
		t.Error("Has is wrong about whole maps or their keys")
	}
	if s, ok := l.Get("pod.labels['a.b/c']"); !ok || s.Value != "1" || s.From != "labels" {
		t.Errorf("got %+v, %t", s, ok)
	}
}

// A map that is stated in full hands its marks on to its entries.
func TestLayerStateMap(t *testing.T) {
	t.Parallel()
	var l Layer
	l.State(PodLabels, Statement{Value: map[string]string{"a": "1"}, From: "f", Sensitive: true})
	if s, ok := l.Get(PodLabels.Key("a")); !ok || !s.Sensitive || s.Value != "1" || s.From != "f" {
		t.Errorf("got %+v, %t", s, ok)
	}
	if _, ok := l.Get(PodLabels); ok || !l.Has(PodLabels) {
		t.Error("the map itself is a fact, or not known in whole")
	}
}

func TestLayerAdd(t *testing.T) {
	t.Parallel()
	var l, other Layer
	l.Set(PodName, "mine", "")
	l.Set("containers.main.limits", map[string]string{"cpu": "1"}, "")
	other.Live, other.Container = true, "main"
	other.Set(PodName, "theirs", "")
	other.Set(PodUID, "u", "")
	other.Set(PodLabels, map[string]string{}, "labels")
	other.State("containers.main.limits.memory", Statement{Unset: true})
	l.Add(other)

	want := []Path{"containers.main.limits.cpu", "containers.main.limits.memory", "pod.name", "pod.uid"}
	if got := l.Paths(); !slices.Equal(got, want) {
		t.Errorf("paths %v, want %v", got, want)
	}
	if s, _ := l.Get(PodName); s.Value != "mine" {
		t.Errorf("pod.name is %v", s.Value)
	}
	if !l.Live || l.Container != "main" || !l.Has(PodLabels) {
		t.Errorf("got %+v", l)
	}
	other.Set(PodHostIP, "1.2.3.4", "")
	if l.Has(PodHostIP) {
		t.Error("the layers share a map")
	}
}
