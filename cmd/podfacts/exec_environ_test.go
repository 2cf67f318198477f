package main

import (
	"reflect"
	"testing"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

func TestVariablesEnviron(t *testing.T) {
	t.Parallel()
	own := []string{"PATH=/bin", "A=own", "EMPTY=", "A=own again"}
	for _, test := range []struct {
		name    string
		keep    bool
		content string
		want    []string
	}{
		{"none", false, "", own},
		{"facts win", false, "A=1\n2\x00B==\x00", []string{"PATH=/bin", "EMPTY=", "A=1\n2", "B=="}},
		{"own ones win", true, "A=1\x00B=2\x00EMPTY=3\x00", append([]string{"B=2"}, own...)},
	} {
		v := &variables{own: own, keep: test.keep}
		if v.take([]byte(test.content)) {
			t.Errorf("%s: the first is a change", test.name)
		}
		if got := v.environ(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if v.take([]byte(test.content)) || !v.take([]byte("C=3\x00")) {
			t.Errorf("%s: changes are not told from none", test.name)
		}
	}
}

// TestKept: what is set already is not asked for, and can be referred to
// whatever it holds.
func TestKept(t *testing.T) {
	t.Parallel()
	pod, err := config.Preset("pod")
	if err != nil {
		t.Fatal(err)
	}
	e := &render.Env{Dialect: envfile.Environ, Presets: []render.Preset{pod}, Entries: []render.Entry{
		{Name: "TYPE", From: "node.instanceType"},
		{Name: "URL", Value: "$(POD_NAME) $(TYPE) $(POD_IP)"},
	}}
	k := kept(e, []string{"POD_NAME=$(TYPE)$$", "TYPE=first", "TYPE=second", "OTHER=x"})
	for _, need := range k.Needs() {
		if need.Path == "node.instanceType" {
			t.Error("the fact of a variable that is kept is needed")
		}
	}
	known, err := parseSet([]string{"pod.namespace=shop"})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := watch.Collect(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	variables, err := k.Variables(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, v := range variables {
		got[v.Name] = v.Value
	}
	want := map[string]string{"POD_NAME": "$(TYPE)$$", "TYPE": "first", "URL": "$(TYPE)$$ first $(POD_IP)", "POD_NAMESPACE": "shop"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if len(e.Entries) != 2 || e.Entries[0].From == "" {
		t.Errorf("the original has changed: %+v", e.Entries)
	}
}
