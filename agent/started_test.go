package agent

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// An agent says at its start by when a round must have ended, and when the next
// must have begun: checks of a group run one after another, and units side by
// side.
func TestStartedLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	output := func(name, group string, timeout time.Duration) Output {
		return Output{File: publish.File{Path: filepath.Join(dir, group, name), MakeDirs: true}, Group: group, CheckTimeout: timeout, Renderer: &render.View{Format: "json"}}
	}
	var started Started
	a := Agent{
		Outputs: []Output{output("a", "", 7*time.Minute), output("b", "g", 3*time.Minute), output("c", "g", 5*time.Minute)},
		Timing:  watch.Timing{Resync: 10 * time.Minute, Window: time.Hour},
		Report: func(r Report) {
			if s, ok := r.(Started); ok {
				started = s
			}
		},
	}
	if err := a.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := roundLimit + 8*time.Minute; started.Limit != want {
		t.Errorf("limit %v, want %v", started.Limit, want)
	}
	if want := 70*time.Minute + 50*time.Millisecond; started.Every != want {
		t.Errorf("every %v, want %v", started.Every, want)
	}
}

// What a hook sends is in use as much as what an output holds.
func TestStartedNeeds(t *testing.T) {
	t.Parallel()
	template := func(text string) render.Renderer {
		r, err := render.ParseTemplate("sent", text, render.TemplateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var started Started
	hook := Hook{
		Hook:    notify.Hook{On: []string{"/a"}, Action: notify.Exit{}},
		Message: template(`{{ fact "node.zone" }}`), Headers: map[string]render.Renderer{"A": template(`{{ fact "pod.uid" }}`)},
	}
	a := Agent{Hooks: []Hook{hook}, Report: func(r Report) {
		if s, ok := r.(Started); ok {
			started = s
		}
	}}
	if err := a.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := started.Needs.Paths(); !slices.Equal(got, []watch.Path{"node.zone", "pod.uid"}) {
		t.Errorf("needs %v", got)
	}
}
