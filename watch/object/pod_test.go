package object_test

import (
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// decode reads an object as written in a test.
func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// check holds a layer against facts; nil means that it is not stated.
func check(t *testing.T, l watch.Layer, want map[watch.Path]any) {
	t.Helper()
	for p, value := range want {
		if s, ok := l.Get(p); !reflect.DeepEqual(s.Value, value) || ok != (value != nil) {
			t.Errorf("%s = %#v (stated: %t), want %#v", p, s.Value, ok, value)
		}
	}
}

func TestPod(t *testing.T) {
	t.Parallel()
	l := object.Pod(decode(t, `
metadata:
  name: web-0
  namespace: shop
  uid: u-1
  creationTimestamp: "2026-11-22T03:37:08+02:00"
  deletionTimestamp: "2026-11-23T00:00:00Z"
  labels: {app: web}
  annotations: {a: "1", kubernetes.io/config.seen: now, kubernetes.io/config.source: api}
spec:
  nodeName: n0
  serviceAccountName: web
  subdomain: web
  priorityClassName: high
  containers:
  - {name: main, image: "web:1", resources: {limits: {cpu: 2.5, memory: 3221225472, "nvidia.com/gpu": 1}, requests: {cpu: 1e-1}}}
  initContainers:
  - {name: setup, image: "setup:1", resources: {limits: {cpu: "0", memory: 1024Mi}}}
status:
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  hostIP: 192.0.2.1
  hostIPs: [{ip: 192.0.2.1}]
  containerStatuses: [{name: main, imageID: "sha256:1", allocatedResources: {cpu: 100m}, resources: {limits: {cpu: "2", memory: 0}, requests: {cpu: 100m}}}]
  initContainerStatuses: [{name: setup, imageID: "sha256:2"}]
`), "Pod shop/web-0")
	check(t, l, map[watch.Path]any{
		"pod.name":                      "web-0",
		"pod.namespace":                 "shop",
		"pod.uid":                       "u-1",
		"pod.createdAt":                 "2026-11-22T01:37:08Z",
		"pod.deletionTimestamp":         "2026-11-23T00:00:00Z",
		"pod.labels['app']":             "web",
		"pod.annotations['a']":          "1",
		"pod.nodeName":                  "n0",
		"pod.serviceAccountName":        "web",
		"pod.hostname":                  "web-0",
		"pod.subdomain":                 "web",
		"pod.priorityClassName":         "high",
		"pod.qosClass":                  "Burstable",
		"pod.ip":                        "10.0.0.1",
		"pod.ips":                       []string{"10.0.0.1", "fd00::1"},
		"pod.hostIP":                    "192.0.2.1",
		"pod.hostIPs":                   []string{"192.0.2.1"},
		"pod.ordinal":                   nil,
		"containers.main.image":         "web:1",
		"containers.main.imageID":       "sha256:1",
		"containers.setup.imageID":      "sha256:2",
		"containers.main.limits.cpu":    "2500m",
		"containers.main.limits.memory": "3221225472",
		"containers.main.limits['nvidia.com/gpu']":       "1",
		"containers.main.requests.cpu":                   "100m",
		"containers.main.allocated.cpu":                  "100m",
		"containers.main.enforced.cpu":                   "2",
		"containers.main.enforced.memory":                nil,
		"containers.setup.enforced":                      nil,
		"containers.setup.limits.cpu":                    nil, // 0 is unset
		"containers.setup.limits.memory":                 "1Gi",
		"pod.annotations['kubernetes.io/config.seen']":   nil,
		"pod.annotations['kubernetes.io/config.source']": nil,
	})
	if l.Container != "main" {
		t.Errorf("container = %q", l.Container)
	}
	if l.Has("containers.main.limits") {
		t.Error("what stands for the unset limit of ephemeral-storage is not known, so neither are the limits as a whole")
	}
	if s, _ := l.Get("pod.uid"); s.From != "Pod shop/web-0" {
		t.Errorf("from = %q", s.From)
	}
	for _, whole := range []watch.Path{"pod.labels", "pod.annotations", "containers.setup.requests"} {
		if !l.Has(whole) {
			t.Errorf("%s is not stated as a whole", whole)
		}
	}
}

func TestPodWithSeveralContainersHasNoDefault(t *testing.T) {
	t.Parallel()
	if l := object.Pod(decode(t, "spec: {containers: [{name: a}, {name: b}]}"), ""); l.Container != "" {
		t.Errorf("container = %q", l.Container)
	}
}

func TestHostname(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 62)
	for _, tt := range []struct{ name, pod, want string }{
		{"name", "{metadata: {name: web-0}}", "web-0"},
		{"spec", "{metadata: {name: web-0}, spec: {hostname: db}}", "db"},
		{"override", "{metadata: {name: web-0}, spec: {hostname: db, hostnameOverride: other.example.com}}", "other.example.com"},
		{"cut", "{metadata: {name: " + long + "bcd}}", long + "b"},
		{"cut at a dash", "{metadata: {name: " + long + "-bcd}}", long},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, object.Pod(decode(t, tt.pod), ""), map[watch.Path]any{"pod.hostname": tt.want})
		})
	}
}

