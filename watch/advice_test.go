package watch

import "testing"

func TestAdvice(t *testing.T) {
	t.Parallel()
	const (
		mountLabels = "no source gives it; mount a downwardAPI volume with {path: labels, fieldRef: {fieldPath: metadata.labels}}"
		inReach     = ": its label topology.kubernetes.io/zone is there since Kubernetes 1.35; or give it a default"
	)
	volume := explaining{"volume", map[Path][2]string{
		"pod.labels": {"no file for labels", "add labels"},
		"pod.labels['topology.kubernetes.io/zone']": {"no file for labels", "add labels"},
	}}
	forbidden := explaining{"API server", map[Path][2]string{
		"limits.memory": {"get pods shop/web-0: forbidden", "add to a Role of namespace shop: …"},
		"node.labels['topology.kubernetes.io/zone']": {"no token", "mount a token"},
	}}
	nodeName := explaining{"environment", map[Path][2]string{"pod.nodeName": {"no variable", "add NODE_NAME"}}}
	job := says("pod.labels", labels("batch.kubernetes.io/job-name", "backup-29391480"), "pod.name", "backup-29391480-x7k2p")
	for _, tt := range []struct {
		name   string
		source Source
		say    say
		path   Path
		want   string
	}{
		{"no volume", named("none"), says(), "pod.labels", mountLabels},
		{"no volume, one label", named("none"), says(), "pod.labels['app']", mountLabels},
		{"no volume, annotations", named("none"), says(), "pod.annotations['a']",
			"no source gives it; mount a downwardAPI volume with {path: annotations, fieldRef: {fieldPath: metadata.annotations}}"},
		{"no volume, concluded", named("none"), says("pod.name", "a"), "workload.name", mountLabels},
		{"no volume, zone", named("none"), says(), "node.zone", mountLabels + inReach},
		{"volume without labels", volume, says(), "node.zone", "no file for labels; add labels" + inReach},
		{"labels without region", named("volume"), says("pod.labels", labels()), "node.region",
			"no source gives it; pods have the label topology.kubernetes.io/region since Kubernetes 1.35; ask the API server, or give it a default"},
		{"a limit that is forbidden", forbidden, says(), "limits.memory", "get pods shop/web-0: forbidden; add to a Role of namespace shop: …"},
		{"a zone that needs no token", forbidden, says(), "node.zone", "no token; mount a downwardAPI volume with {path: labels, fieldRef: {fieldPath: metadata.labels}}" + inReach},
		{"a variable", nodeName, says(), "node.name", "no variable; add NODE_NAME"},
		{"a Job's CronJob", named("volume"), job, "workload.kind",
			"no source gives it; a Job's CronJob is known to the API server only; give it a default"},
		{"the API alone", named("volume"), says("pod.labels", labels()), "pod.qosClass", "no source gives it; it comes from: API"},
		{"a group", named("volume"), says(), "namespace", "no source gives it"},
	} {
		m := newMerger([]Source{tt.source})
		m.update(result{layer: tt.say.layer}, second(0))
		_, err := m.snapshot().Lookup(tt.path)
		if want := string(tt.path) + " is missing: " + tt.want; err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.name, err, want)
		}
	}
}
