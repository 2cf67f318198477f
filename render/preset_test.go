package render

import (
	"strings"
	"testing"

	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

func TestPresets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ preset, want string }{
		{"pod", `POD_NAME=web-5d4f8c7b9-x2x4z
POD_NAMESPACE=shop
POD_UID=0d2c4a6e-1111-2222-3333-444455556666
POD_IP=10.1.2.3
POD_IPS=10.1.2.3,fd00::3
HOST_IP=192.0.2.7
NODE_NAME=node-a
SERVICE_ACCOUNT=web
`},
		{"labels", `POD_LABEL_APP=web
POD_LABEL_APP_KUBERNETES_IO_VERSION=1.4.2
POD_LABEL_EMPTY=
POD_LABEL_TIER=front
`},
		{"annotations", `POD_ANNOTATION_NOTE=two
lines
POD_ANNOTATION_TEAM=it's us
`},
		{"resources", `MAIN_CPU_LIMIT_MILLICORES=2500
MAIN_MEMORY_LIMIT_BYTES=1073741824
MAIN_CPU_REQUEST_MILLICORES=100
MAIN_MEMORY_REQUEST_BYTES=1610612736
MAIN_CPU_ALLOCATED_MILLICORES=2000
SIDE_GPU_LIMIT=1
SIDE_MEMORY_LIMIT_BYTES=67108864
`},
		{"node", `NODE_NAME=node-a
NODE_IP=192.0.2.7
NODE_ZONE=eu-1a
NODE_REGION=eu-1
`},
		{"workload", `WORKLOAD_KIND=Deployment
WORKLOAD_NAME=web
WORKLOAD_REPLICAS=3
OWNER_KIND=ReplicaSet
OWNER_NAME=web-5d4f8c7b9
POD_ORDINAL=7
`},
		{"go", "GOMEMLIMIT=966367641\nGOMAXPROCS=3\n"},
		{"jvm", "JAVA_TOOL_OPTIONS=-Xmx768m -XX:ActiveProcessorCount=3\n"},
		{"nodejs", "NODE_OPTIONS=--max-old-space-size=768\n"},
	} {
		if got := values(t, test.preset, web(t)); got != test.want {
			t.Errorf("%s gives\n%swant\n%s", test.preset, got, test.want)
		}
	}
}

// values lists what a preset makes, in no dialect.
func values(tb testing.TB, preset string, s *watch.Snapshot) string {
	tb.Helper()
	variables, err := (&Env{Presets: presets(tb, preset)}).Variables(s)
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	for _, v := range variables {
		b.WriteString(v.Name + "=" + v.Value + "\n")
	}
	return b.String()
}

func TestPresetsOfNothing(t *testing.T) {
	t.Parallel()
	for _, p := range Presets() {
		variables, err := (&Env{Presets: []Preset{p}}).Variables(&watch.Snapshot{})
		if len(variables) > 0 {
			t.Errorf("%s makes %v of nothing", p, variables)
		}
		wantError(t, err, "preset "+p.String()+": ")
		if !watch.IsMissing(err) && p.String() != "resources" {
			t.Errorf("%s: %v does not say that a fact is missing", p, err)
		}
		if p.Doc() == "" || strings.Contains(p.Doc(), "\n") {
			t.Errorf("%s is documented as %q", p, p.Doc())
		}
	}
}

func TestPresetOfAnEmptyMap(t *testing.T) {
	t.Parallel()
	if got := values(t, "labels", facts(t, map[watch.Path]any{"pod.labels": map[string]string{}})); got != "" {
		t.Errorf("got %q of no labels", got)
	}
}

// Facts that a preset asks for are those that it uses: it makes the same of a
// snapshot with no others.
func TestPresetsAskForWhatTheyUse(t *testing.T) {
	t.Parallel()
	for _, p := range Presets() {
		e := Env{Presets: []Preset{p}, Dialect: envfile.JSON}
		if got, want := render(t, &e, collect(t, wanted(webLayer(), e.Needs()))), render(t, &e, web(t)); got != want {
			t.Errorf("%s makes of what it asks for\n%sand of everything\n%s", p, got, want)
		}
	}
}

