package manifest_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/manifest"
)

const (
	zeroUID  = "00000000-0000-0000-0000-000000000000"
	template = "template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main}]}}"
)

// TestStandIn: from each kind of workload comes the pod that its controller makes,
// and the facts lead back to the workload.
func TestStandIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       map[watch.Path]any
	}{
		{"Deployment", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop, labels: {tier: front}}\nspec: {replicas: 3, " + template + "}",
			map[watch.Path]any{"pod.name": "web-0000000000-00000", "pod.namespace": "shop", "pod.uid": zeroUID,
				"pod.labels": map[string]string{"app": "web", "pod-template-hash": "0000000000"},
				"owner.kind": "ReplicaSet", "owner.name": "web-0000000000", "owner.uid": zeroUID,
				"workload.kind": "Deployment", "workload.name": "web", "workload.uid": zeroUID,
				"workload.replicas": int64(3), "workload.labels['tier']": "front"}},
		{"StatefulSet", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {serviceName: db-headless, " + template + "}",
			map[watch.Path]any{"pod.name": "db-0", "pod.namespace": "default", "pod.hostname": "db-0", "pod.subdomain": "db-headless", "pod.ordinal": int64(0),
				"pod.labels": map[string]string{"app": "web", "apps.kubernetes.io/pod-index": "0",
					"statefulset.kubernetes.io/pod-name": "db-0", "controller-revision-hash": "db-0000000000"},
				"owner.kind": "StatefulSet", "workload.name": "db", "workload.replicas": int64(1)}},
		{"StatefulSet with a first ordinal", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {ordinals: {start: 5}, " + template + "}",
			map[watch.Path]any{"pod.name": "db-5", "pod.ordinal": int64(5)}},
		{"DaemonSet", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\nspec: {" + template + "}",
			map[watch.Path]any{"pod.name": "agent-00000", "owner.kind": "DaemonSet", "workload.kind": "DaemonSet",
				"pod.labels": map[string]string{"app": "web", "controller-revision-hash": "0000000000", "pod-template-generation": "1"}}},
		{"ReplicaSet", "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web}\nspec: {" + template + "}",
			map[watch.Path]any{"pod.name": "web-00000", "owner.kind": "ReplicaSet", "workload.kind": "ReplicaSet", "workload.name": "web"}},
		{"Job", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: load}\nspec: {" + template + "}",
			map[watch.Path]any{"pod.name": "load-00000", "owner.kind": "Job", "workload.kind": "Job",
				"pod.labels": map[string]string{"app": "web", "job-name": "load", "batch.kubernetes.io/job-name": "load",
					"controller-uid": zeroUID, "batch.kubernetes.io/controller-uid": zeroUID}}},
		{"stored Job", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: load, namespace: a, uid: u-1}\nspec: {" + template + "}",
			map[watch.Path]any{"owner.uid": "u-1", "pod.labels['batch.kubernetes.io/controller-uid']": "u-1"}},
		{"indexed Job", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: load}\nspec: {completionMode: Indexed, " + template + "}",
			map[watch.Path]any{"pod.name": "load-0-00000", "pod.hostname": "load-0", "pod.ordinal": int64(0),
				"pod.annotations['batch.kubernetes.io/job-completion-index']": "0"}},
		{"CronJob", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {jobTemplate: {spec: {" + template + "}}}",
			map[watch.Path]any{"pod.name": "nightly-00000000-00000", "owner.kind": "Job", "owner.name": "nightly-00000000",
				"workload.kind": "CronJob", "workload.name": "nightly", "pod.labels['job-name']": "nightly-00000000"}},
		{"another kind", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec: {" + template + "}",
			map[watch.Path]any{"pod.name": "web-00000", "owner.kind": "Rollout", "workload.kind": "Rollout"}},
		{"template without metadata", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: main}]}}}",
			map[watch.Path]any{"pod.name": "a-00000"}},
		{"long name", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: " + strings.Repeat("a", 60) + "}\nspec: {" + template + "}",
			map[watch.Path]any{"pod.name": strings.Repeat("a", 58) + "00000"}},
		{"Pod", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {serviceAccount: old, containers: [{name: main, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 500m}}}]}",
			map[watch.Path]any{"pod.namespace": "default", "pod.uid": zeroUID, "pod.serviceAccountName": "old", "pod.qosClass": "Burstable",
				"containers.main.requests.cpu": "500m", "containers.main.requests.memory": "1Gi"}},
		{"Pod with a generated name", "apiVersion: v1\nkind: Pod\nmetadata: {generateName: web-}\nspec: {containers: [{name: main}]}",
			map[watch.Path]any{"pod.name": "web-00000", "pod.serviceAccountName": "default", "containers.main.requests.cpu": "0"}},
		{"Pod with limits of its own", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {resources: {limits: {cpu: 1, memory: 1Gi}}, containers: [{name: main}]}",
			map[watch.Path]any{"pod.qosClass": "Guaranteed", "containers.main.limits.cpu": "1"}},
		{"Pod with limits above the need", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {resources: {limits: {cpu: 2, memory: 1Gi}}, " +
			"initContainers: [{name: i, resources: {requests: {cpu: 3}}}], containers: [{name: main, resources: {requests: {cpu: 1}}}]}",
			map[watch.Path]any{"pod.qosClass": "Burstable"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := collect(t, load(t, tt.text))
			for fact, want := range tt.want {
				if f := lookup(t, s, fact); !reflect.DeepEqual(f.Value, want) {
					t.Errorf("%s = %#v, want %#v", fact, f.Value, want)
				}
			}
		})
	}
}

