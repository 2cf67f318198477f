package watch

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		// As they stand.
		{"pod.name", "pod.name"},
		{"pod", "pod"},
		{"containers", "containers"},
		{"containers.main", "containers.main"},
		{"containers.main.limits", "containers.main.limits"},
		{"containers.main.limits.memory", "containers.main.limits.memory"},
		{"containers.main.requests.ephemeral-storage", "containers.main.requests.ephemeral-storage"},
		{"limits.memory", "limits.memory"},
		{"requests.hugepages-2Mi", "requests.hugepages-2Mi"},
		{"services", "services"},
		{"services.0.name", "services.0.name"},
		{"objects.settings.data['nginx.conf']", "objects.settings.data['nginx.conf']"},

		// Subscripts, and what needs none.
		{"pod.labels['app']", "pod.labels['app']"},
		{`pod.labels["app"]`, "pod.labels['app']"},
		{"pod.labels.app", "pod.labels['app']"},
		{"pod['labels'].app", "pod.labels['app']"},
		{"['pod']['name']", "pod.name"},
		{"pod.annotations['a.b/c']", "pod.annotations['a.b/c']"},
		{"pod.annotations['it''s']", "pod.annotations['it''s']"},
		{`pod.annotations["a']b"]`, `pod.annotations["a']b"]`},
		{`pod.annotations['a"]b']`, `pod.annotations['a"]b']`},
		{"node.allocatable['nvidia.com/gpu']", "node.allocatable['nvidia.com/gpu']"},
		{"node.allocatable['cpu']", "node.allocatable.cpu"},
		{"limits['nvidia.com/gpu']", "limits['nvidia.com/gpu']"},
		{"containers['main'].limits['nvidia.com/gpu']", "containers.main.limits['nvidia.com/gpu']"},

		// files and env take the rest as one key.
		{"files.config", "files.config"},
		{"files.ca.crt", "files['ca.crt']"},
		{"files['ca.crt']", "files['ca.crt']"},
		{"files.dir/app.conf", "files['dir/app.conf']"},
		{"files..hidden", "files['.hidden']"},
		{"env.X", "env.X"},
		{"env.my.var", "env['my.var']"},

		// Things that are called like maps.
		{"containers.labels.image", "containers.labels.image"},
		{"containers.limits.limits.cpu", "containers.limits.limits.cpu"},
		{"objects.labels.metadata.labels.app", "objects.labels.metadata.labels['app']"},

		// Field paths of a pod spec.
		{"metadata.name", "pod.name"},
		{"metadata.namespace", "pod.namespace"},
		{"metadata.uid", "pod.uid"},
		{"metadata.labels", "pod.labels"},
		{"metadata.annotations", "pod.annotations"},
		{"metadata.labels['app.kubernetes.io/name']", "pod.labels['app.kubernetes.io/name']"},
		{`metadata.annotations["x"]`, "pod.annotations['x']"},
		{"spec.nodeName", "pod.nodeName"},
		{"spec.serviceAccountName", "pod.serviceAccountName"},
		{"status.podIP", "pod.ip"},
		{"status.podIPs", "pod.ips"},
		{"status.hostIP", "pod.hostIP"},
		{"status.hostIPs", "pod.hostIPs"},
	}
	for _, tt := range tests {
		got, err := ParsePath(tt.in)
		if err != nil || string(got) != tt.want {
			t.Errorf("ParsePath(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
			continue
		}
		if again, err := ParsePath(string(got)); err != nil || again != got {
			t.Errorf("ParsePath(%q) = %q, %v; want the same again", got, again, err)
		}
	}
}

