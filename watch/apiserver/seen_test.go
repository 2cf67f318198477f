package apiserver

import (
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/podfacts/podfacts/watch/object"
)

// TestSeen: the own pod is shown once, with what its volumes hold, and no other.
func TestSeen(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	item := map[string]any{"path": "l", "fieldRef": map[string]any{"fieldPath": "metadata.labels"}}
	downward := map[string]any{"items": []any{item}}
	o := label("one")
	object.Map(o, "metadata")["uid"] = "another"
	object.Map(o, "spec")["volumes"] = []any{map[string]any{"name": "p", "projected": map[string]any{"sources": []any{
		map[string]any{"secret": map[string]any{"name": "password"}}, map[string]any{"downwardAPI": downward},
	}}}}
	a.put(o)
	s := shopSource(t, a, nil, "pod.labels")
	s.Pod.UID = "mine"
	var times atomic.Int32
	var seen map[string]any
	s.Seen = func(pod map[string]any) { times.Add(1); seen = pod }
	if _, err := s.Read(t.Context()); err == nil || times.Load() != 0 {
		t.Errorf("%d times, %v: it is another pod", times.Load(), err)
	}
	object.Map(o, "metadata")["uid"] = "mine"
	a.put(o)
	f := follow(t, s)
	f.says(appPath(), "one")
	a.put(func() map[string]any { object.Map(o, "metadata", "labels")["app"] = "two"; return o }())
	f.says(appPath(), "two")
	if n := times.Load(); n != 1 {
		t.Fatalf("%d times, want 1", n)
	}
	want := []map[string]any{{"name": "p", "projected": map[string]any{"sources": []any{map[string]any{}, map[string]any{"downwardAPI": downward}}}}}
	if got := object.List(seen, "spec", "volumes"); !reflect.DeepEqual(got, want) {
		t.Errorf("volumes %v, want %v", got, want)
	}
}
