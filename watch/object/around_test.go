package object_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

func TestNode(t *testing.T) {
	t.Parallel()
	check(t, object.Node(decode(t, `
metadata:
  name: n0
  labels: {topology.kubernetes.io/zone: z, topology.kubernetes.io/region: r, node.kubernetes.io/instance-type: m5, kubernetes.io/arch: arm64}
  annotations: {a: b}
status:
  addresses: [{type: Hostname, address: n0}, {type: ExternalIP, address: 198.51.100.1}, {type: InternalIP, address: 192.0.2.1}]
  allocatable: {cpu: 1930m, memory: 1024Ki}
  capacity: {cpu: 2}
  nodeInfo: {architecture: amd64, operatingSystem: linux, kubeletVersion: v1.36.3}
`), "Node n0"), map[watch.Path]any{
		"node.name": "n0", "node.zone": "z", "node.region": "r", "node.instanceType": "m5", "node.arch": "arm64",
		"node.os": "linux", "node.ip": "192.0.2.1", "node.kubeletVersion": "v1.36.3", "node.annotations['a']": "b",
		"node.labels['kubernetes.io/arch']": "arm64", "node.allocatable.cpu": "1930m", "node.allocatable.memory": "1Mi", "node.capacity.cpu": "2",
	})
}

func TestNodeIPs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, addresses string
		want            []string
	}{
		{"none", "[]", nil},
		{"external alone", "[{type: ExternalIP, address: 198.51.100.1}]", []string{"198.51.100.1"}},
		{"two families", "[{type: InternalIP, address: 'fd00::1'}, {type: InternalIP, address: 'fd00::2'}, {type: InternalIP, address: 192.0.2.1}]",
			[]string{"fd00::1", "192.0.2.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := object.NodeIPs(decode(t, "status: {addresses: "+tt.addresses+"}")); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	check(t, object.Namespace(decode(t, "metadata: {name: shop, labels: {env: staging}}"), ""), map[watch.Path]any{
		"namespace.name": "shop", "namespace.labels['env']": "staging",
		"namespace.labels['kubernetes.io/metadata.name']": "shop",
	})
	check(t, object.ClusterUID(decode(t, "metadata: {name: kube-system, uid: u}"), ""), map[watch.Path]any{"cluster.uid": "u"})
}

// known is a lookup over objects by kind and name.
func known(t *testing.T, objects ...string) object.Lookup {
	all := map[string]map[string]any{}
	for _, text := range objects {
		o := decode(t, text)
		all[object.Text(o, "kind")+"/"+object.Text(o, "metadata", "name")] = o
	}
	return func(_, kind, _, name, _ string) (map[string]any, bool) {
		o, ok := all[kind+"/"+name]
		return o, ok
	}
}

// owned is an object that another one controls.
func owned(kind, name, owner string) string {
	ownerKind, ownerName, _ := strings.Cut(owner, "/")
	return fmt.Sprintf("{kind: %s, metadata: {name: %s, namespace: shop, uid: u-%s, ownerReferences: ["+
		"{kind: Gardener, name: nobody}, {apiVersion: %s, kind: %s, name: %s, uid: u-%s, controller: true}]}}",
		kind, name, name, apiVersionOf(ownerKind), ownerKind, ownerName, ownerName)
}

// apiVersionOf knows the kinds of these tests; others are custom ones.
func apiVersionOf(kind string) string {
	switch kind {
	case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet":
		return "apps/v1"
	case "Job", "CronJob":
		return "batch/v1"
	case "Node":
		return "v1"
	}
	return "example.com/v1"
}

const (
	webPod   = "{kind: Pod, metadata: {name: web-7-x, namespace: shop, labels: {pod-template-hash: '7'}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-7, uid: u-web-7, controller: true}]}}"
	topmost  = "{kind: Deployment, metadata: {name: web, namespace: shop, uid: u-web, labels: {tier: front}, annotations: {a: b}}, spec: {replicas: 3}}"
	unscaled = "{kind: Deployment, metadata: {name: web, namespace: shop, uid: u-web}}"
)