func TestParsePathMalformed(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"", "is empty"},
		{".", "unexpected"},
		{".pod", "unexpected"},
		{"pod.", "ends in a dot"},
		{"files.", "ends in a dot"},
		{"pod..name", "unexpected"},
		{"pod.['name']", "unexpected"},
		{"pod name", "keys with other characters are written ['key']"},
		{"pod.labels.app.kubernetes.io/name", "keys with other characters are written ['key']"},
		{"pod.labels[app]", "a subscript is written ['key']"},
		{"pod.labels[", "a subscript is written ['key']"},
		{"pod.labels['app'", "is not closed by ']"},
		{`pod.labels['app"]`, "is not closed by ']"},
		{"pod.labels['app']x", `unexpected "x" after a subscript`},
		{"metadata.labels['app']x", `unexpected "x" after a subscript`},
		{"pod.labels['']", "a key cannot be empty"},
		{"metadata.labels['']", "a key cannot be empty"},
		{`files.a']b"]c`, "a key cannot hold both"},
	}
	for _, tt := range tests {
		p, err := ParsePath(tt.in)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParsePath(%q) = %q, %v; want an error with %q", tt.in, p, err, tt.want)
			continue
		}
		if !strings.Contains(err.Error(), strconv.Quote(tt.in)) {
			t.Errorf("ParsePath(%q): %v does not name the path", tt.in, err)
		}
	}
}

func TestParsePathUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, nearest string }{
		{"pod.zone", "node.zone"},
		{"pod.label", "pod.labels"},
		{"pod.label['app']", "pod.labels['app']"},
		{"pod.annotation['a.b/c']", "pod.annotations['a.b/c']"},
		{"pod.labels.app.tier", "pod.labels['app.tier']"},
		{"labels['app']", "pod.labels['app']"},
		{"metadata.labels.app", "pod.labels['app']"},
		{"metadata.nam", "metadata.name"},
		{"status.podip", "status.podIP"},
		{"Pod.Name", "pod.name"},
		{"pod_name", "pod.name"},
		{"podName", "pod.name"},
		{"pods", "pod"},
		{"zone", "node.zone"},
		{"pod.instanceType", "node.instanceType"},
		{"containers.main.limit.memory", "containers.main.limits.memory"},
		{"container.main.limits['nvidia.com/gpu']", "containers.main.limits['nvidia.com/gpu']"},
		{"containers.main.images", "containers.main.image"},
		{"node.alocatable", "node.allocatable"},
		{"node.allocatble['nvidia.com/gpu']", "node.allocatable['nvidia.com/gpu']"},
		{"node.allocateable.cpu", "node.allocatable.cpu"},
		{"limit.memory", "limits.memory"},
		{"object.settings.data", "objects.settings.data"},
		{"pod.name.first", ""},
		{"files['a'].b", "files.a"},
		{"quite.something.else", ""},
		{"xyz", ""},
	}
	for _, tt := range tests {
		_, err := ParsePath(tt.in)
		var unknown *UnknownFactError
		if !errors.As(err, &unknown) {
			t.Errorf("ParsePath(%q): %v; want an UnknownFactError", tt.in, err)
			continue
		}
		if unknown.Name != tt.in || unknown.Nearest != tt.nearest {
			t.Errorf("ParsePath(%q): %+v; want nearest %q", tt.in, unknown, tt.nearest)
		}
		if tt.nearest == "" {
			continue
		}
		if _, err := ParsePath(tt.nearest); err != nil {
			t.Errorf("the hint for %q is no fact: %v", tt.in, err)
		}
	}
}

func TestUnknownFactErrorText(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"pod.zone": `unknown fact "pod.zone"; did you mean "node.zone"?`,
		"xyz":      `unknown fact "xyz"`,
	} {
		if _, err := ParsePath(name); err == nil || err.Error() != want {
			t.Errorf("ParsePath(%q): %v; want %s", name, err, want)
		}
	}
}

