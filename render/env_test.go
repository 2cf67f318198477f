package render

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

func TestEntries(t *testing.T) {
	t.Parallel()
	mebi, milli, one := resource.MustParse("1Mi"), resource.MustParse("1m"), resource.MustParse("1")
	for _, test := range []struct {
		entry Entry
		want  string
	}{
		{Entry{From: "pod.name"}, "web-5d4f8c7b9-x2x4z"},
		{Entry{From: "pod.ips"}, "10.1.2.3,fd00::3"},
		{Entry{From: "pod.ordinal"}, "7"},
		{Entry{From: "pod.labels['app.kubernetes.io/version']"}, "1.4.2"},
		{Entry{From: "pod.labels['empty']", Default: new("unused")}, ""},
		{Entry{From: "objects.settings.data.mode"}, "fast"},
		{Entry{From: "objects.settings.ports"}, "80,443"},
		{Entry{From: "peers.0.name"}, "a"},
		{Entry{From: "node.instanceType", Default: new("none")}, "none"},
		{Entry{From: "node.zone", Default: new("none")}, "eu-1a"},
		{Entry{From: "pod.labels['absent']", Default: new("")}, ""},
		{Entry{Value: "plain"}, "plain"},
		{Entry{Value: ""}, ""},
		{Entry{Value: "http://$(FIRST):80/$$(FIRST)/$(LATER)"}, "http://one:80/$(FIRST)/$(LATER)"},
		{Entry{From: "containers.main.limits.cpu"}, "2500m"},
		{Entry{From: "limits.cpu"}, "2500m"},
		{Entry{From: "limits.cpu", Divisor: one}, "3"},
		{Entry{From: "limits.cpu", Divisor: milli}, "2500"},
		{Entry{From: "limits.memory", Percent: 50}, "512Mi"},
		{Entry{From: "limits.memory", Percent: 40, Divisor: mebi}, "409"},
		{Entry{From: "containers.side.limits.memory", Divisor: mebi}, "64"},
		{Entry{From: "requests.memory", Divisor: one}, "1610612736"},
	} {
		test.entry.Name = "X"
		e := Env{Entries: []Entry{{Name: "FIRST", Value: "one"}, test.entry, {Name: "LATER", Value: "two"}}}
		variables, err := e.Variables(web(t))
		if err != nil {
			t.Errorf("%+v: %v", test.entry, err)
			continue
		}
		if want := (Variable{Name: "X", Value: test.want, From: test.entry.From}); variables[1] != want {
			t.Errorf("%+v gives %+v, want %+v", test.entry, variables[1], want)
		}
	}
}

func TestContainerOfEnv(t *testing.T) {
	t.Parallel()
	e := Env{Container: "side", Entries: []Entry{{Name: "MEMORY", From: "limits.memory"}}}
	if got := render(t, &e, web(t)); got != "MEMORY='64Mi'\n" {
		t.Errorf("got %q", got)
	}
	if got := e.Needs()[0].Path; got != "containers.side.limits.memory" {
		t.Errorf("needs %s", got)
	}
	// Without a container, a pod with several has no default one.
	several := facts(t, map[watch.Path]any{"containers.a.limits.cpu": "1", "containers.b.limits.cpu": "2"})
	_, err := tryRender(&Env{Entries: []Entry{{Name: "CPU", From: "limits.cpu", Default: new("1")}}}, several)
	wantError(t, err, "CPU: limits.cpu: the pod has several containers (a, b); set container:")
	if watch.IsMissing(err) {
		t.Error("time does not mend several containers")
	}
	all := Env{Presets: presets(t, "go", "jvm"), Entries: []Entry{{Name: "CPU", From: "limits.cpu"}, {Name: "MEMORY", From: "limits.memory"}}}
	_, err = tryRender(&all, several)
	wantError(t, err, "preset go: limits.memory: the pod has several containers (a, b)", "--container")
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("said more than once:\n%v", err)
	}
}

func TestUnsetLimit(t *testing.T) {
	t.Parallel()
	var l watch.Layer
	l.State("containers.main.limits.memory", watch.Statement{Value: "32Gi", Unset: true})
	s := collect(t, l)
	for _, test := range []struct {
		entry   Entry
		want    string
		refused bool
	}{
		{Entry{}, "32Gi", false}, // as in a pod
		{Entry{Divisor: resource.MustParse("1Gi")}, "32", false},
		{Entry{Percent: 50}, "", true},
		{Entry{Percent: 50, Default: new("1Gi")}, "1Gi", false},
		{Entry{Percent: 50, AllowUnset: true}, "16Gi", false},
		{Entry{Percent: 50, AllowUnset: true, Default: new("1Gi")}, "16Gi", false},
	} {
		test.entry.Name, test.entry.From = "X", "limits.memory"
		variables, err := (&Env{Entries: []Entry{test.entry}}).Variables(s)
		if test.refused {
			wantError(t, err, "X: containers.main.limits.memory is not set on the pod", "allowUnset: true")
		} else if err != nil || variables[0].Value != test.want {
			t.Errorf("%+v gives %v, %v, want %q", test.entry, variables, err, test.want)
		}
	}
}

