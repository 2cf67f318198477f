package watch

import (
	"reflect"
	"slices"
	"testing"
)

// viewed is a snapshot of one source.
func viewed(s say) *Snapshot { return merge(round{"volume": s}) }

func TestLookup(t *testing.T) {
	t.Parallel()
	s := viewed(says(
		"pod.name", "web-0",
		"pod.labels", labels("app", "web", "a.b/c", "", "statefulset.kubernetes.io/pod-name", "web-0"),
		"pod.annotations", labels(),
		"pod.ips", []string{"10.0.0.1", "fd00::1"},
		"containers.main.limits", labels("cpu", "2", "nvidia.com/gpu", "1"),
		"containers.main.image", "app:1",
		"services", []any{map[string]any{"name": "web", "ports": []any{int64(80)}}},
		"objects.settings", map[string]any{
			"kind": "ConfigMap",
			"data": map[string]any{"nginx.conf": "server {}", "none": nil},
		},
		"files['ca.crt']", "PEM",
		"env.X", "y",
	))
	tests := []struct {
		path Path
		want any // nil: missing
	}{
		{"pod.name", "web-0"},
		{"pod.labels['app']", "web"},
		{"pod.labels['a.b/c']", ""},
		{"pod.labels", map[string]string{"app": "web", "a.b/c": "", "statefulset.kubernetes.io/pod-name": "web-0"}},
		{"pod.annotations", map[string]string{}},
		{"pod.ips", []string{"10.0.0.1", "fd00::1"}},
		{"pod.ip", "10.0.0.1"}, // derived
		{"pod.ordinal", int64(0)},
		{"containers.main", map[string]any{"image": "app:1", "limits": map[string]string{"cpu": "2", "nvidia.com/gpu": "1"}}},
		{"containers.main.limits['nvidia.com/gpu']", "1"},
		{"limits['nvidia.com/gpu']", "1"},
		{"limits", map[string]string{"cpu": "2", "nvidia.com/gpu": "1"}},
		{"services.0.name", "web"},
		{"services.0.ports.0", int64(80)},
		{"objects.settings.kind", "ConfigMap"},
		{"objects.settings.data['nginx.conf']", "server {}"},
		{"files", map[string]string{"ca.crt": "PEM"}},
		{"files['ca.crt']", "PEM"},
		{"env", map[string]string{"X": "y"}},

		{"pod.uid", nil},
		{"pod.labels['other']", nil},
		{"pod.labels['app'].x", nil},
		{"limits.memory", nil},
		{"containers.other.image", nil},
		{"services.1.name", nil},
		{"services.-1.name", nil},
		{"services.name", nil},
		{"objects.settings.data.none", nil},
		{"objects.settings.data.none.deeper", nil},
		{"objects.other", nil},
		{"node", nil},
	}
	for _, tt := range tests {
		f, err := s.Lookup(tt.path)
		if tt.want == nil {
			if !IsMissing(err) || !reflect.DeepEqual(f, Fact{}) {
				t.Errorf("%s: got %+v, %v; want it missing", tt.path, f, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(f.Value, tt.want) {
			t.Errorf("%s: got %#v, %v; want %#v", tt.path, f.Value, err, tt.want)
		}
		if tt.path != "pod.annotations" && f.Origin.Source == "" {
			t.Errorf("%s: no origin", tt.path)
		}
	}
	if f, err := s.Lookup(""); err != nil || !reflect.DeepEqual(f.Value, s.Tree()) {
		t.Errorf("the root: %v, %v; want the tree", f.Value, err)
	}
}

func TestLookupSensitive(t *testing.T) {
	t.Parallel()
	secret := map[string]any{"data": map[string]any{"password": "x"}}
	s := viewed(says("pod.name", "a", "objects.open", map[string]any{"a": "b"}).
		with("objects.secret", Statement{Value: secret, Sensitive: true}))
	for p, want := range map[Path]bool{
		"objects.secret": true, "objects.secret.data.password": true, "objects": true, "": true,
		"objects.open": false, "pod": false, "pod.name": false,
	} {
		if f, err := s.Lookup(p); err != nil || f.Sensitive != want {
			t.Errorf("%q: sensitive %t, %v; want %t", p, f.Sensitive, err, want)
		}
	}
	public := s.Public()
	if _, ok := dig(public, []string{"objects", "secret"}); ok {
		t.Error("Public holds the secret")
	}
	if _, ok := dig(public, []string{"objects", "open", "a"}); !ok {
		t.Error("Public lacks what anyone may see")
	}
	if _, ok := dig(s.Tree(), []string{"objects", "secret", "data", "password"}); !ok {
		t.Error("Tree lacks the secret")
	}
}

func TestDefaultContainer(t *testing.T) {
	t.Parallel()
	const main, proxy = "containers.main.limits.memory", "containers.proxy.limits.memory"
	annotated := func(name string) any { return labels("kubectl.kubernetes.io/default-container", name) }
	tests := []struct {
		name string
		say  say
		want Path
		err  string
	}{
		{"by annotation", says(main, "1Gi", proxy, "2Gi", "pod.annotations", annotated("proxy")).in("main"), proxy, ""},
		{"the only app container", says(main, "1Gi", proxy, "2Gi").in("main"), main, ""},
		{"the only one with facts", says(main, "1Gi"), main, ""},
		{"an empty annotation", says(main, "1Gi", "pod.annotations", annotated("")), main, ""},
		{"several", says(main, "1Gi", proxy, "2Gi"), "",
			"limits.memory: the pod has several containers (main, proxy); set container: in the configuration, " +
				"--container, or the annotation kubectl.kubernetes.io/default-container"},
		{"none", says("pod.name", "x"), "",
			"limits.memory is missing: no source names a container; mount its limits and requests in the downwardAPI volume"},
		{"one that is not there", says(main, "1Gi", "pod.annotations", annotated("typo")), "",
			"containers.typo.limits.memory is missing: no source gives it; it comes from: API, volume, environment"},
		{"called labels", says("containers.labels.limits.memory", "1Gi"), "containers.labels.limits.memory", ""},
		{"called a.b", says("containers['a.b'].limits.memory", "1Gi"), "containers['a.b'].limits.memory", ""},
	}
	for _, tt := range tests {
		f, err := viewed(tt.say).Lookup("limits.memory")
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%s: got %v\nwant %s", tt.name, err, tt.err)
			}
			continue
		}
		if err != nil || f.Path != tt.want {
			t.Errorf("%s: got %q, %v; want %q", tt.name, f.Path, err, tt.want)
		}
	}
	for _, p := range []Path{"", "pod", "pod.name", "containers.x.limits.cpu", "limitsx"} {
		if got, err := (&Snapshot{}).Resolve(p); got != p || err != nil {
			t.Errorf("Resolve(%q) = %q, %v; want it as it is", p, got, err)
		}
	}
}

// explaining is a source that knows why a fact is missing.
type explaining struct {
	named
	reasons map[Path][2]string
}

func (e explaining) Explain(p Path) (reason, hint string) { return e.reasons[p][0], e.reasons[p][1] }

func TestMissingError(t *testing.T) {
	t.Parallel()
	m := newMerger([]Source{
		explaining{"api", map[Path][2]string{
			"node.zone": {"forbidden: nodes", "allow get on nodes; podfacts rbac prints the rule"},
			"pod.uid":   {"", "mount it"},
		}},
		explaining{"volume", map[Path][2]string{"node.zone": {"not mounted", "mount it"}, "pod.name": {"no file name", "add it"}}},
		named("mute"),
		explaining{"copy", map[Path][2]string{"node.zone": {"not mounted", ""}}},
	})
	m.update(result{source: 0}, second(0))
	m.update(result{source: 1, layer: says("pod.labels", labels("app", "x"), "node.labels", labels(),
		"containers.main.limits", labels()).layer}, second(0))
	well := m.snapshot()
	m.update(result{source: 1, err: errDown}, second(1))
	m.update(result{source: 2, err: errDown}, second(1))
	failing := m.snapshot()

	tests := []struct {
		s    *Snapshot
		path Path
		want string
	}{
		{well, "pod.hostname", "pod.hostname is missing: no source gives it; it comes from: API"},
		{well, "pod.uid", "pod.uid is missing: no source gives it; mount it"},
		{well, "node.zone", "node.zone is missing: forbidden: nodes; not mounted; allow get on nodes; podfacts rbac prints the rule"},
		{well, "pod.labels['tier']", "pod.labels['tier'] is missing: pod.labels has no such key; give it a default, or set it on the pod"},
		{well, "node.labels['x']", "node.labels['x'] is missing: node.labels has no such key; give it a default, or set it on the node"},
		{well, "containers.main.limits.cpu", "containers.main.limits.cpu is missing: containers.main.limits has no such key; give it a default, or set it on the container"},
		{well, "namespace", "namespace is missing: no source gives it"},
		{well, "workload.name", "workload.name is missing: no file name; add it"},
		{failing, "pod.hostname", "pod.hostname is missing: down; it comes from: API"},
		{failing, "pod.labels['tier']", "pod.labels['tier'] is missing: pod.labels has no such key; give it a default, or set it on the pod"},
	}
	for _, tt := range tests {
		if _, err := tt.s.Lookup(tt.path); err == nil || err.Error() != tt.want {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
	}
}

func TestEqualAndChanged(t *testing.T) {
	t.Parallel()
	base := says("pod.name", "a", "pod.labels", labels("app", "1"), "pod.ips", []string{"1.2.3.4"})
	tests := []struct {
		name string
		a, b *Snapshot
		want []Path
	}{
		{"the same, said anew", viewed(base), viewed(base), nil},
		{"by another source, at another time", viewed(base), merge(round{}, round{"env": base}), nil},
		{"nothing", viewed(says()), &Snapshot{}, nil},
		{"a value", viewed(says("pod.uid", "a")), viewed(says("pod.uid", "b")), []Path{"pod.uid"}},
		{"a list", viewed(says("pod.hostIPs", []string{"a", "b"})), viewed(says("pod.hostIPs", []string{"a", "c"})), []Path{"pod.hostIPs"}},
		{"a fact more", viewed(says("pod.uid", "a")), viewed(says("pod.uid", "a", "pod.hostname", "h")), []Path{"pod.hostname"}},
		{"labels", viewed(says("pod.labels", labels("a", "1", "b", "2"))), viewed(says("pod.labels", labels("b", "3", "c", "4"))),
			[]Path{"pod.labels['a']", "pod.labels['b']", "pod.labels['c']"}},
		{"an empty map", viewed(says()), viewed(says("pod.labels", labels())), []Path{"pod.labels"}},
		{"a mark", viewed(says("limits.cpu", "1")), viewed(says().with("limits.cpu", Statement{Value: "1", Unset: true})), []Path{"limits.cpu"}},
		{"a secret", viewed(says("pod.uid", "a")), viewed(says().with(PodUID, Statement{Value: "a", Sensitive: true})), []Path{"pod.uid"}},
		{"an object", viewed(says("objects.x", map[string]any{"a": "1"})), viewed(says("objects.x", map[string]any{"a": "2"})), []Path{"objects.x"}},
	}
	for _, tt := range tests {
		for _, pair := range [][2]*Snapshot{{tt.a, tt.b}, {tt.b, tt.a}} {
			if got := pair[0].Changed(pair[1]); !slices.Equal(got, tt.want) {
				t.Errorf("%s: changed %v, want %v", tt.name, got, tt.want)
			}
			if got := pair[0].Equal(pair[1]); got != (len(tt.want) == 0) {
				t.Errorf("%s: equal: %t", tt.name, got)
			}
		}
	}
	s := viewed(says("pod.uid", "a"))
	if got := s.Changed(nil); !slices.Equal(got, []Path{"pod.uid"}) {
		t.Errorf("since nil: %v, want everything", got)
	}
	if s.Equal(nil) || (*Snapshot)(nil).Equal(s) || !(*Snapshot)(nil).Equal(nil) {
		t.Error("a snapshot equals none, or none does not equal itself")
	}
}

func TestFactsInOrder(t *testing.T) {
	t.Parallel()
	s := viewed(says("pod.uid", "u", "pod.labels", labels("b", "2", "a", "1"), "env.X", "x"))
	var got []Path
	for f := range s.Facts() {
		got = append(got, f.Path)
		if f.Path == "pod.labels['b']" {
			break
		}
	}
	if want := []Path{"env.X", "pod.labels['a']", "pod.labels['b']"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v and then no more", got, want)
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	s := viewed(says(
		"pod.name", "a",
		"pod.labels", labels("x/y", "1"),
		"pod.annotations['single']", "2",
		"containers.labels.image", "app:1", // containers may have any name
		"containers.labels.limits.cpu", "1",
		"containers.limits.limits.cpu", "2",
		"containers.limits.image", "app:2",
		"node.capacity", labels(),
		"objects.x", map[string]any{"a": map[string]any{"b": "c"}},
	))
	want := map[string]any{
		"pod": map[string]any{
			"name": "a", "labels": map[string]string{"x/y": "1"}, "annotations": map[string]string{"single": "2"},
		},
		"containers": map[string]any{
			"labels": map[string]any{"image": "app:1", "limits": map[string]string{"cpu": "1"}},
			"limits": map[string]any{"image": "app:2", "limits": map[string]string{"cpu": "2"}},
		},
		"node":    map[string]any{"capacity": map[string]string{}},
		"objects": map[string]any{"x": map[string]any{"a": map[string]any{"b": "c"}}},
	}
	for range 10 { // maps have no order
		if got := s.Public(); !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	}
	if got := s.Tree(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := (&Snapshot{}).Tree(); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// Readers may share a snapshot; the race detector watches.
func TestSnapshotConcurrentReaders(t *testing.T) {
	t.Parallel()
	s := viewed(says("pod.labels", labels("app", "1"), "containers.main.limits.cpu", "1"))
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for _, p := range []Path{"pod.labels", "limits.cpu", "", "pod.uid"} {
				_, _ = s.Lookup(p) // only the reading matters here
			}
			s.Public()
			s.Equal(s)
		}()
	}
	for range 4 {
		<-done
	}
}