func TestOwnerAndWorkload(t *testing.T) {
	t.Parallel()
	pod := decode(t, webPod)
	check(t, object.Owner(pod, ""), map[watch.Path]any{"owner.kind": "ReplicaSet", "owner.name": "web-7", "owner.uid": "u-web-7"})
	check(t, object.Workload(pod, known(t, owned("ReplicaSet", "web-7", "Deployment/web"), topmost)), map[watch.Path]any{
		"workload.kind": "Deployment", "workload.name": "web", "workload.uid": "u-web",
		"workload.labels['tier']": "front", "workload.annotations['a']": "b", "workload.replicas": int64(3),
	})
	check(t, object.Workload(pod, known(t, owned("ReplicaSet", "web-7", "Deployment/web"), unscaled)), map[watch.Path]any{
		"workload.replicas": int64(1),
	})
}

// TestWorkloadIsTheFirstOfItsKinds: which controller counts, and what is said of one that
// cannot be had.
func TestWorkloadIsTheFirstOfItsKinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		chain   string // kinds from the pod up; those in brackets cannot be had
		want    string
		claimed string // kind of the API group of somebody else
	}{
		{"Deployment", "ReplicaSet Deployment", "Deployment", ""},
		{"Deployment by its reference", "ReplicaSet (Deployment)", "Deployment", ""},
		{"Deployment of an operator", "ReplicaSet Deployment Shop", "Deployment", ""},
		{"StatefulSet of an operator", "StatefulSet Database", "StatefulSet", ""},
		{"StatefulSet by its reference", "(StatefulSet) Database", "StatefulSet", ""},
		{"CronJob of an operator", "Job CronJob Backup", "CronJob", ""},
		{"ReplicaSet alone", "ReplicaSet", "ReplicaSet", ""},
		{"ReplicaSet of a custom kind", "ReplicaSet Rollout", "Rollout", ""},
		{"custom of custom", "Pool Fleet", "Fleet", ""},
		{"custom by its reference", "Pool (Fleet)", "Fleet", ""},
		{"custom that cannot be had", "(Pool) Fleet", "Pool", ""},
		{"static pod", "Node", "Node", ""},
		{"a StatefulSet of another group", "StatefulSet Clone", "Clone", "StatefulSet"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var objects []string
			kinds := strings.Fields(tt.chain)
			below := "Pod"
			for i, kind := range kinds {
				text := owned(below, below, strings.Trim(kind, "()")+"/"+strings.Trim(kind, "()"))
				if kind == tt.claimed {
					text = strings.Replace(text, "apps/v1", "apps.kruise.io/v1", 1)
				}
				if i == 0 || kinds[i-1][0] != '(' {
					objects = append(objects, text)
				}
				below = strings.Trim(kind, "()")
			}
			if last := kinds[len(kinds)-1]; last[0] != '(' {
				objects = append(objects, fmt.Sprintf("{kind: %s, metadata: {name: %s, namespace: shop, uid: u-%s, labels: {l: x}}}", below, below, below))
			}
			l := object.Workload(decode(t, objects[0]), known(t, objects[1:]...))
			text := func(p watch.Path) string { s, _ := l.Get(p); text, _ := s.Value.(string); return text }
			if got := text("workload.kind"); got != tt.want || text("workload.name") != tt.want || text("workload.uid") != "u-"+tt.want {
				t.Errorf("workload %s %s %s", got, text("workload.name"), text("workload.uid"))
			}
			if had := !strings.Contains(tt.chain, "("+tt.want+")"); l.Has("workload.labels") != had {
				t.Errorf("it can be had: %v, and stated are %v", had, l.Paths())
			}
			if s, _ := l.Get("workload.kind"); strings.HasPrefix(s.From, "ownerReferences of ") == l.Has("workload.labels") {
				t.Errorf("from %s", s.From)
			}
		})
	}
}