func TestRuntimesPlan(t *testing.T) {
	t.Parallel()
	limits := func(cpu, memory string) map[watch.Path]any {
		m := make(map[watch.Path]any)
		if cpu != "" {
			m["containers.main.limits.cpu"] = cpu
		}
		if memory != "" {
			m["containers.main.limits.memory"] = memory
		}
		return m
	}
	for _, test := range []struct{ preset, cpu, memory, want string }{
		{"go", "100m", "", "GOMAXPROCS=1\n"},
		{"go", "1", "", "GOMAXPROCS=1\n"},
		{"go", "1001m", "", "GOMAXPROCS=2\n"},
		{"go", "", "100Mi", "GOMEMLIMIT=94371840\n"},
		{"go", "", "1", "GOMEMLIMIT=1\n"}, // 0 would be no limit
		{"jvm", "100m", "", "JAVA_TOOL_OPTIONS=-XX:ActiveProcessorCount=1\n"},
		{"jvm", "", "1000Mi", "JAVA_TOOL_OPTIONS=-Xmx750m\n"},
		{"nodejs", "", "3Gi", "NODE_OPTIONS=--max-old-space-size=2304\n"},
	} {
		if got := values(t, test.preset, facts(t, limits(test.cpu, test.memory))); got != test.want {
			t.Errorf("%s of cpu %q, memory %q is %q, want %q", test.preset, test.cpu, test.memory, got, test.want)
		}
	}
}

func TestRuntimesRefuseUnsetLimits(t *testing.T) {
	t.Parallel()
	var l watch.Layer
	l.State("containers.main.limits.memory", watch.Statement{Value: "32Gi", Unset: true})
	l.State("containers.main.limits.cpu", watch.Statement{Value: "8", Unset: true})
	l.State("containers.main.requests.cpu", watch.Statement{Value: "1"})
	s := collect(t, l)
	for preset, parts := range map[string][]string{
		"go":     {"preset go: GOMEMLIMIT: containers.main.limits.memory is not set", "\npreset go: GOMAXPROCS: containers.main.limits.cpu is not set"},
		"jvm":    {"preset jvm: JAVA_TOOL_OPTIONS: containers.main.limits.memory is not set", "limits.cpu is not set"},
		"nodejs": {"preset nodejs: NODE_OPTIONS: containers.main.limits.memory is not set", "set NODE_OPTIONS by an env entry"},
	} {
		_, err := (&Env{Presets: presets(t, preset)}).Variables(s)
		wantError(t, err, parts...)
	}
	if got, want := values(t, "resources", s), "MAIN_CPU_REQUEST_MILLICORES=1000\n"; got != want {
		t.Errorf("resources of unset limits: %q, want %q", got, want)
	}
}

// An entry that sets what a preset would is also a way out of the preset's
// errors, for each variable by itself.
func TestEntriesStandInForPresets(t *testing.T) {
	t.Parallel()
	var unset watch.Layer
	unset.State("containers.main.limits.memory", watch.Statement{Value: "32Gi", Unset: true})
	unset.State("containers.main.limits.cpu", watch.Statement{Value: "2"})
	for _, test := range []struct {
		preset, want string
		entries      []string
		s            *watch.Snapshot
	}{
		{"go", "GOMAXPROCS='2'\nGOMEMLIMIT='x'\n", []string{"GOMEMLIMIT"}, collect(t, unset)},
		{"go", "GOMEMLIMIT='x'\nGOMAXPROCS='x'\n", []string{"GOMEMLIMIT", "GOMAXPROCS"}, collect(t, unset)},
		{"go", "GOMEMLIMIT='x'\n", []string{"GOMEMLIMIT"}, &watch.Snapshot{}},
		{"jvm", "JAVA_TOOL_OPTIONS='x'\n", []string{"JAVA_TOOL_OPTIONS"}, collect(t, unset)},
		{"nodejs", "NODE_OPTIONS='x'\n", []string{"NODE_OPTIONS"}, collect(t, unset)},
	} {
		e := Env{Presets: presets(t, test.preset)}
		for _, name := range test.entries {
			e.Entries = append(e.Entries, Entry{Name: name, Value: "x"})
		}
		if got := render(t, &e, test.s); got != test.want {
			t.Errorf("%s with %v gives %q, want %q", test.preset, test.entries, got, test.want)
		}
	}
}

func TestLookupPreset(t *testing.T) {
	t.Parallel()
	if p, ok := LookupPreset("rust"); ok {
		t.Errorf("found %v", p)
	}
}
