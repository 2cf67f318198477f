package watch

import "fmt"

// nextStep says what to do about a fact on which no source has advice: get what
// it can be concluded from, mount it, or do without.
func (s *Snapshot) nextStep(p Path) string {
	step := mount(p)
	label := map[Path]string{NodeZone: labelZone, NodeRegion: labelRegion}[p]
	for _, from := range basis(p) {
		if step == "" && !s.knows(from) && (label == "" || from == PodLabels.Key(label)) {
			if _, step = s.explain(from); step == "" {
				step = mount(from)
			}
		}
	}
	switch {
	case label != "" && step != "":
		return fmt.Sprintf("%s: its label %s is there since Kubernetes 1.35; or give it a default", step, label)
	case label != "":
		return fmt.Sprintf("pods have the label %s since Kubernetes 1.35; ask the API server, or give it a default", label)
	case step != "":
		return step
	case Path("workload").Covers(p) && s.facts[OwnerKind].Value == "Job":
		return "a Job's CronJob is known to the API server only; give it a default"
	}
	if f, ok := FieldOf(p); ok {
		return "it comes from: " + f.Sources
	}
	return ""
}

// mount names the item of a downwardAPI volume that gives labels or annotations.
// For what variables can give too, the source that reads those has advice.
func mount(p Path) string {
	for _, held := range []struct {
		fact Path
		name string
	}{{PodLabels, "labels"}, {PodAnnotations, "annotations"}} {
		if held.fact.Covers(p) {
			return fmt.Sprintf("mount a downwardAPI volume with {path: %[1]s, fieldRef: {fieldPath: metadata.%[1]s}}", held.name)
		}
	}
	return ""
}