func TestWorkloadNotStated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, pod string
		objects   []string
	}{
		{"no controller", "{metadata: {name: a, ownerReferences: [{kind: Node, name: n0}]}}", nil},
		{"unknown owner", webPod, nil},
		{"loop", webPod, []string{owned("ReplicaSet", "web-7", "ReplicaSet/web-8"), owned("ReplicaSet", "web-8", "ReplicaSet/web-7")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := object.Workload(decode(t, tt.pod), known(t, tt.objects...))
			if paths := l.Paths(); len(paths) > 0 {
				t.Errorf("stated %v", paths)
			}
		})
	}
}

func TestBuiltin(t *testing.T) {
	t.Parallel()
	for kind, want := range map[object.Kind]string{
		{APIVersion: "v1", Kind: "ConfigMap"}:                      "{configmaps true} true",
		{APIVersion: "networking.k8s.io/v1beta1", Kind: "Ingress"}: "{ingresses true} true",
		{APIVersion: "node.k8s.io/v1", Kind: "RuntimeClass"}:       "{runtimeclasses false} true",
		{APIVersion: "metrics.k8s.io/v1beta1", Kind: "PodMetrics"}: "{pods true} true",
		{APIVersion: "example.com/v1", Kind: "Ingress"}:            "{ false} false",
	} {
		r, ok := object.Builtin(kind.APIVersion, kind.Kind)
		if got := fmt.Sprint(r, ok); got != want {
			t.Errorf("%v: %s", kind, got)
		}
	}
	for kind, want := range map[string]bool{"Gear": true, "Cluster": true, "ClusterIssuer": false, "Clusterware": true} {
		if got := object.GuessNamespaced(kind); got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
}

func TestPeers(t *testing.T) {
	t.Parallel()
	pods := []map[string]any{
		decode(t, "{metadata: {name: web-8-y, namespace: shop, labels: {pod-template-hash: '8', topology.kubernetes.io/zone: z}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-8, controller: true}]}, "+
			"spec: {nodeName: n1}, status: {podIP: 10.0.0.2, conditions: [{type: Ready, status: 'True'}]}}"),
		decode(t, webPod),
		decode(t, "{metadata: {name: web-7-old, namespace: shop, labels: {pod-template-hash: '7'}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-7, controller: true}]}, status: {phase: Failed}}"),
		decode(t, "{metadata: {name: web-7-other, namespace: other, labels: {pod-template-hash: '7'}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-7, controller: true}]}}"),
		decode(t, "{metadata: {name: db-0, namespace: shop, ownerReferences: [{kind: StatefulSet, name: db, controller: true}]}}"),
		decode(t, "{metadata: {name: lone, namespace: shop}}"),
	}
	other := map[string]any{"name": "web-8-y", "ip": "10.0.0.2", "node": "n1", "zone": "z", "ready": true, "self": false}
	self := map[string]any{"name": "web-7-x", "ip": "", "node": "", "zone": "", "ready": false, "self": true}
	for name, find := range map[string]object.Lookup{
		"with ReplicaSets":    known(t, topmost, owned("ReplicaSet", "web-7", "Deployment/web"), owned("ReplicaSet", "web-8", "Deployment/web")),
		"without ReplicaSets": known(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, want := object.Peers(pods[1], pods, find), []any{self, other}; !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
	t.Run("without controller", func(t *testing.T) {
		t.Parallel()
		if got := object.Peers(pods[5], pods, known(t)); len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})
}

func TestServices(t *testing.T) {
	t.Parallel()
	pod := decode(t, "metadata: {name: web-0, namespace: shop, labels: {app: web, tier: front}}")
	service := func(name, namespace, spec string) map[string]any {
		return decode(t, fmt.Sprintf("{metadata: {name: %s, namespace: %s}, spec: %s}", name, namespace, spec))
	}
	got := object.Services(pod, []map[string]any{
		service("web", "shop", "{selector: {app: web, tier: front}, clusterIP: 10.0.0.9, clusterIPs: [10.0.0.9], "+
			"ports: [{name: http, port: 80, targetPort: web, nodePort: 30080}, {port: 443}]}"),
		service("all", "shop", "{selector: {app: web}, clusterIP: None, type: ClusterIP}"),
		service("other-namespace", "other", "{selector: {app: web}}"),
		service("other-pods", "shop", "{selector: {app: web, tier: back}}"),
		service("no-selector", "shop", "{}"),
		service("name-only", "shop", "{type: ExternalName, selector: {app: web}}"),
	})
	want := []any{
		map[string]any{"name": "all", "namespace": "shop", "type": "ClusterIP", "clusterIP": "None", "ports": []any{}},
		map[string]any{"name": "web", "namespace": "shop", "type": "ClusterIP", "clusterIP": "10.0.0.9", "clusterIPs": []any{"10.0.0.9"}, "ports": []any{
			map[string]any{"name": "http", "port": int64(80), "protocol": "TCP", "targetPort": "web", "nodePort": int64(30080)},
			map[string]any{"name": "", "port": int64(443), "protocol": "TCP", "targetPort": int64(443)},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	o := decode(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, managedFields: [{}]}, data: {n: '1'}, extra: [1, 2.5]}")
	l := object.Tree("settings", o, "ConfigMap a")
	check(t, l, map[watch.Path]any{"objects.settings": map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "a"}, "data": map[string]any{"n": "1"}, "extra": []any{int64(1), 2.5}}})
	if s, _ := l.Get("objects.settings"); s.Sensitive {
		t.Error("a ConfigMap is not sensitive")
	}
	if object.List(o, "metadata", "managedFields") == nil {
		t.Error("the object itself was changed")
	}
}

func TestTreeOfSecret(t *testing.T) {
	t.Parallel()
	o := decode(t, "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {user: YWRtaW4=, password: eA==}, stringData: {password: plain}}")
	for name, l := range map[string]watch.Layer{
		"one":  object.Tree("s", o, ""),
		"list": object.Trees("s", []map[string]any{o}, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := l.Get("objects.s")
			if !s.Sensitive {
				t.Error("a Secret is sensitive")
			}
			tree := s.Value
			if list, ok := tree.([]any); ok {
				tree = list[0]
			}
			want := map[string]any{"user": "admin", "password": "plain"}
			if got := tree.(map[string]any)["data"]; !reflect.DeepEqual(got, want) {
				t.Errorf("data = %v", got)
			}
		})
	}
}

func TestTreesOfNothing(t *testing.T) {
	t.Parallel()
	check(t, object.Trees("jobs", nil, ""), map[watch.Path]any{"objects.jobs": []any{}})
}

// FuzzObject feeds every function with any object: none panics, and each says
// the same twice and states only facts of the vocabulary.
func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"a","labels":{"b":"c"}},"spec":{"containers":[{"name":"d","resources":{"limits":{"cpu":1}}}]}}`))
	f.Add([]byte(`{"metadata":{"ownerReferences":[{"controller":true,"kind":"ReplicaSet"}]},"status":{"addresses":[{"type":"InternalIP"}]}}`))
	f.Add([]byte(`{"apiVersion":"v1","kind":"Secret","data":{"a":"!"},"spec":{"ports":[{"port":1.5}],"selector":{"a":"b"},"resources":{}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var o map[string]any
		if json.Unmarshal(data, &o) != nil {
			return
		}
		self := func(string, string, string, string, string) (map[string]any, bool) { return o, true }
		all := func() []watch.Layer {
			return []watch.Layer{object.Pod(o, ""), object.Unset(o, o, ""), object.Unset(o, nil, ""), object.Node(o, ""),
				object.Namespace(o, ""), object.ClusterUID(o, ""), object.Owner(o, ""), object.Workload(o, self), object.Tree("o", o, "")}
		}
		first, second := all(), all()
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("%v, then %v", first, second)
		}
		for _, l := range first {
			for _, p := range l.Paths() {
				if _, ok := watch.KindOf(p); !ok {
					t.Errorf("states %q, which is no fact", p)
				}
			}
		}
		object.Peers(o, []map[string]any{o, {}}, self)
		object.Services(o, []map[string]any{o})
	})
}