// TestStandInOfStoredReplicaSet: what stands above it is found in the dump.
func TestStandInOfStoredReplicaSet(t *testing.T) {
	t.Parallel()
	const dir = "testdata/deployment/objects"
	pod := choose(t, manifest.Input{Pod: dir + "/replicasets.yaml", Objects: []string{dir}}, "")
	s := collect(t, pod)
	if f := lookup(t, s, "pod.name"); f.Value != "web-7858dd7779-00000" {
		t.Errorf("pod.name = %v", f.Value)
	}
	if f := lookup(t, s, "workload.name"); f.Value != "web" {
		t.Errorf("workload.name = %v", f.Value)
	}
}

// TestStandInIsPeerOfRealPods: a dump tells a dry run its future neighbours.
func TestStandInIsPeerOfRealPods(t *testing.T) {
	t.Parallel()
	const dir = "testdata/deployment/objects"
	s := collect(t, choose(t, manifest.Input{Pod: dir + "/deployment.yaml", Objects: []string{dir}}, ""))
	var names []string
	for _, peer := range lookup(t, s, "peers").Value.([]any) {
		names = append(names, peer.(map[string]any)["name"].(string))
	}
	if want := "web-0000000000-00000 web-7858dd7779-fmn6h web-7858dd7779-jvpqt"; strings.Join(names, " ") != want {
		t.Errorf("peers %v, want %s", names, want)
	}
}

const twoNodes = `
apiVersion: v1
kind: Node
metadata: {name: n0, labels: {topology.kubernetes.io/zone: z0, topology.kubernetes.io/region: r}}
status: {allocatable: {cpu: 2}, addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
`

// TestNode: which node the pod is on, and what follows.
func TestNode(t *testing.T) {
	t.Parallel()
	pod := func(meta, spec string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: web" + meta + "}\nspec: {containers: [{name: main}]" + spec + "}\n"
	}
	oneNode, _, _ := strings.Cut(twoNodes, "---")
	for _, tt := range []struct {
		name, pod, objects, node string
		want                     map[watch.Path]any
	}{
		{"the only one", pod("", ""), oneNode, "", map[watch.Path]any{"pod.nodeName": "n0", "node.zone": "z0", "pod.hostIP": "192.0.2.1",
			"pod.labels": map[string]string{"topology.kubernetes.io/zone": "z0", "topology.kubernetes.io/region": "r"}, "pod.ip": nil}},
		{"none of several", pod("", ""), twoNodes, "", map[watch.Path]any{"pod.nodeName": nil, "node.name": nil, "pod.hostIP": nil}},
		{"the named one", pod("", ", nodeName: n0"), twoNodes, "", map[watch.Path]any{"node.zone": "z0"}},
		{"one that is not there", pod("", ", nodeName: n2"), oneNode, "", map[watch.Path]any{"pod.nodeName": "n2", "node.name": "n2", "node.zone": nil}},
		{"its own file", pod("", ""), twoNodes, oneNode, map[watch.Path]any{"node.zone": "z0", "containers.main.limits.cpu": "2"}},
		{"on the host's network", pod("", ", hostNetwork: yes"), oneNode, "", map[watch.Path]any{"pod.ip": "192.0.2.1", "pod.ips": []string{"192.0.2.1"}}},
		{"labels of its own", pod(", labels: {topology.kubernetes.io/zone: mine}", ""), oneNode, "", map[watch.Path]any{
			"pod.labels['topology.kubernetes.io/zone']": "z0"}},
		{"stored pods keep their labels", pod(", namespace: a, uid: u", ", nodeName: n0"), oneNode, "", map[watch.Path]any{
			"pod.labels['topology.kubernetes.io/zone']": nil, "node.zone": "z0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := memory{"pod.yaml": tt.pod, "objects.yaml": tt.objects, "node.yaml": tt.node}.dir(t)
			in := manifest.Input{Pod: files + "/pod.yaml", Objects: []string{files + "/objects.yaml"}}
			if tt.node != "" {
				in.Node = files + "/node.yaml"
			}
			s := collect(t, choose(t, in, ""))
			for fact, want := range tt.want {
				f, err := s.Lookup(fact)
				if want == nil && !watch.IsMissing(err) || want != nil && !reflect.DeepEqual(f.Value, want) {
					t.Errorf("%s = %v (%v), want %v", fact, f.Value, err, want)
				}
			}
		})
	}
}

