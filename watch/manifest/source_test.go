package manifest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/manifest"
	"github.com/podfacts/podfacts/watch/object"
)

// TestExplain: what a dry run cannot know says how to tell it.
func TestExplain(t *testing.T) {
	t.Parallel()
	pod := load(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {"+template+"}")
	s := collect(t, pod)
	for fact, want := range map[watch.Path]string{
		"pod.ip":                          "pod.ip is missing: a dry run does not know pod.ip; give it with --set pod.ip=10.0.0.1",
		"pod.nodeName":                    "name the node with --node FILE, or give it with --set pod.nodeName=n0",
		"pod.createdAt":                   "--set pod.createdAt=2026-01-02T03:04:05Z",
		"pod.labels['x']":                 "pod.labels has no such key; give it a default, or set it on the pod",
		"containers.main.imageID":         "only a running pod has it; give it with --set containers.main.imageID=VALUE",
		"containers.main.limits.memory":   "name one with --node FILE",
		"containers.main.limits['gpu/a']": "does not have it",
		"node.zone":                       "a dry run does not know the node; name one with --node FILE",
		"namespace.labels['a']":           "Namespace shop was not loaded; dump it with kubectl get namespace shop -o yaml",
		"services":                        "no Service of namespace shop was loaded; dump it with kubectl get services -n shop -o yaml",
		"cluster.uid":                     "Namespace kube-system, whose UID it is, was not loaded",
		"pod.subdomain":                   "Pod shop/web-0000000000-00000 does not have it; set it on the pod",
		"cluster.version":                 "--set cluster.version=v1.36.0",
		"objects.settings":                "no object of that id was loaded",
	} {
		if _, err := s.Lookup(fact); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v\nwant one with %s", fact, err, want)
		}
	}
	if reason, hint := pod.Explain("files['a']"); reason+hint != "" {
		t.Errorf("explains files: %s; %s", reason, hint)
	}
}