func TestPathParts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path     Path
		segments []string
		parent   Path
	}{
		{"", nil, ""},
		{"pod", []string{"pod"}, ""},
		{"pod.name", []string{"pod", "name"}, "pod"},
		{"pod.labels['a.b/c']", []string{"pod", "labels", "a.b/c"}, "pod.labels"},
		{"pod.labels['']", []string{"pod", "labels", ""}, "pod.labels"},
		{"containers.main.limits.memory", []string{"containers", "main", "limits", "memory"}, "containers.main.limits"},
		{"containers.main.limits['nvidia.com/gpu']", []string{"containers", "main", "limits", "nvidia.com/gpu"}, "containers.main.limits"},
		{"objects.x['a.b'].c", []string{"objects", "x", "a.b", "c"}, "objects.x['a.b']"},
		{"files['ca.crt']", []string{"files", "ca.crt"}, "files"},
		{"files.ca.crt", []string{"files", "ca.crt"}, "files"},
		{"not a path", []string{"not a path"}, ""},
		{"pod.", []string{"pod."}, ""},
	}
	for _, tt := range tests {
		if got := tt.path.Segments(); !slices.Equal(got, tt.segments) {
			t.Errorf("%q.Segments() = %q, want %q", tt.path, got, tt.segments)
		}
		last := ""
		if len(tt.segments) > 0 {
			last = tt.segments[len(tt.segments)-1]
		}
		if parent, key := tt.path.Parent(); parent != tt.parent || key != last {
			t.Errorf("%q.Parent() = %q, %q; want %q, %q", tt.path, parent, key, tt.parent, last)
		}
	}
}

func TestPathCovers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		p, q Path
		want bool
	}{
		{"", "pod.name", true},
		{"", "", true},
		{"pod", "pod", true},
		{"pod", "pod.name", true},
		{"pod.labels", "pod.labels['a']", true},
		{"containers.main", "containers.main.limits.cpu", true},
		{"pod.name", "pod", false},
		{"pod", "", false},
		{"pod.ip", "pod.ips", false},
		{"pod.host", "pod.hostIP", false},
		{"containers.a", "containers.a-b.image", false},
	}
	for _, tt := range tests {
		if got := tt.p.Covers(tt.q); got != tt.want {
			t.Errorf("%q.Covers(%q) = %t", tt.p, tt.q, got)
		}
	}
}

// FuzzParsePath asks that what ParsePath gives stands: it parses to itself,
// and falls into the same parts that Key puts together.
func FuzzParsePath(f *testing.F) {
	for _, s := range []string{
		"pod.name", "pod.labels['app']", `pod.annotations["a']b"]`, "metadata.labels['x']", "files.a']b\"]c", "env.A B",
		"containers.labels.limits['x/y']", "objects.x.metadata.labels['a']['b']", "limits.memory", "pod.labels[''']", "['files'].x['y']",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			if err.Error() == "" {
				t.Errorf("ParsePath(%q): an error without a word", s)
			}
			return
		}
		if again, err := ParsePath(string(p)); err != nil || again != p {
			t.Fatalf("ParsePath(%q) = %q, which parses to %q, %v", s, p, again, err)
		}
		segments := p.Segments()
		if got := join(segments); got != p {
			t.Errorf("%q: the segments %q make %q", p, segments, got)
		}
		parent, last := p.Parent()
		if got := parent.Key(last); got != p || !parent.Covers(p) {
			t.Errorf("%q: the parent %q and %q make %q", p, parent, last, got)
		}
		if want := join(segments[:len(segments)-1]); parent != want {
			t.Errorf("%q: parent %q, by segments %q", p, parent, want)
		}
	})
}

// FuzzPathKey asks that any key of a map can be found again, short of one
// that no subscript can hold.
func FuzzPathKey(f *testing.F) {
	for _, s := range []string{"app", "a.b/c", "", "'", "']", `"]`, "a']b", "é", "labels"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		for _, parent := range []Path{PodLabels, "containers", "containers.main.limits", "files", "objects.x.data"} {
			p := parent.Key(key)
			segments := p.Segments() // never panics
			if strings.Contains(key, "']") && strings.Contains(key+"\"]", "\"]") && strings.Index(key+"\"]", "\"]") < len(key) {
				continue // both kinds of end
			}
			if want := append(parent.Segments(), key); !slices.Equal(segments, want) {
				t.Errorf("%q.Key(%q) = %q, of segments %q", parent, key, p, segments)
			}
		}
	})
}
