package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// named is a source in name only; tests of the merge say what it says.
type named string

func (n named) String() string                    { return string(n) }
func (named) Read(context.Context) (Layer, error) { return Layer{}, nil }

// say is what a source says in one round.
type say struct {
	layer Layer
	err   error
}

// round holds what each source says, by its name. Others are not read.
type round map[string]say

var errDown = errors.New("down")

// merge plays rounds to the sources api, volume and env, in this order.
func merge(rounds ...round) *Snapshot {
	_, s := play(rounds...)
	return s
}

func play(rounds ...round) (*merger, *Snapshot) {
	names := []string{"api", "volume", "env"}
	m := newMerger([]Source{named(names[0]), named(names[1]), named(names[2])})
	var s *Snapshot
	for n, r := range rounds {
		for i, name := range names {
			if said, ok := r[name]; ok {
				m.update(result{source: i, layer: said.layer, err: said.err}, second(n))
			}
		}
		s = m.snapshot()
		m.tick()
	}
	return m, s
}

func second(n int) time.Time { return time.Unix(int64(n), 0).UTC() }

// says makes a layer of paths and values.
func says(pairs ...any) say {
	var l Layer
	for i := 0; i < len(pairs); i += 2 {
		l.Set(Path(pairs[i].(string)), pairs[i+1], "file")
	}
	return say{layer: l}
}

func (s say) live() say                     { s.layer.Live = true; return s }
func (s say) failing() say                  { s.err = errDown; return s }
func (s say) learned() say                  { s.layer.Learned = true; return s }
func labels(kv ...string) any               { return pairs(kv) }
func (s say) in(name string) say            { s.layer.Container = name; return s }
func (s say) with(p Path, st Statement) say { s.layer.State(p, st); return s }

func pairs(kv []string) map[string]string {
	m := make(map[string]string)
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return m
}

// facts writes down each fact as source: value, with a mark for stale ones.
func facts(s *Snapshot) map[Path]string {
	all := make(map[Path]string)
	for f := range s.Facts() {
		text, _ := f.Value.(string)
		if f.Origin.Stale {
			text += " stale"
		}
		all[f.Path] = f.Origin.Source + ": " + text
	}
	return all
}

