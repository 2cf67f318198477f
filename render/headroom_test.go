package render

import (
	"testing"

	"github.com/podfacts/podfacts/watch"
)

// What runtimes plan with is the smaller of the limit that is wanted and the one in
// force; the limit as such is what the spec says, as Kubernetes has it.
func TestHeadroom(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                     string
		wanted, wantedCPU        string
		enforced                 map[string]string // nil: not known
		limit, processors, share string
	}{
		{"no resize", "1Gi", "2", map[string]string{"memory": "1Gi", "cpu": "2"}, "966367641", "2", "512Mi"},
		{"not known", "1Gi", "2", nil, "966367641", "2", "512Mi"},
		{"more is wanted", "2Gi", "4", map[string]string{"memory": "1Gi", "cpu": "1500m"}, "966367641", "2", "512Mi"},
		{"less is wanted", "1Gi", "1", map[string]string{"memory": "2Gi", "cpu": "4"}, "966367641", "1", "512Mi"},
		{"the one and the other", "1Gi", "4", map[string]string{"memory": "2Gi", "cpu": "2"}, "966367641", "2", "512Mi"},
		{"the same, in other words", "1024Mi", "2000m", map[string]string{"memory": "1Gi", "cpu": "2"}, "966367641", "2", "512Mi"},
		{"there was none", "1Gi", "2", map[string]string{"cpu": "1"}, "966367641", "1", "512Mi"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var l watch.Layer
			l.Container = "main"
			l.Set("containers.main.limits.memory", test.wanted, "spec")
			l.Set("containers.main.limits.cpu", test.wantedCPU, "spec")
			if test.enforced != nil {
				l.Set("containers.main.enforced", test.enforced, "status")
			}
			s := collect(t, l)
			for _, e := range []*Env{{}, {Container: "main"}} {
				preset, _ := LookupPreset("go")
				e.Presets = []Preset{preset}
				e.Entries = []Entry{
					{Name: "SHARE", From: "limits.memory", Percent: 50},
					{Name: "LIMIT", From: "limits.memory"},
				}
				got := make(map[string]string)
				variables, err := e.Variables(s)
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range variables {
					got[v.Name] = v.Value
				}
				if got["GOMEMLIMIT"] != test.limit || got["GOMAXPROCS"] != test.processors || got["SHARE"] != test.share || got["LIMIT"] == "" {
					t.Errorf("got %v", got)
				}
				if wanted, err := s.Lookup("limits.memory"); err != nil || got["LIMIT"] != wanted.Value {
					t.Errorf("the limit is %s, and %v as a fact; %v", got["LIMIT"], wanted.Value, err)
				}
			}
		})
	}
}

// What is in force is no reason to ask anybody: the needs are those of the limit.
func TestHeadroomNeeds(t *testing.T) {
	t.Parallel()
	preset, _ := LookupPreset("go")
	e := &Env{Presets: []Preset{preset}, Container: "main"}
	for _, need := range e.Needs() {
		if watch.Path("containers.main.enforced").Covers(need.Path) {
			t.Errorf("needs %v", need)
		}
	}
	if !e.Needs().Wants("containers.main.enforced.memory") {
		t.Error("a change of what is in force is not noticed")
	}
}