// TestChooseRefuses: what cannot be chosen, and what to do.
func TestChooseRefuses(t *testing.T) {
	t.Parallel()
	deployment := func(name string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: shop}\nspec: {" + template + "}\n---\n"
	}
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: main}], nodeName: n0}\n---\n"
	const node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\n"
	for _, tt := range []struct{ name, pod, node, ref, want string }{
		{"several", deployment("a") + deployment("b"), "", "", "several could be meant: Deployment shop/a (POD:1), Deployment shop/b (POD:6); choose one with --pod-name NAMESPACE/NAME or KIND/NAME"},
		{"unknown", deployment("a"), "", "shop/b", "pod.yaml holds no pod or workload shop/b, only Deployment shop/a (POD:1)"},
		{"other namespace", deployment("a"), "", "other/a", "pod.yaml holds no pod or workload other/a, only Deployment shop/a"},
		{"no workload", node, "", "", "pod.yaml holds no pod and no workload with a pod template, only Node n1 (POD:1)"},
		{"nothing", "", "", "", "pod.yaml holds no pod and no workload with a pod template: it is empty"},
		{"service for a pod", strings.ReplaceAll(node, "Node", "Service"), "", "", "pod.yaml holds no pod and no workload with a pod template, only Service n1 (POD:1)"},
		{"other node", pod, node, "", "Pod default/web is bound to node n0, but --node NODE holds Node n1 (NODE:1)"},
		{"no node", deployment("a"), deployment("b"), "", "--node NODE holds no Node, but Deployment shop/b (NODE:1); dump one with: kubectl get node NAME -o yaml"},
		{"two nodes", deployment("a"), node + strings.ReplaceAll(node, "n1", "n2"), "", "--node NODE holds several: Node n1 (NODE:1), Node n2 (NODE:5); keep one of them"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := memory{"pod.yaml": tt.pod, "node.yaml": tt.node}.dir(t)
			in := manifest.Input{Pod: files + "/pod.yaml"}
			if tt.node != "" {
				in.Node = files + "/node.yaml"
			}
			cluster, err := manifest.Load(in)
			if err != nil {
				t.Fatal(err)
			}
			_, err = cluster.Pod(tt.ref)
			want := strings.NewReplacer("POD:", files+"/pod.yaml:", "NODE", files+"/node.yaml").Replace(tt.want)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

// TestChooseAmongObjects: what is no candidate is not listed.
func TestChooseAmongObjects(t *testing.T) {
	t.Parallel()
	files := memory{"a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {}\n"}
	for ref, want := range map[string]string{
		"":    "no pod and no workload with a pod template is among the objects that were loaded; name its file with --pod FILE",
		"web": "no pod or workload web is among the objects that were loaded; name its file with --pod FILE",
	} {
		cluster, err := manifest.Load(manifest.Input{Objects: []string{files.dir(t)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cluster.Pod(ref); err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
	files["b.yaml"] = "apiVersion: v1\nkind: Pod\nmetadata: {name: db}\nspec: {containers: [{name: main}]}\n"
	cluster, err := manifest.Load(manifest.Input{Objects: []string{files.dir(t)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Pod("web"); err == nil || !strings.HasPrefix(err.Error(), "no pod or workload web was loaded, only Pod db (") || strings.Contains(err.Error(), "Service") {
		t.Errorf("error %v", err)
	}
}

// TestOneFileForBoth: a file may be named for the pod and for the node.
func TestOneFileForBoth(t *testing.T) {
	t.Parallel()
	file := memory{"all.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: main}]}\n---\n" +
		"apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"}.dir(t) + "/all.yaml"
	if got := choose(t, manifest.Input{Pod: file, Node: file}, "").Node()["metadata"].(map[string]any)["name"]; got != "n1" {
		t.Errorf("node %v", got)
	}
}

// TestChoose: by each form of reference.
func TestChoose(t *testing.T) {
	t.Parallel()
	const dir = "testdata/deployment/objects"
	for _, tt := range []struct{ ref, want string }{
		{"db-0", "db-0"},
		{"shop/web-7858dd7779-fmn6h", "web-7858dd7779-fmn6h"},
		{"web", "web-0000000000-00000"},
		{"shop/web", "web-0000000000-00000"},
		{"deployment/web", "web-0000000000-00000"},
		{"ReplicaSet/web-7858dd7779", "web-7858dd7779-00000"},
	} {
		t.Run(tt.ref, func(t *testing.T) {
			t.Parallel()
			s := collect(t, choose(t, manifest.Input{Objects: []string{dir}}, tt.ref))
			if f := lookup(t, s, "pod.name"); f.Value != tt.want {
				t.Errorf("pod.name = %v, want %v", f.Value, tt.want)
			}
		})
	}
}