func TestMerge(t *testing.T) {
	t.Parallel()
	const app, tier = "pod.labels['app']", "pod.labels['tier']"
	tests := []struct {
		name   string
		rounds []round
		want   map[Path]string
	}{
		{
			"nothing", []round{{"api": says(), "volume": says()}},
			map[Path]string{},
		},
		{
			"ties go by the order of the sources",
			[]round{{"volume": says("pod.uid", "v"), "env": says("pod.uid", "e"), "api": says("pod.uid", "a")}},
			map[Path]string{"pod.uid": "api: a"},
		},
		{
			"each gives what others lack",
			[]round{{"api": says("pod.uid", "a"), "volume": says("pod.hostname", "v"), "env": says("pod.subdomain", "e")}},
			map[Path]string{"pod.uid": "api: a", "pod.hostname": "volume: v", "pod.subdomain": "env: e"},
		},
		{
			"a live source wins against a later change",
			[]round{
				{"api": says("pod.uid", "a").live(), "volume": says("pod.uid", "v")},
				{"volume": says("pod.uid", "later")},
			},
			map[Path]string{"pod.uid": "api: a"},
		},
		{
			"what is only understood later has not changed later",
			[]round{
				{"api": says("pod.labels", labels("app", "a", "tier", "new")), "volume": says()},
				{"volume": says("pod.labels", labels("app", "v")).learned()},
				{"api": says().failing()},
			},
			map[Path]string{app: "api: a stale", tier: "api: new stale"},
		},
		{
			"and changes like anything else from then on",
			[]round{
				{"api": says("pod.labels", labels("app", "a", "tier", "t")), "volume": says()},
				{"volume": says("pod.labels", labels("app", "v", "tier", "t")).learned()},
				{"api": says().failing(), "volume": says("pod.labels", labels("app", "later"))},
			},
			map[Path]string{app: "volume: later"},
		},
		{
			"a live source wins although it comes later",
			[]round{{"api": says("pod.uid", "a"), "volume": says("pod.uid", "v").live()}},
			map[Path]string{"pod.uid": "volume: v"},
		},
		{
			"of live sources the first wins",
			[]round{
				{"api": says("pod.uid", "a").live(), "volume": says("pod.uid", "v").live()},
				{"volume": says("pod.uid", "later").live()},
			},
			map[Path]string{"pod.uid": "api: a"},
		},
		{
			"a live partial layer is live in what it says",
			[]round{
				{"api": says("pod.uid", "a").live().failing(), "volume": says("pod.uid", "v")},
				{"volume": says("pod.uid", "later")},
			},
			map[Path]string{"pod.uid": "api: a"},
		},
		{
			"and not in what it lacks",
			[]round{
				{"api": says("pod.uid", "a", "pod.hostname", "a").live(), "volume": says("pod.uid", "v")},
				{"api": says("pod.hostname", "a").live().failing(), "volume": says("pod.uid", "later")},
			},
			map[Path]string{"pod.uid": "volume: later", "pod.hostname": "api: a"},
		},
		{
			"with nobody live, what changed last wins",
			[]round{
				{"api": says("pod.uid", "a"), "volume": says("pod.uid", "v")},
				{"volume": says("pod.uid", "later")},
			},
			map[Path]string{"pod.uid": "volume: later"},
		},
		{
			"to say the same again is no change",
			[]round{
				{"api": says("pod.uid", "a"), "volume": says("pod.uid", "v")},
				{"volume": says("pod.uid", "later")},
				{"api": says("pod.uid", "a")},
			},
			map[Path]string{"pod.uid": "volume: later"},
		},
		{
			"a change back is a change",
			[]round{
				{"api": says("pod.uid", "a"), "volume": says("pod.uid", "v")},
				{"volume": says("pod.uid", "later")},
				{"api": says("pod.uid", "b")},
				{"api": says("pod.uid", "a")},
			},
			map[Path]string{"pod.uid": "api: a"},
		},
		{
			"of changes in one round the first source wins",
			[]round{
				{"api": says("pod.uid", "a"), "volume": says("pod.uid", "v")},
				{"api": says("pod.uid", "b"), "volume": says("pod.uid", "w")},
			},
			map[Path]string{"pod.uid": "api: b"},
		},
		{
			"a failed source keeps its last word",
			[]round{{"volume": says("pod.uid", "v")}, {"volume": says().failing()}},
			map[Path]string{"pod.uid": "volume: v stale"},
		},
		{
			"and is fresh when it is back, with no change",
			[]round{
				{"api": says("pod.uid", "a"), "volume": says("pod.uid", "v")},
				{"api": says().failing()},
				{"volume": says("pod.uid", "later")},
				{"api": says("pod.uid", "a")},
			},
			map[Path]string{"pod.uid": "volume: later"},
		},
		{
			"a partial layer renews what it holds",
			[]round{
				{"volume": says("pod.uid", "v", "pod.name", "n")},
				{"volume": says("pod.uid", "w").failing()},
			},
			map[Path]string{"pod.uid": "volume: w", "pod.name": "volume: n stale"},
		},
		{
			"what is no longer said without an error is forgotten",
			[]round{
				{"api": says("pod.uid", "a", "pod.hostname", "h"), "volume": says("pod.uid", "v")},
				{"api": says()},
			},
			map[Path]string{"pod.uid": "volume: v"},
		},
		{
			"the API was live and is down: a label pushed since is seen",
			[]round{
				{"api": says("pod.labels", labels("app", "1")).live(), "volume": says("pod.labels", labels("app", "1"))},
				{"api": says().failing()},
				{"volume": says("pod.labels", labels("app", "2", "tier", "x"))},
			},
			map[Path]string{app: "volume: 2", tier: "volume: x"},
		},
		{
			"and one removed since is gone",
			[]round{
				{"api": says("pod.labels", labels("app", "1", "tier", "x")).live(), "volume": says("pod.labels", labels("app", "1", "tier", "x"))},
				{"api": says().failing()},
				{"volume": says("pod.labels", labels("app", "1"))},
			},
			map[Path]string{app: "api: 1 stale"},
		},
		{
			"and the API's word counts again when it is live",
			[]round{
				{"api": says("pod.labels", labels("app", "1", "tier", "x")).live(), "volume": says("pod.labels", labels("app", "1", "tier", "x"))},
				{"api": says().failing()},
				{"volume": says("pod.labels", labels("app", "1"))},
				{"api": says("pod.labels", labels("app", "2", "tier", "x")).live()},
			},
			map[Path]string{app: "api: 2", tier: "api: x"},
		},
		{
			"a live map denies keys that others still have",
			[]round{{"api": says("pod.labels", labels("app", "1")).live(), "volume": says("pod.labels", labels("app", "1", "tier", "x"))}},
			map[Path]string{app: "api: 1"},
		},
		{
			"an older map denies them too, by the order of the sources",
			[]round{{"api": says("pod.labels", labels()), "volume": says("pod.labels", labels("tier", "x"))}},
			map[Path]string{},
		},
		{
			"a single label whose file went empty is gone",
			[]round{
				{"api": says("pod.labels", labels("app", "1")).live(), "volume": says(app, "1")},
				{"api": says().failing()},
				{"volume": says(app, "")},
			},
			map[Path]string{},
		},
		{
			"and comes back",
			[]round{
				{"api": says("pod.labels", labels("app", "1")).live(), "volume": says(app, "1")},
				{"api": says().failing()},
				{"volume": says(app, "")},
				{"volume": says(app, "1")},
			},
			map[Path]string{app: "volume: 1"},
		},
		{
			"a map that is no longer said is forgotten with its keys",
			[]round{
				{"api": says("pod.labels", labels("app", "1")), "volume": says("pod.labels", labels("app", "0", "tier", "x"))},
				{"api": says()},
			},
			map[Path]string{app: "volume: 0", tier: "volume: x"},
		},
		{
			"a map stands while its source fails",
			[]round{
				{"api": says("pod.labels", labels("app", "1")).live(), "volume": says("pod.labels", labels("app", "1"))},
				{"api": says().failing()},
			},
			map[Path]string{app: "api: 1 stale"},
		},
		{
			"to lack a key again is no change",
			[]round{
				{"api": says("pod.uid", "a"), "volume": says("pod.labels", labels())},
				{"api": says(tier, "x")},
				{"volume": says("pod.labels", labels())},
			},
			map[Path]string{tier: "api: x"},
		},
		{
			"an empty value of a label is a value",
			[]round{{"volume": says("pod.labels", labels("app", ""))}},
			map[Path]string{app: "volume: "},
		},
		{
			"a source that was unreachable at first is late, not old",
			[]round{
				{"api": says().failing(), "volume": says("pod.uid", "v")},
				{"api": says("pod.uid", "a")},
			},
			map[Path]string{"pod.uid": "api: a"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := facts(merge(tt.rounds...)); !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
		})
	}
}

