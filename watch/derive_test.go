package watch

import (
	"maps"
	"reflect"
	"strings"
	"testing"
)

const (
	zone   = "topology.kubernetes.io/zone"
	region = "topology.kubernetes.io/region"
)

// derivable gives what each conclusion can be drawn from.
func derivable() map[string]say {
	hash := func(name, hash string) say {
		return says("pod.name", name, "pod.labels", labels("pod-template-hash", hash))
	}
	daemon := func(name string) say {
		return says("pod.name", name, "pod.labels", labels("controller-revision-hash", "5d4f8", "pod-template-generation", "1"))
	}
	job := func(name, job string) say {
		return says("pod.name", name, "pod.labels", labels("batch.kubernetes.io/job-name", job))
	}
	long := strings.Repeat("n", 52)
	return map[string]say{
		"deployment":               hash("web-7d4b9c6f5-x2x4z", "7d4b9c6f5"),
		"deployment with dashes":   hash("my-web-app-7d4b9c6f5-x2x4z", "7d4b9c6f5"),
		"deployment, hash cut off": hash(long+"-7d4b9x2x4z", "7d4b9c6f5"),
		"deployment, just fits":    hash(strings.Repeat("n", 47)+"-7d4b9c6f5-x2x4z", "7d4b9c6f5"),
		"deployment, copied hash":  hash("web-0", "7d4b9c6f5"),
		"deployment without name":  says("pod.labels", labels("pod-template-hash", "7d4b9c6f5")),
		"deployment, name is hash": hash("-7d4b9c6f5-x2x4z", "7d4b9c6f5"),

		"statefulset":              says("pod.name", "db-2", "pod.labels", labels("statefulset.kubernetes.io/pod-name", "db-2")),
		"statefulset with index":   says("pod.name", "db-2", "pod.labels", labels("statefulset.kubernetes.io/pod-name", "db-2", "apps.kubernetes.io/pod-index", "2")),
		"statefulset without name": says("pod.labels", labels("statefulset.kubernetes.io/pod-name", "my-db-10")),
		"statefulset, copied":      says("pod.name", "other", "pod.labels", labels("statefulset.kubernetes.io/pod-name", "db-2")),
		"statefulset and a copied hash": says("pod.name", "db-2", "pod.labels",
			labels("pod-template-hash", "7d4b9c6f5", "statefulset.kubernetes.io/pod-name", "db-2")),
		"ordinal is no number": says("pod.labels", labels("apps.kubernetes.io/pod-index", "x")),

		"daemonset":             daemon("logs-x2x4z"),
		"daemonset, maybe cut":  daemon(strings.Repeat("n", 57) + "-x2x4z"),
		"daemonset by no means": says("pod.name", "db-x2x4z", "pod.labels", labels("controller-revision-hash", "5d4f8")),

		"job":               job("load-x2x4z", "load"),
		"indexed job":       says("pod.name", "load-3-x2x4z", "pod.labels", labels("batch.kubernetes.io/job-name", "load", "batch.kubernetes.io/job-completion-index", "3")),
		"job of long name":  job(strings.Repeat("j", 57)+"-x2x4z", strings.Repeat("j", 63)),
		"job, copied label": job("web-x2x4z", "load"),

		"zone of the pod":  says("pod.labels", labels(zone, "eu-1a", region, "eu-1")),
		"zone of the node": says("node.labels", labels(zone, "eu-1b", region, "eu-2"), "pod.labels", labels(zone, "old", region, "old")),
		"zone is known":    says("node.zone", "said", "pod.labels", labels(zone, "eu-1a")),

		"addresses from one":  says("pod.ip", "10.0.0.1", "pod.hostIP", "10.1.0.1"),
		"addresses from many": says("pod.ips", []string{"10.0.0.1", "fd00::1"}, "pod.hostIPs", []string{"10.1.0.1", "fd01::1"}),
		"names":               says("pod.nodeName", "n1", "pod.namespace", "shop"),
		"node name":           says("node.name", "n1"),
	}
}

