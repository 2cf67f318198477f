package watch

import (
	"slices"
	"strings"
	"testing"
)

func TestNeeds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		need  Path
		wants []Path
		not   []Path
	}{
		{"pod.name", []Path{"pod.name", "pod", ""}, []Path{"pod.labels", "node", "pod.namespace"}},
		{"pod.labels['app']", []Path{"pod.labels", "pod.labels['app']"}, []Path{"pod.labels['tier']"}},
		{"", []Path{"node.zone", "objects.x", "env.X", "pod"}, nil},
		{"node.zone", []Path{"node", "pod.labels['topology.kubernetes.io/zone']", "pod.labels"}, []Path{"pod.name", "pod.labels['app']"}},
		{"node", []Path{"pod.nodeName", "pod.hostIP", "pod.labels", "node.labels"}, []Path{"pod.uid"}},
		{"pod.nodeName", []Path{"pod.nodeName"}, []Path{"node", "node.name"}}, // reading nodes wants a ClusterRole
		{"node.ip", []Path{"pod.hostIP", "pod.hostIPs"}, []Path{"pod.ip"}},
		{"pod.ip", []Path{"pod.ips"}, []Path{"pod.hostIPs"}},
		{"pod.ips", []Path{"pod.ip"}, nil},
		{"namespace.name", []Path{"pod.namespace"}, nil},
		{"workload.name", []Path{"pod.name", "pod.labels"}, []Path{"owner.name"}},
		{"limits.memory", []Path{"containers.main.limits.memory", "pod.annotations['kubectl.kubernetes.io/default-container']"}, []Path{"pod.labels"}},
		{"containers.main.limits.memory", []Path{"containers.main.enforced.memory", "containers.main.enforced"}, []Path{"containers.main.enforced.cpu", "containers.side.enforced", "containers.main.allocated"}},
		{"containers.main.limits", []Path{"containers.main.enforced.memory"}, []Path{"containers.main.requests"}},
		{"limits.memory", []Path{"containers.main.enforced.memory"}, nil},
		{"requests", []Path{"containers.main.requests"}, nil},
	}
	for _, tt := range tests {
		needs := Needs{{Path: tt.need}}
		for _, p := range tt.wants {
			if !needs.Wants(p) {
				t.Errorf("a need of %q does not want %q", tt.need, p)
			}
		}
		for _, p := range tt.not {
			if needs.Wants(p) {
				t.Errorf("a need of %q wants %q", tt.need, p)
			}
		}
	}
	if (Needs{}).Wants("pod.name") {
		t.Error("no need wants something")
	}
	got := Needs{{Path: "pod.uid"}, {Path: "node.zone"}, {Path: "pod.uid", By: "twice"}}.Paths()
	if want := []Path{"node.zone", "pod.uid"}; !slices.Equal(got, want) {
		t.Errorf("paths %v, want %v", got, want)
	}
}

// Everything that derive concludes from is wanted with the conclusion, or a
// source would not read it.
func TestNeedsKnowDerivations(t *testing.T) {
	t.Parallel()
	for _, say := range derivable() {
		for f := range viewed(say).Facts() {
			if f.Origin.Source != "derived" {
				continue
			}
			for from := range strings.SplitSeq(strings.TrimPrefix(f.Origin.From, "from "), " and ") {
				if f.Path == PodNodeName {
					continue // not the other way round; see basis
				}
				if !(Needs{{Path: f.Path}}).Wants(Path(from)) {
					t.Errorf("a need of %s does not want %s", f.Path, from)
				}
			}
		}
	}
}