// A limit that nobody set is known to be unset by the API alone; what stands
// in its place may be known to the volume alone.
func TestMergeUnset(t *testing.T) {
	t.Parallel()
	const memory = Path("containers.main.limits.memory")
	unset := Statement{Unset: true, From: "spec"}

	s := merge(round{"api": says().with(memory, unset), "volume": says(string(memory), "8Gi")})
	f, err := s.Lookup(memory)
	if err != nil || f.Value != "8Gi" || !f.Unset || f.Origin.Source != "api" || len(f.Origin.Others) != 0 {
		t.Errorf("got %+v, %v; want the volume's number, unset by the API", f, err)
	}

	s = merge(round{"api": says().with(memory, unset)})
	if f, err := s.Lookup(memory); !IsMissing(err) {
		t.Errorf("got %+v, %v; want it to be missing: nobody knows the number", f, err)
	}

	secret := Statement{Value: "8Gi", Sensitive: true}
	s = merge(round{"api": says().with(memory, unset), "volume": says().with(memory, secret)})
	if f, _ := s.Lookup(memory); !f.Sensitive {
		t.Errorf("got %+v; want it sensitive, as the source of its value says", f)
	}

	s = merge(
		round{"api": says().with(memory, unset), "volume": says(string(memory), "8Gi")},
		round{"api": says(string(memory), "1Gi")},
	)
	if f, _ := s.Lookup(memory); f.Unset || f.Value != "1Gi" {
		t.Errorf("got %+v; want 1Gi, set", f)
	}
}

