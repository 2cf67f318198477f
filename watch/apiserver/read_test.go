package apiserver

import (
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/manifest"
)

func fixture(name string) (dir string, pod Target) {
	dir = filepath.Join("../manifest/testdata", name, "objects")
	return dir, Target{Namespace: "shop", Name: map[string]string{"deployment": "web-7858dd7779-fmn6h", "statefulset": "db-0"}[name]}
}

// TestFactsEqualManifest: the API server and a dump of it say the same.
func TestFactsEqualManifest(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"deployment", "statefulset"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, pod := fixture(name)
			a := plainAPI(t)
			a.load(t, dir)
			cluster, err := manifest.Load(manifest.Input{Pod: filepath.Join(dir, "pod.yaml"), Objects: []string{dir}})
			if err != nil {
				t.Fatal(err)
			}
			dump, err := cluster.Pod("")
			if err != nil {
				t.Fatal(err)
			}
			want := facts(t, dump)
			want["cluster.version"] = "v1.36.3"
			for _, mode := range []Mode{Once, Follow} {
				got := facts(t, &Source{Client: a.client(t), Pod: pod, Plan: NewPlan(needs(""), nil, mode)})
				for _, p := range slices.Sorted(maps.Keys(want)) {
					if !reflect.DeepEqual(got[p], want[p]) {
						t.Errorf("%s = %v, want %v", p, got[p], want[p])
					}
					delete(got, p)
				}
				for p, value := range got {
					t.Errorf("%s = %v, but the dump does not say so", p, value)
				}
			}
		})
	}
}

func facts(t *testing.T, s watch.Source) map[watch.Path]any {
	t.Helper()
	snapshot, err := watch.Collect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	all := map[watch.Path]any{}
	for f := range snapshot.Facts() {
		all[f.Path] = f.Value
	}
	return all
}

// TestOnlyWhatIsNeeded names the requests that each need costs.
func TestOnlyWhatIsNeeded(t *testing.T) {
	t.Parallel()
	const (
		shop = "get /api/v1/namespaces/shop"
		pod  = shop + "/pods/web-7858dd7779-fmn6h"
		apps = "get /apis/apps/v1/namespaces/shop"
	)
	for _, tt := range []struct {
		needs watch.Needs
		node  string
		want  []string
	}{
		{needs("pod.name", "pod.namespace", "namespace.name"), "", nil},
		{needs("pod.labels['app']"), "", []string{pod}},
		{needs("node.zone"), "", []string{pod, "get /api/v1/nodes/n0"}},
		{needs("node.zone"), "n0", []string{"get /api/v1/nodes/n0"}},
		{needs("node.allocatable.cpu", "node.zone"), "n0", []string{"get /api/v1/nodes/n0"}},
		{needs("node.ip"), "", []string{pod}},
		{needs("namespace.labels"), "", []string{shop}},
		{needs("owner.name"), "", []string{pod}},
		{needs("workload.name"), "", []string{pod, apps + "/replicasets/web-7858dd7779"}},
		{needs("workload.labels['tier']"), "", []string{pod, apps + "/replicasets/web-7858dd7779", apps + "/deployments/web"}},
		{needs("services"), "", []string{pod, shop + "/services"}},
		{needs("peers"), "", []string{pod, apps + "/replicasets/web-7858dd7779", apps + "/deployments/web", shop + "/pods?app.kubernetes.io/name=web"}},
		{needs("cluster"), "", []string{"get /api/v1/namespaces/kube-system", "get /version"}},
	} {
		t.Run(string(tt.needs[0].Path)+tt.node, func(t *testing.T) {
			t.Parallel()
			dir, target := fixture("deployment")
			a := plainAPI(t)
			a.load(t, dir)
			target.Node = tt.node
			var known []watch.Path
			if tt.node != "" {
				known = append(known, watch.PodNodeName)
			}
			s := &Source{Client: a.client(t), Pod: target, Plan: NewPlan(tt.needs, nil, Once, known...)}
			if _, err := s.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := a.asked()
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if s.Plan.Empty() != (len(tt.want) == 0) {
				t.Errorf("Empty = %v", s.Plan.Empty())
			}
		})
	}
}