func TestDerive(t *testing.T) {
	t.Parallel()
	owner := func(kind, name string) map[Path]any { return map[Path]any{OwnerKind: kind, OwnerName: name} }
	both := func(kind, name string) map[Path]any {
		return map[Path]any{OwnerKind: kind, OwnerName: name, WorkloadKind: kind, WorkloadName: name}
	}
	with := func(m map[Path]any, p Path, v any) map[Path]any { m[p] = v; return m }
	deployment := func(name, hash string) map[Path]any {
		return map[Path]any{OwnerKind: "ReplicaSet", OwnerName: name + "-" + hash, WorkloadKind: "Deployment", WorkloadName: name}
	}
	want := map[string]map[Path]any{
		"deployment":               deployment("web", "7d4b9c6f5"),
		"deployment with dashes":   deployment("my-web-app", "7d4b9c6f5"),
		"deployment, hash cut off": {},
		"deployment, just fits":    deployment(strings.Repeat("n", 47), "7d4b9c6f5"),
		"deployment, copied hash":  {},
		"deployment without name":  {},
		"deployment, name is hash": {},

		"statefulset":                   with(both("StatefulSet", "db"), PodOrdinal, int64(2)),
		"statefulset with index":        with(both("StatefulSet", "db"), PodOrdinal, int64(2)),
		"statefulset without name":      with(both("StatefulSet", "my-db"), PodOrdinal, int64(10)),
		"statefulset, copied":           {},
		"statefulset and a copied hash": with(both("StatefulSet", "db"), PodOrdinal, int64(2)),
		"ordinal is no number":          {},

		"daemonset":             both("DaemonSet", "logs"),
		"daemonset, maybe cut":  {},
		"daemonset by no means": {},

		"job":               owner("Job", "load"),
		"indexed job":       with(owner("Job", "load"), PodOrdinal, int64(3)),
		"job of long name":  owner("Job", strings.Repeat("j", 63)),
		"job, copied label": {},

		"zone of the pod":  {NodeZone: "eu-1a", NodeRegion: "eu-1"},
		"zone of the node": {NodeZone: "eu-1b", NodeRegion: "eu-2"},
		"zone is known":    {},

		"addresses from one":  {PodIPs: []string{"10.0.0.1"}, PodHostIPs: []string{"10.1.0.1"}, NodeIP: "10.1.0.1"},
		"addresses from many": {PodIP: "10.0.0.1", PodHostIP: "10.1.0.1", NodeIP: "10.1.0.1"},
		"names":               {NodeName: "n1", NamespaceName: "shop"},
		"node name":           {PodNodeName: "n1"},
	}
	says := derivable()
	for name := range says {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: no expectation", name)
		}
	}
	for name, want := range want {
		got := make(map[Path]any)
		for f := range viewed(says[name]).Facts() {
			if f.Origin.Source == "derived" {
				got[f.Path] = f.Value
			}
		}
		if !maps.EqualFunc(got, want, reflect.DeepEqual) {
			t.Errorf("%s:\ngot  %v\nwant %v", name, got, want)
		}
	}
}

// A conclusion is as old, as stale and as secret as what it follows from.
func TestDeriveOrigin(t *testing.T) {
	t.Parallel()
	hash := PodLabels.Key("pod-template-hash")
	s := merge(
		round{"volume": says().with(hash, Statement{Value: "7d4b9c6f5", Sensitive: true}), "env": says("pod.name", "web-7d4b9c6f5-x2x4z")},
		round{"volume": says().failing(), "env": says("pod.name", "web-7d4b9c6f5-x2x4z")},
	)
	f, err := s.Lookup(WorkloadName)
	if err != nil {
		t.Fatal(err)
	}
	if f.Value != "web" || !f.Sensitive || !f.Origin.Stale || !f.Origin.Confirmed.Equal(second(0)) {
		t.Errorf("got %+v", f)
	}
	if got, want := f.Origin.String(), "derived from pod.labels['pod-template-hash'] and pod.name (stale)"; got != want {
		t.Errorf("origin %q, want %q", got, want)
	}
}

// What a source says stands, whatever the labels suggest.
func TestDeriveYields(t *testing.T) {
	t.Parallel()
	s := merge(round{
		"api":    says("workload.kind", "Rollout", "owner.name", "x"),
		"volume": derivable()["deployment"],
	})
	for p, want := range map[Path]string{WorkloadKind: "Rollout", OwnerName: "x"} {
		if f, err := s.Lookup(p); err != nil || f.Value != want || f.Origin.Source != "api" {
			t.Errorf("%s: %+v, %v", p, f, err)
		}
	}
}
