package watch

import (
	"strings"
	"testing"
)

func TestVocabulary(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	placeholders := strings.NewReplacer("<name>", "main", "<id>", "settings", "<path>", "ca.crt", "<resource>", "memory")
	for _, f := range Vocabulary() {
		if seen[f.Pattern] {
			t.Errorf("%s stands twice", f.Pattern)
		}
		seen[f.Pattern] = true
		if f.Sources == "" || f.Doc == "" {
			t.Errorf("%s: says too little: %+v", f.Pattern, f)
		}
		p, err := ParsePath(placeholders.Replace(f.Pattern))
		if err != nil {
			t.Errorf("%s: %v", f.Pattern, err)
			continue
		}
		if kind, ok := KindOf(p); !ok || kind != f.Kind {
			t.Errorf("KindOf(%q) = %q, %t; want %q", p, kind, ok, f.Kind)
		}
	}
}

func TestVocabularyIsACopy(t *testing.T) {
	t.Parallel()
	Vocabulary()[0].Pattern = "changed"
	if got := Vocabulary()[0].Pattern; got != "pod.name" {
		t.Errorf("the vocabulary now starts with %q", got)
	}
}

// Every constant is a fact, and reads as itself.
func TestConstants(t *testing.T) {
	t.Parallel()
	for _, p := range []Path{
		PodName, PodNamespace, PodUID, PodLabels, PodAnnotations, PodIP, PodIPs, PodHostIP, PodHostIPs, PodNodeName,
		PodServiceAccountName, PodOrdinal, NodeName, NodeZone, NodeRegion, NodeIP, NodeLabels, NamespaceName,
		OwnerKind, OwnerName, WorkloadKind, WorkloadName,
	} {
		if got, err := ParsePath(string(p)); err != nil || got != p {
			t.Errorf("ParsePath(%q) = %q, %v", p, got, err)
		}
		if _, ok := KindOf(p); !ok {
			t.Errorf("%q has no kind", p)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path Path
		want Kind
	}{
		{"pod.name", String},
		{"pod.labels", Strings},
		{"pod.labels['app']", String},
		{"pod.ordinal", Number},
		{"pod.createdAt", Time},
		{"pod.ips", List},
		{"containers.main.limits", Quantities},
		{"containers.main.limits['nvidia.com/gpu']", Quantity},
		{"limits.memory", Quantity},
		{"services", Objects},
		{"services.0.name", Tree},
		{"objects.x", Tree},
		{"objects.x.spec.replicas", Tree},
		{"files['ca.crt']", String},
		{"env.X", String},
		{"pod", ""},
		{"containers.main", ""},
		{"files", ""},
		{"pod.labels['a'].b", ""},
		{"pod.name.x", ""},
		{"", ""},
		{"nothing", ""},
	}
	for _, tt := range tests {
		if got, ok := KindOf(tt.path); got != tt.want || ok != (tt.want != "") {
			t.Errorf("KindOf(%q) = %q, %t; want %q", tt.path, got, ok, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	candidates := []string{"volumes", "outputs", "notify", "api", "container"}
	for name, want := range map[string]string{
		"volume": "volumes", "Output": "outputs", "notfy": "notify", "API": "api", "templates": "", "": "",
	} {
		if got := Nearest(name, candidates); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