func TestQOSClass(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, spec, want string }{
		{"stored", "{containers: [{name: a}]}\nstatus: {qosClass: Guaranteed}", "Guaranteed"},
		{"nothing set", "{containers: [{name: a}]}", "BestEffort"},
		{"zeros", `{containers: [{name: a, resources: {requests: {cpu: "0"}}}]}`, "BestEffort"},
		{"other resources", `{containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1}}}]}`, "BestEffort"},
		{"requests", "{containers: [{name: a, resources: {requests: {cpu: 1}}}]}", "Burstable"},
		{"equal", "{containers: [{name: a, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1000m, memory: 1024Mi}}}]}", "Guaranteed"},
		{"less", "{containers: [{name: a, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Mi}}}]}", "Burstable"},
		{"one container without", "{containers: [{name: a, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}}, {name: b}]}", "Burstable"},
		{"init container without", "{initContainers: [{name: b}], containers: [{name: a, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}}]}", "Burstable"},
		{"pod level", "{resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}, containers: [{name: a}]}", "Guaranteed"},
		{"pod level requests", "{resources: {requests: {cpu: 1}}, containers: [{name: a}]}", "Burstable"},
		{"pod level empty", "{resources: {}, containers: [{name: a, resources: {requests: {cpu: 1}}}]}", "BestEffort"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, object.Pod(decode(t, "spec: "+tt.spec), ""), map[watch.Path]any{"pod.qosClass": tt.want})
		})
	}
}

func TestUnset(t *testing.T) {
	t.Parallel()
	const pod = `spec: {containers: [{name: a, resources: {limits: {cpu: "0"}, requests: {memory: 1Gi}}}]}`
	const node = `status: {allocatable: {cpu: 2, memory: 2097152Ki, hugepages-2Mi: 4Mi, hugepages-1Gi: "0", pods: 110}}`
	for _, tt := range []struct {
		name, pod, node string
		want            map[watch.Path]any
	}{
		{"node known", pod, node, map[watch.Path]any{
			"containers.a.limits.cpu": "2", "containers.a.limits.memory": "2Gi", "containers.a.limits.hugepages-2Mi": "0",
			"containers.a.limits.hugepages-1Gi": nil, "containers.a.limits.pods": nil,
			"containers.a.requests.cpu": "0", "containers.a.requests.memory": nil}},
		{"capacity alone", pod, "status: {capacity: {cpu: 4}}", map[watch.Path]any{"containers.a.limits.cpu": "4"}},
		{"limit of the pod", "spec: {resources: {limits: {cpu: 1500m}}, containers: [{name: a}]}", node, map[watch.Path]any{
			"containers.a.limits.cpu": "1500m", "containers.a.limits.memory": "2Gi"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := object.Unset(decode(t, tt.pod), decode(t, tt.node), "pod")
			check(t, l, tt.want)
			if !l.Has("containers.a.limits") {
				t.Error("the limits are known as a whole")
			}
			for _, p := range l.Paths() {
				if s, _ := l.Get(p); !s.Unset {
					t.Errorf("%s is not marked as unset", p)
				}
			}
		})
	}
}

// TestUnsetWithoutNode: that it is unset is known, not what stands for it. A
// source that knows the number, such as a volume, fills it in.
func TestUnsetWithoutNode(t *testing.T) {
	t.Parallel()
	l := object.Unset(decode(t, "spec: {containers: [{name: a}]}"), nil, "pod")
	if l.Has("containers.a.limits") {
		t.Error("the limits are not known as a whole")
	}
	for _, name := range []string{"cpu", "memory", "ephemeral-storage"} {
		s, ok := l.Get(watch.Path("containers.a.limits").Key(name))
		if !ok || !s.Unset || s.Value != nil {
			t.Errorf("%s: %+v, stated: %t", name, s, ok)
		}
	}
}

// TestWrongTypesAreAbsent: an object that nobody checked states less, and does no
// harm.
func TestWrongTypesAreAbsent(t *testing.T) {
	t.Parallel()
	l := object.Pod(decode(t, `
metadata: {name: 1, labels: [a], annotations: {a: 1}, creationTimestamp: yesterday, ownerReferences: {}}
spec: {containers: [1, {name: a, resources: {limits: {cpu: [], memory: much}}}]}
status: []
`), "")
	check(t, l, map[watch.Path]any{
		"pod.name": nil, "pod.createdAt": nil, "pod.annotations['a']": nil, "pod.ip": nil,
		"containers.a.limits.cpu": nil, "containers.a.limits.memory": nil,
	})
}

func BenchmarkPod(b *testing.B) {
	pod := decode(b, `
metadata: {name: web-0, namespace: shop, uid: u, labels: {a: b, c: d, e: f}, annotations: {g: h}, creationTimestamp: "2026-11-22T01:37:08Z"}
spec:
  nodeName: n0
  containers:
  - {name: main, image: "web:1", resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}}
  - {name: side, image: "side:1"}
status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}], qosClass: Burstable}
`)
	b.ReportAllocs()
	for b.Loop() {
		object.Pod(pod, "Pod shop/web-0")
	}
}