func TestEnvReportsEverything(t *testing.T) {
	t.Parallel()
	e := Env{Dialect: envfile.Kubernetes, Presets: presets(t, "go", "pod"), Entries: []Entry{
		{Name: "ZONE", From: "node.instanceType", Where: "podfacts.yaml:3"},
		{Name: "TEAM", From: "pod.annotations['team']", Where: "podfacts.yaml:4"},
		{Name: "LABELS", From: "pod.labels", Where: "podfacts.yaml:5"},
		{Name: "GONE", From: "pod.labels['gone']", Where: "podfacts.yaml:6"},
		{Name: "QUOTE", Value: "it's", Where: "podfacts.yaml:7"},
	}}
	s := facts(t, map[watch.Path]any{
		"pod.labels":      map[string]string{"app": "web"},
		"pod.annotations": map[string]string{"team": "it's us"},
	})
	out, err := tryRender(&e, s)
	if out != "" {
		t.Errorf("wrote %q", out)
	}
	wantError(t, err,
		"preset go: none of its facts is known: limits.memory is missing",
		"preset pod: none of its facts is known: pod.name is missing: no source gives it",
		"podfacts.yaml:3: ZONE: node.instanceType is missing: no source gives it; it comes from: API",
		"podfacts.yaml:4: variable TEAM cannot be written in env dialect kubernetes", "(from pod.annotations['team'])",
		"podfacts.yaml:5: LABELS: pod.labels is a map, not one value; name one key, as in pod.labels['app']",
		"podfacts.yaml:6: GONE: pod.labels['gone'] is missing: pod.labels has no such key",
		"podfacts.yaml:7: variable QUOTE cannot be written",
	)
	if n := strings.Count(err.Error(), "\n"); n != 6 {
		t.Errorf("%d lines, want one for each of 7 problems:\n%v", n+1, err)
	}
	if !watch.IsMissing(err) {
		t.Error("facts are missing, and the error does not say so")
	}
	var invalid *envfile.InvalidError
	if !errors.As(err, &invalid) || invalid.Name != "TEAM" {
		t.Errorf("found %v", invalid)
	}
	if _, ok := errors.AsType[*watch.MissingError](err); !ok {
		t.Error("no MissingError found")
	}
}

