package ref

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

// TestFieldPath is Kubernetes' own table: which field stands where.
func TestFieldPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct{ volume, variable bool }{
		"metadata.name":               {true, true},
		"metadata.namespace":          {true, true},
		"metadata.uid":                {true, true},
		"metadata.labels":             {true, false},
		"metadata.annotations":        {true, false},
		"metadata.labels['app']":      {true, true},
		"metadata.annotations['A/b']": {true, true},
		"metadata.labels['A/b']":      {false, false}, // the prefix is a DNS name; only for annotations Kubernetes lowers it
		"metadata.labels['a b']":      {false, false},
		"spec.nodeName":               {false, true},
		"spec.serviceAccountName":     {false, true},
		"status.hostIP":               {false, true},
		"status.hostIPs":              {false, true},
		"status.podIP":                {false, true},
		"status.podIPs":               {false, true},
	} {
		fact, err := watch.ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		for place, allowed := range map[Place]bool{Volume: want.volume, Variable: want.variable} {
			got := place.FieldPath(fact)
			if allowed && got != path || !allowed && got != "" {
				t.Errorf("%s in a %s: got %q, allowed: %v", path, place, got, allowed)
			}
			if complaint := place.Check(fact, resource.Quantity{}); (complaint == "") != allowed {
				t.Errorf("%s in a %s: complaint %q, allowed: %v", path, place, complaint, allowed)
			}
		}
	}
	for _, fact := range []watch.Path{"", "pod", watch.NodeZone, watch.PodOrdinal, "services", "containers.main.image"} {
		if got := Volume.FieldPath(fact) + Variable.FieldPath(fact); got != "" {
			t.Errorf("%q: got %q", fact, got)
		}
	}
}

func TestCheckResources(t *testing.T) {
	t.Parallel()
	for fact, test := range map[watch.Path]struct{ divisor, want string }{
		"containers.main.limits.cpu":                {"1m", ""},
		"containers.main.limits.hugepages-2Mi":      {"1Mi", ""},
		"containers.main.requests.memory":           {"0", ""},
		"containers.main.requests.cpu":              {"1Mi", "divisor 1Mi is not allowed for cpu"},
		"containers.main.limits['nvidia.com/gpu']":  {"1", `resource "limits.nvidia.com/gpu" is none that a volume can hold`},
		"containers['Main'].limits.cpu":             {"1", `containerName "Main" cannot be the name of a container`},
		"containers.main.allocated.cpu":             {"1", "is not in the reach of a volume"},
		"limits.cpu":                                {"1", "is not in the reach of a volume"},
		"containers.main.limits.ephemeral-storage":  {"1Ei", ""},
		"containers.main.limits['hugepages-1.5Mi']": {"1", ""}, // Kubernetes looks no closer either
	} {
		got := Volume.Check(fact, resource.MustParse(test.divisor))
		if test.want == "" && got != "" || !strings.HasPrefix(strings.TrimPrefix(got, string(fact)+" "), test.want) {
			t.Errorf("%s: got %q, want %q", fact, got, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for name, test := range map[string]struct {
		check     func(string) bool
		good, bad []string
	}{
		"DNSLabel":      {DNSLabel, []string{"a", "a-1", "0"}, []string{"", "-a", "a-", "A", "a.b", "a_b", "é", long}},
		"DNSSubdomain":  {DNSSubdomain, []string{"web-0", "a.b", long}, []string{"", ".", "a.", "a..b", "A", strings.Repeat("a.", 127) + "a"}},
		"QualifiedName": {QualifiedName, []string{"app", "App_1.x", "a.b/C"}, []string{"", "/a", "a/", "a/b/c", "A/b", "a b", "_a", long, "a=b"}},
		"UID":           {UID, []string{"7", "b5dea3da-b5f2-4b1a-8c37-805714917ae4"}, []string{"", "a b", "a\n", "é", long + long + "a"}},
	} {
		for _, s := range test.good {
			if !test.check(s) {
				t.Errorf("%s refuses %q", name, s)
			}
		}
		for _, s := range test.bad {
			if test.check(s) {
				t.Errorf("%s takes %q", name, s)
			}
		}
	}
}
