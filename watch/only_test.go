package watch

import (
	"reflect"
	"testing"
)

// only is a snapshot of many kinds of facts.
func only(t *testing.T) *Snapshot {
	t.Helper()
	var l Layer
	l.Set(PodName, "web-0", "name")
	l.State(PodLabels, Statement{Value: map[string]string{"app": "web", "tier": "blue"}})
	l.State(PodAnnotations, Statement{Value: map[string]string{}})
	l.Set("containers.main.limits.memory", "1Gi", "")
	tree := func() map[string]any {
		return map[string]any{"kind": "X", "data": map[string]any{"user": "admin", "password": "secret"}, "list": []any{"a"}}
	}
	l.Set("objects.settings", tree(), "")
	l.State("objects.db", Statement{Value: tree(), Sensitive: true})
	s, err := Collect(t.Context(), fixed("test", say{layer: l}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOnly(t *testing.T) {
	t.Parallel()
	whole := only(t)
	type group = map[string]any
	tests := []struct {
		name         string
		paths, named []Path
		want         group
	}{
		{"nothing", nil, nil, group{}},
		{"a fact", []Path{PodName}, nil, group{"pod": group{"name": "web-0"}}},
		{"a group", []Path{"pod"}, nil, group{"pod": group{"name": "web-0", "labels": map[string]string{"app": "web", "tier": "blue"}, "annotations": map[string]string{}}}},
		{"a key", []Path{"pod.labels['tier']"}, nil, group{"pod": group{"labels": map[string]string{"tier": "blue"}}}},
		{"an empty map", []Path{PodAnnotations}, nil, group{"pod": group{"annotations": map[string]string{}}}},
		{"no container", []Path{"limits.memory"}, nil, group{}},
		{
			"branches", []Path{"objects.settings.data.user", "objects.settings.kind", "objects.settings.absent", "objects.settings.list['0']"},
			nil, group{"objects": group{"settings": group{"kind": "X", "data": group{"user": "admin"}}}},
		},
		{
			"a branch of a branch", []Path{"objects.settings.data", "objects.settings.data.user"}, nil,
			group{"objects": group{"settings": group{"data": group{"user": "admin", "password": "secret"}}}},
		},
		{"what is sensitive", []Path{"objects.db", "objects"}, nil, group{"objects": group{"settings": whole.Tree()["objects"].(group)["settings"]}}},
		{"what is sensitive and named", nil, []Path{"objects.db.data.user"}, group{"objects": group{"db": group{"data": group{"user": "admin"}}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := whole.Only(test.paths, test.named).Tree(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v\nwant %v", got, test.want)
			}
		})
	}
}

// What is left out is missing for the reasons that the whole knows.
func TestOnlyExplains(t *testing.T) {
	t.Parallel()
	part := only(t).Only([]Path{PodLabels}, nil)
	if _, err := part.Lookup(PodLabels.Key("none")); err == nil || err.Error() != "pod.labels['none'] is missing: pod.labels has no such key; give it a default, or set it on the pod" {
		t.Errorf("the error is %v", err)
	}
	if got := len(part.Sources()); got != 1 {
		t.Errorf("%d sources", got)
	}
	if whole := only(t); !whole.Only([]Path{""}, []Path{""}).Equal(whole) {
		t.Error("the whole is not all of it")
	}
}