func TestOneErrorStandsAlone(t *testing.T) {
	t.Parallel()
	_, err := tryRender(&Env{Entries: []Entry{{Name: "A", From: "pod.name"}}}, &watch.Snapshot{})
	if want := "A: pod.name is missing: no source gives it; it comes from: API, volume, service account, environment"; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestInvalidIsNotMissing(t *testing.T) {
	t.Parallel()
	_, err := tryRender(&Env{Dialect: envfile.Docker, Entries: []Entry{{Name: "A", Value: "two\nlines"}}}, &watch.Snapshot{})
	wantError(t, err, "variable A cannot be written in env dialect docker")
	if watch.IsMissing(err) {
		t.Error("waiting does not help")
	}
	if strings.Contains(err.Error(), "lines") && strings.Contains(err.Error(), "two") {
		t.Errorf("quotes the value: %v", err)
	}
}

func TestSkipInvalid(t *testing.T) {
	t.Parallel()
	e := Env{Dialect: envfile.Docker, SkipInvalid: true, Entries: []Entry{
		{Name: "A", Value: "1"}, {Name: "B", Value: "two\nlines"}, {Name: "C", Value: "3"},
	}}
	if got := render(t, &e, &watch.Snapshot{}); got != "A=1\nC=3\n" {
		t.Errorf("got %q", got)
	}
	if left := e.Skipped(&watch.Snapshot{}); len(left) != 1 || !strings.Contains(left[0].Error(), "variable B cannot be written") {
		t.Errorf("left out: %v", left)
	}
	// What is missing is not invalid.
	e.Entries = append(e.Entries, Entry{Name: "D", From: "pod.name"})
	if _, err := tryRender(&e, &watch.Snapshot{}); !watch.IsMissing(err) {
		t.Errorf("got %v, want pod.name missing", err)
	}
	if left := e.Skipped(&watch.Snapshot{}); left != nil {
		t.Errorf("left out of what cannot be written: %v", left)
	}
}

func TestEntriesOverridePresets(t *testing.T) {
	t.Parallel()
	e := Env{Presets: presets(t, "workload"), Entries: []Entry{
		{Name: "SELF", Value: "$(WORKLOAD_NAME)"},
		{Name: "WORKLOAD_NAME", Value: "mine", Where: "podfacts.yaml:9"},
		{Name: "AGAIN", Value: "$(WORKLOAD_NAME)"},
	}}
	want := "WORKLOAD_KIND='Deployment'\nWORKLOAD_NAME='mine'\nWORKLOAD_REPLICAS='3'\nOWNER_KIND='ReplicaSet'\n" +
		"OWNER_NAME='web-5d4f8c7b9'\nPOD_ORDINAL='7'\nSELF='web'\nAGAIN='mine'\n"
	if got := render(t, &e, web(t)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestCollisions(t *testing.T) {
	t.Parallel()
	s := facts(t, map[watch.Path]any{"pod.labels": map[string]string{"a-b": "1", "a.b": "2", "c": "3"}})
	e := Env{Presets: presets(t, "labels")}
	_, err := tryRender(&e, s)
	wantError(t, err, "variable POD_LABEL_A_B is wanted by pod.labels['a-b'] and by pod.labels['a.b']", "by an env entry POD_LABEL_A_B")
	if _, ok := errors.AsType[*envfile.CollisionError](err); !ok {
		t.Errorf("no CollisionError in %v", err)
	}

	e.Entries = []Entry{{Name: "POD_LABEL_A_B", From: "pod.labels['a.b']"}}
	if got, want := render(t, &e, s), "POD_LABEL_A_B='2'\nPOD_LABEL_C='3'\n"; got != want {
		t.Errorf("an entry decides: got %q, want %q", got, want)
	}
}

func TestPresetsMayShareAVariable(t *testing.T) {
	t.Parallel()
	got := render(t, &Env{Presets: presets(t, "pod", "node")}, facts(t, map[watch.Path]any{"pod.nodeName": "node-a"}))
	if want := "NODE_NAME='node-a'\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEnvNames(t *testing.T) {
	t.Parallel()
	e := Env{Presets: presets(t, "go", "nodejs", "labels"), Entries: []Entry{{Name: "GOMAXPROCS", Value: "1"}, {Name: "A", Value: "1"}}}
	want := []VariableName{{"GOMEMLIMIT", true}, {"NODE_OPTIONS", true}, {"GOMAXPROCS", false}, {"A", false}}
	if got := e.Names(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEnvNeeds(t *testing.T) {
	t.Parallel()
	e := Env{Name: "pod.env", Presets: presets(t, "nodejs"), Container: "main", Entries: []Entry{
		{Name: "A", From: "pod.name"}, {Name: "B", From: "node.zone", Default: new("")}, {Name: "C", Value: "$(A)"},
	}}
	want := watch.Needs{
		{Path: "containers.main.limits.memory", Optional: true, By: "pod.env: preset nodejs"},
		{Path: "pod.name", By: "pod.env: A"},
		{Path: "node.zone", Optional: true, By: "pod.env: B"},
	}
	if got := e.Needs(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestEnvWritesEachDialect(t *testing.T) {
	t.Parallel()
	for d, want := range map[envfile.Dialect]string{
		envfile.Sh:         "A='1'\n",
		envfile.Export:     "export A='1'\n",
		envfile.Kubernetes: "A='1'\n",
		envfile.Docker:     "A=1\n",
		envfile.JSON:       "{\n  \"A\": \"1\"\n}\n",
		envfile.YAML:       "\"A\": \"1\"\n",
	} {
		if got := render(t, &Env{Dialect: d, Entries: []Entry{{Name: "A", Value: "1"}}}, &watch.Snapshot{}); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}

func TestEnvFailsToWrite(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	err := (&Env{Entries: []Entry{{Name: "A", Value: "1"}}}).Render(t.Context(), failingWriter{full}, &watch.Snapshot{})
	if !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func presets(tb testing.TB, names ...string) []Preset {
	tb.Helper()
	all := make([]Preset, len(names))
	for i, name := range names {
		var ok bool
		if all[i], ok = LookupPreset(name); !ok {
			tb.Fatalf("no preset %s", name)
		}
	}
	return all
}