func TestMergeOthers(t *testing.T) {
	t.Parallel()
	s := merge(round{
		"api":    says("pod.uid", "a", "containers.main.limits.memory", "1Gi", "containers.main.limits.cpu", "1", "pod.hostname", "h"),
		"volume": says("pod.uid", "v", "containers.main.limits.memory", "1024Mi", "containers.main.limits.cpu", "1001m", "pod.hostname", "h"),
		"env":    says("pod.uid", "e"),
	})
	for p, want := range map[Path][]Other{
		"pod.uid":                       {{Source: "volume", From: "file", Value: "v"}, {Source: "env", From: "file", Value: "e"}},
		"pod.hostname":                  nil,
		"containers.main.limits.memory": nil, // the same amount
		"containers.main.limits.cpu":    {{Source: "volume", From: "file", Value: "1001m"}},
	} {
		if f, err := s.Lookup(p); err != nil || !slices.Equal(f.Origin.Others, want) {
			t.Errorf("%s: %v, %v; want %v", p, f.Origin.Others, err, want)
		}
	}
}

func TestMergePrefersTheExacter(t *testing.T) {
	t.Parallel()
	const cpu, memory Path = "containers.main.limits.cpu", "containers.main.limits.memory"
	rounded := func(p Path, value, divisor string) say {
		return says().with(p, Statement{Value: value, Divisor: new(resource.MustParse(divisor))})
	}
	for name, test := range map[string]struct {
		rounds []round
		fact   Path
		want   string
		others int
	}{
		"what rounding lost":        {[]round{{"api": rounded(cpu, "1", "1"), "volume": rounded(cpu, "250m", "1m")}}, cpu, "250m", 0},
		"of several":                {[]round{{"api": rounded(memory, "1Gi", "1Gi"), "volume": rounded(memory, "1000Mi", "1Mi"), "env": rounded(memory, "1048000001", "1")}}, memory, "1048000001", 0},
		"what is exact":             {[]round{{"api": rounded(cpu, "1", "1"), "volume": says(string(cpu), "250m")}}, cpu, "250m", 0},
		"the exacter comes first":   {[]round{{"api": rounded(cpu, "250m", "1m"), "volume": rounded(cpu, "1", "1")}}, cpu, "250m", 0},
		"not what rounding gives":   {[]round{{"api": rounded(cpu, "2", "1"), "volume": rounded(cpu, "250m", "1m")}}, cpu, "2", 1},
		"not before the change":     {[]round{{"api": rounded(cpu, "1", "1"), "volume": rounded(cpu, "250m", "1m")}, {"api": rounded(cpu, "2", "1")}}, cpu, "2", 1},
		"not what may have changed": {[]round{{"api": rounded(cpu, "1", "1"), "volume": rounded(cpu, "250m", "1m")}, {"volume": says().failing()}}, cpu, "1", 1},
		"not against what is live":  {[]round{{"api": says(string(cpu), "1").live(), "volume": rounded(cpu, "250m", "1m")}}, cpu, "1", 1},
		"same divisor":              {[]round{{"api": rounded(cpu, "1", "1"), "volume": rounded(cpu, "1", "1")}}, cpu, "1", 0},
		"the API knows it as unset": {[]round{{"api": says().with(cpu, Statement{Unset: true}), "volume": rounded(cpu, "8", "1")}}, cpu, "8", 0},
	} {
		s := merge(test.rounds...)
		if f, err := s.Lookup(test.fact); err != nil || f.Value != test.want || len(f.Origin.Others) != test.others {
			t.Errorf("%s: got %v, %v against %v; want %s", name, f.Value, err, f.Origin.Others, test.want)
		}
	}
}