func TestExplainOwner(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop"
	for _, tt := range []struct{ name, text, want string }{
		{"none", pod + "}", "Pod shop/web has no controller; name the workload's manifest with --pod FILE"},
		{"not loaded", pod + ", ownerReferences: [{apiVersion: batch/v1, kind: Job, name: j, controller: true}]}", "Job j, or what controls it, was not loaded; dump them"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := collect(t, load(t, tt.text+"\nspec: {containers: [{name: main}]}"))
			if _, err := s.Lookup("workload.name"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}

// TestExplainMade: the controllers in the manifest count only where it stands in
// for the API server.
func TestExplainMade(t *testing.T) {
	t.Parallel()
	const hint = "; name its file with --objects too, to stand in for the API server"
	for kind, want := range map[string]map[watch.Path]string{
		"CronJob": {"workload.name": "a Job's CronJob is known to the API server only" + hint, "workload.replicas": "CronJob default/c does not have it; give it a default"},
		"Rollout": {"workload.name": "what controls a pod is known to the API server only" + hint},
	} {
		pod := load(t, "apiVersion: batch/v1\nkind: "+kind+"\nmetadata: {name: c}\nspec: {"+template+", jobTemplate: {spec: {"+template+"}}}")
		for fact, want := range want {
			if reason, hint := pod.Explain(fact); reason+"; "+hint != want {
				t.Errorf("%s: %s: got  %s; %s\nwant %s", kind, fact, reason, hint, want)
			}
		}
	}
}

// TestExplainNode: a node that is named but was not loaded.
func TestExplainNode(t *testing.T) {
	t.Parallel()
	s := collect(t, load(t, header+"spec: {nodeName: n7, containers: [{name: main}]}"))
	want := "Node n7 was not loaded; dump it with kubectl get node n7 -o yaml, and name the file with --node FILE"
	if _, err := s.Lookup("node.zone"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
}

// TestQueries: objects that the configuration asks for.
func TestQueries(t *testing.T) {
	t.Parallel()
	pod := load(t, header+`spec: {containers: [{name: main}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: default}
---
apiVersion: v1
kind: Secret
metadata: {name: password}
data: {p: eA==}
---
apiVersion: v1
kind: StorageClass
metadata: {name: fast}
`)
	pod.Queries = []manifest.Query{
		{ID: "one", APIVersion: "v1", Kind: "ConfigMap", Name: "settings"},
		{ID: "secret", APIVersion: "v1", Kind: "Secret", Name: "password"},
		{ID: "class", APIVersion: "v1", Kind: "StorageClass", Name: "fast"},
		{ID: "none", APIVersion: "v1", Kind: "ConfigMap", Name: "none"},
		{ID: "elsewhere", APIVersion: "v1", Kind: "ConfigMap", Name: "settings", Namespace: "elsewhere"},
		{ID: "all", APIVersion: "v1", Kind: "ConfigMap"},
		{ID: "some", APIVersion: "v1", Kind: "ConfigMap", Selects: func(o map[string]any) bool { return object.Text(o, "metadata", "labels", "app") == "web" }},
	}
	s := collect(t, pod)
	if f := lookup(t, s, "objects.one"); f.Sensitive || f.Value.(map[string]any)["data"].(map[string]any)["a"] != "b" {
		t.Errorf("one = %+v", f)
	}
	if f := lookup(t, s, "objects.secret"); !f.Sensitive || f.Value.(map[string]any)["data"].(map[string]any)["p"] != "x" {
		t.Errorf("secret = %+v", f)
	}
	lookup(t, s, "objects.class")
	for _, id := range []watch.Path{"objects.none", "objects.elsewhere"} {
		if _, err := s.Lookup(id); !watch.IsMissing(err) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if n := len(lookup(t, s, "objects.all").Value.([]any)); n != 2 {
		t.Errorf("all has %d", n)
	}
	if n := len(lookup(t, s, "objects.some").Value.([]any)); n != 1 {
		t.Errorf("some has %d", n)
	}
}

// TestServicesOfManifest: a Service beside the Deployment, neither with a
// namespace, as people keep them in one file.
func TestServicesOfManifest(t *testing.T) {
	t.Parallel()
	s := collect(t, load(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {"+template+"}\n---\n"+
		"apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"))
	want := []any{map[string]any{"name": "web", "namespace": "default", "type": "ClusterIP",
		"ports": []any{map[string]any{"name": "", "port": int64(80), "protocol": "TCP", "targetPort": int64(80)}}}}
	if got := lookup(t, s, "services").Value; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestControllers: the kinds above a pod, and whether those are all.
func TestControllers(t *testing.T) {
	t.Parallel()
	owned := func(by string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: web, ownerReferences: [" + by + "]}\nspec: {containers: [{name: main}]}\n"
	}
	const set = "{apiVersion: apps/v1, kind: ReplicaSet, name: web-7, controller: true}"
	for _, tt := range []struct {
		name, text, want string
		known            bool
	}{
		{"none", owned(""), "[]", true},
		{"not loaded", owned(set), "[{apps/v1 ReplicaSet}]", false},
		{"by reference", owned("{apiVersion: apps/v1, kind: DaemonSet, name: web, controller: true}"), "[{apps/v1 DaemonSet}]", true},
		{"made", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {" + template + "}}}\n",
			"[{batch/v1 Job} {batch/v1 CronJob}]", true},
		{"made of a custom kind", "apiVersion: example.com/v1\nkind: Rollout\nmetadata: {name: c}\nspec: {" + template + "}\n",
			"[{example.com/v1 Rollout}]", false},
	} {
		kinds, known := load(t, tt.text).Controllers()
		if got := fmt.Sprint(kinds); got != tt.want || known != tt.known {
			t.Errorf("%s: %s, known %v", tt.name, got, known)
		}
	}
}

// TestResources: custom kinds by their definitions, and objects of kinds that have no
// namespace.
func TestResources(t *testing.T) {
	t.Parallel()
	cluster, err := manifest.Load(manifest.Input{Pod: "-", Stdin: strings.NewReader(header + `spec: {containers: [{name: main}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gearbox.example.com}
spec: {group: example.com, scope: Cluster, names: {kind: Gear, plural: gearbox}, versions: [{name: v1}, {name: v2}]}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: db}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: ca}
---
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: gpu}
`)})
	if err != nil {
		t.Fatal(err)
	}
	gear := object.Resource{Name: "gearbox"}
	want := map[object.Kind]object.Resource{{APIVersion: "example.com/v1", Kind: "Gear"}: gear, {APIVersion: "example.com/v2", Kind: "Gear"}: gear}
	if got := cluster.Resources(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	for kind, everywhere := range map[object.Kind]bool{
		{APIVersion: "postgresql.cnpg.io/v1", Kind: "Cluster"}:    false,
		{APIVersion: "cert-manager.io/v1", Kind: "ClusterIssuer"}: true,
		{APIVersion: "resource.k8s.io/v1", Kind: "DeviceClass"}:   true,
	} {
		if got := len(cluster.List(kind.APIVersion, kind.Kind, "elsewhere")) == 1; got != everywhere {
			t.Errorf("%v is in every namespace: %v", kind, got)
		}
	}
}

// TestToken: who has one.
func TestToken(t *testing.T) {
	t.Parallel()
	const usual = "/var/run/secrets/kubernetes.io/serviceaccount"
	for _, tt := range []struct {
		spec string
		want bool
	}{
		{"containers: [{name: main}]", true},
		{"automountServiceAccountToken: false, containers: [{name: main}]", false},
		{"automountServiceAccountToken: false, containers: [{name: main}, {name: podfacts, volumeMounts: [{name: t, mountPath: /t}]}], " +
			"volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: token}}]}}]", true},
		{"automountServiceAccountToken: false, containers: [{name: podfacts}, {name: main, volumeMounts: [{name: t, mountPath: /t}]}], " +
			"volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: token}}]}}]", false},
		{"automountServiceAccountToken: false, containers: [{name: main, volumeMounts: [{name: t, mountPath: " + usual + "}]}], " +
			"volumes: [{name: t, secret: {secretName: token}}]", true},
		{"automountServiceAccountToken: false, containers: [{name: main, volumeMounts: [{name: t, mountPath: /etc/tls}]}], " +
			"volumes: [{name: t, secret: {secretName: tls}}]", false},
	} {
		projection, err := load(t, header+"spec: {"+tt.spec+"}").Project()
		if err != nil {
			t.Fatal(err)
		}
		if got := projection.Self().Token; got != tt.want {
			t.Errorf("%s: %v", tt.spec, got)
		}
	}
}

// TestReadFile: a file of a mounted ConfigMap that was loaded.
func TestReadFile(t *testing.T) {
	t.Parallel()
	pod := load(t, header+`spec:
  containers:
  - {name: main, volumeMounts: [{name: whole, mountPath: /etc/app}, {name: picked, mountPath: /etc/picked/}]}
  - {name: other}
  volumes:
  - {name: whole, configMap: {name: app}}
  - {name: picked, projected: {sources: [{configMap: {name: app, items: [{key: a.conf, path: sub/b.conf}]}}, {configMap: {name: none}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data: {a.conf: text}
`)
	for _, tt := range []struct {
		container, file string
		found           bool
	}{
		{"main", "/etc/app/a.conf", true},
		{"", "/etc/app/a.conf", true},
		{"", "/etc/picked/sub/b.conf", true},
		{"other", "/etc/app/a.conf", false},
		{"", "/etc/picked/a.conf", false},
		{"", "/etc/apparel/a.conf", false},
		{"", "/etc/app/none", false},
	} {
		data, err := pod.ReadFile(tt.container, tt.file)
		if found := err == nil && string(data) == "text"; found != tt.found || !found && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s in %q: %q, %v", tt.file, tt.container, data, err)
		}
	}
}

// FuzzLoad: nothing that can be read makes Load, Pod, Read or Project panic, and
// what can be read once reads the same as JSON.
func FuzzLoad(f *testing.F) {
	f.Add(variables(field("A", "metadata.name")) + node)
	f.Add(podinfo("    downwardAPI:\n      items:\n" + item("a", "fieldRef: {fieldPath: metadata.labels}")))
	f.Add("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {" + template + "}}}")
	f.Add("apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: c, labels: &a {b: c}}\nspec: {<<: *a, " + template + "}")
	f.Add(`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"b"}]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		cluster, err := manifest.Load(manifest.Input{Pod: "-", Stdin: strings.NewReader(text)})
		if err != nil {
			return
		}
		pod, err := cluster.Pod("")
		if err != nil {
			return
		}
		if _, err := pod.Read(t.Context()); err != nil {
			t.Error(err)
		}
		if p, err := pod.Project(); err == nil {
			p.Self().Environ()
		}
		data, err := json.Marshal(pod.Object())
		if err != nil || !utf8.ValidString(text) {
			return
		}
		cluster, err = manifest.Load(manifest.Input{Pod: "-", Stdin: bytes.NewReader(data)})
		if err != nil {
			// A kind that is not Kubernetes' own may leave names to its API server.
			if !strings.Contains(err.Error(), "name is missing") {
				t.Errorf("read %s, and from its JSON: %v", text, err)
			}
			return
		}
		same, err := cluster.Pod("")
		if err != nil {
			t.Fatal(err)
		}
		if again := same.Object(); !reflect.DeepEqual(again, pod.Object()) {
			t.Errorf("read %v, and from its JSON %v", pod.Object(), again)
		}
	})
}

// BenchmarkLoad reads a dump of 40 kB.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := manifest.Load(manifest.Input{Objects: []string{"testdata/deployment/objects/pods.yaml"}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProject computes two volumes and three containers' environments.
func BenchmarkProject(b *testing.B) {
	cluster, err := manifest.Load(manifest.Input{Pod: "testdata/deployment/objects/pod.yaml", Node: "testdata/deployment/objects/node.yaml"})
	if err != nil {
		b.Fatal(err)
	}
	pod, err := cluster.Pod("")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pod.Project(); err != nil {
			b.Fatal(err)
		}
	}
}