func TestMergeSensitive(t *testing.T) {
	t.Parallel()
	s := merge(round{"api": says("pod.uid", "a"), "volume": says().with(PodUID, Statement{Value: "a", Sensitive: true})})
	if f, _ := s.Lookup(PodUID); !f.Sensitive || f.Origin.Source != "api" {
		t.Errorf("got %+v; want the API's word, sensitive because one source says so", f)
	}
}

func TestMergeOrigin(t *testing.T) {
	t.Parallel()
	s := merge(
		round{"volume": says("pod.uid", "v")},
		round{"volume": says("pod.uid", "v")},
		round{"volume": says().failing()},
	)
	f, err := s.Lookup(PodUID)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Origin.Confirmed.Equal(second(1)) {
		t.Errorf("confirmed at %v, want when it was last said", f.Origin.Confirmed)
	}
	if got, want := f.Origin.String(), "volume file (stale)"; got != want {
		t.Errorf("origin %q, want %q", got, want)
	}
	states := s.Sources()
	if len(states) != 3 || states[1].Name != "volume" || !errors.Is(states[1].Err, errDown) || states[0].Err != nil {
		t.Errorf("sources: %+v", states)
	}
}

func TestMergeContainer(t *testing.T) {
	t.Parallel()
	const memory = "containers.main.limits.memory"
	both := says(memory, "1Gi", "containers.proxy.limits.memory", "2Gi")
	_, s := play(round{"api": says().in("main"), "volume": both}, round{"api": says().failing()})
	if f, err := s.Lookup("limits.memory"); err != nil || f.Path != memory {
		t.Errorf("got %+v, %v; want the only app container, which a failure does not unsay", f, err)
	}
	_, s = play(round{"api": says().in("main"), "volume": both}, round{"api": says()})
	if _, err := s.Lookup("limits.memory"); err == nil {
		t.Error("got no error; want one: nobody knows of an only container any more")
	}
}

// What is gone everywhere leaves no trace, however many keys come and go.
func TestMergeForgets(t *testing.T) {
	t.Parallel()
	m := newMerger([]Source{named("api"), named("volume")})
	for i := range 1000 {
		key := time.Duration(i).String()
		for source, l := range []Layer{
			says("pod.labels", labels("app", "1", key, "x")).layer,
			says("pod.labels", labels("app", "1"), "pod.annotations['"+key+"']", "y").layer,
		} {
			m.update(result{source: source, layer: l}, second(i))
		}
		m.snapshot()
		m.tick()
	}
	for _, h := range m.sources {
		if len(h.words) > 3 {
			t.Errorf("%s holds %d words, want the last few", h.name, len(h.words))
		}
	}
}

// A snapshot shares nothing with the layers it was made of.
func TestMergeCopies(t *testing.T) {
	t.Parallel()
	given := map[string]string{"app": "1"}
	var l Layer
	l.Set(PodLabels, given, "file")
	m := newMerger([]Source{named("volume")})
	m.update(result{layer: l}, second(0))
	before := m.snapshot()
	want := facts(before)

	given["app"] = "2"
	l.Set(PodLabels.Key("app"), "3", "file")
	l.Set(PodUID, "u", "file")
	m.tick()
	m.update(result{layer: l}, second(1))
	after := m.snapshot()
	if got := facts(before); !maps.Equal(got, want) {
		t.Errorf("the first snapshot is now %v, was %v", got, want)
	}
	if before.Equal(after) || after.Equal(before) {
		t.Error("the snapshots are equal")
	}
}
