package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Pods that a real kubelet ran, with their surroundings, in namespace shop.
const objects = "../../../watch/manifest/testdata/"

var fixtures = []struct {
	dir, pod, chain, services string
}{
	{"deployment", "web-7858dd7779-fmn6h", "replicaset/web-7858dd7779 deployment/web", "web"},
	{"statefulset", "db-0", "statefulset/db", "db"},
}

// fixturePod enters a pod of the fixtures that may read whatever it likes.
func fixturePod(t *testing.T, dir, name string) *pod {
	t.Helper()
	apply(t, shared, objects+dir+"/objects")
	account, err := shared.ServiceAccount(t.Context(), "shop", "web") // as the pod says
	if err != nil {
		t.Fatal(err)
	}
	all := rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}
	if err := account.Grant(t.Context(), "", all); err != nil {
		t.Fatal(err)
	}
	return enter(t, shared, account, name)
}

// TestAgreesWithKubectl holds every fact of two pods, each of which has one of
// everything, against what kubectl says, field by field.
func TestAgreesWithKubectl(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.dir, func(t *testing.T) {
			p := fixturePod(t, f.dir, f.pod)
			got := viewOf(t, p.run(t, "view", "-o", "json"))
			want := kubectlView(t, f.pod, strings.Fields(f.chain))
			for name := range want {
				if !reflect.DeepEqual(got[name], want[name]) {
					t.Errorf("%s:\npodfacts %s\nkubectl  %s", name, text(t, got[name]), text(t, want[name]))
				}
			}
			for name := range got {
				if _, ok := want[name]; !ok {
					t.Errorf("%s is not compared: %s", name, text(t, got[name]))
				}
			}
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func viewOf(t *testing.T, p *process) map[string]any {
	t.Helper()
	p.wants(t, 0)
	var view map[string]any
	if err := json.Unmarshal([]byte(p.stdout.String()), &view); err != nil {
		t.Fatalf("%v; it says:\n%s", err, &p.stderr)
	}
	return view
}

func text(t *testing.T, value any) string {
	t.Helper()
	line, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// kubectlView puts the tree together from what kubectl prints. It knows nothing of
// podfacts but the names of facts.
func kubectlView(t *testing.T, name string, chain []string) map[string]any {
	t.Helper()
	pod := kubectl(t, "get", "-n", "shop", "pod", name)
	nodeName := at(pod, "spec", "nodeName").(string)
	node := kubectl(t, "get", "node", nodeName)
	namespace := kubectl(t, "get", "namespace", "shop")
	first := kubectl(t, "get", "-n", "shop", chain[0])
	top := kubectl(t, "get", "-n", "shop", chain[len(chain)-1])
	view := map[string]any{
		"pod":        ofPod(pod),
		"containers": ofContainers(pod, node),
		"node":       ofNode(node),
		"namespace": compact(map[string]any{"name": "shop", "labels": pairs(namespace, "labels"),
			"annotations": pairs(namespace, "annotations")}),
		"owner": map[string]any{"kind": first["kind"], "name": at(first, "metadata", "name"), "uid": at(first, "metadata", "uid")},
		"workload": compact(map[string]any{"kind": top["kind"], "name": at(top, "metadata", "name"), "uid": at(top, "metadata", "uid"),
			"labels": pairs(top, "labels"), "annotations": pairs(top, "annotations"), "replicas": at(top, "spec", "replicas")}),
		"cluster": map[string]any{
			"uid":     at(kubectl(t, "get", "namespace", "kube-system"), "metadata", "uid"),
			"version": at(kubectl(t, "version"), "serverVersion", "gitVersion"),
		},
	}
	var services []any
	for _, s := range at(kubectl(t, "get", "-n", "shop", "services"), "items").([]any) {
		if at(s, "spec", "selector", "app.kubernetes.io/name") == at(pod, "metadata", "labels", "app.kubernetes.io/name") {
			services = append(services, compact(map[string]any{"name": at(s, "metadata", "name"), "namespace": "shop", "type": at(s, "spec", "type"),
				"ports": at(s, "spec", "ports"), "clusterIP": at(s, "spec", "clusterIP"), "clusterIPs": at(s, "spec", "clusterIPs")}))
		}
	}
	view["services"] = services
	var peers []any
	for _, other := range at(kubectl(t, "get", "-n", "shop", "pods"), "items").([]any) {
		owners, _ := at(other, "metadata", "ownerReferences").([]any)
		if len(owners) > 0 && at(owners[0], "uid") == at(first, "metadata", "uid") {
			peers = append(peers, map[string]any{"name": at(other, "metadata", "name"), "ip": at(other, "status", "podIP"), "node": nodeName,
				"zone":  at(other, "metadata", "labels", "topology.kubernetes.io/zone"),
				"ready": ready(other), "self": at(other, "metadata", "name") == name})
		}
	}
	view["peers"] = peers
	return view
}

func ofPod(pod map[string]any) any {
	meta, spec, status := pod["metadata"].(map[string]any), pod["spec"].(map[string]any), pod["status"].(map[string]any)
	hostname := spec["hostname"]
	if hostname == nil {
		hostname = meta["name"]
	}
	fields := map[string]any{
		"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"], "labels": pairs(pod, "labels"), "annotations": pairs(pod, "annotations"),
		"createdAt": meta["creationTimestamp"], "nodeName": spec["nodeName"], "serviceAccountName": spec["serviceAccountName"],
		"hostname": hostname, "subdomain": spec["subdomain"], "priorityClassName": spec["priorityClassName"],
		"ip": status["podIP"], "ips": addresses(status["podIPs"]), "hostIP": status["hostIP"], "hostIPs": addresses(status["hostIPs"]),
		"qosClass": status["qosClass"],
	}
	switch at(pod, "metadata", "labels", "apps.kubernetes.io/pod-index") {
	case "0":
		fields["ordinal"] = 0.0
	case "1":
		fields["ordinal"] = 1.0
	}
	return compact(fields)
}

// ofContainers knows what the Downward API says of what nobody set: the node's
// allocatable for a limit, nothing for a request.
func ofContainers(pod, node map[string]any) any {
	all := map[string]any{}
	for _, spec := range at(pod, "spec", "containers").([]any) {
		name := at(spec, "name").(string)
		limits, requests := map[string]any{}, map[string]any{}
		for _, resource := range []string{"cpu", "memory", "ephemeral-storage"} {
			requests[resource] = "0"
			if allocatable := at(node, "status", "allocatable", resource); allocatable != nil {
				limits[resource] = allocatable
			}
		}
		overlay(limits, at(spec, "resources", "limits"))
		overlay(requests, at(spec, "resources", "requests"))
		fields := map[string]any{"image": at(spec, "image"), "limits": limits, "requests": requests}
		for _, status := range at(pod, "status", "containerStatuses").([]any) {
			if at(status, "name") == name {
				fields["imageID"], fields["allocated"] = at(status, "imageID"), at(status, "allocatedResources")
				fields["enforced"] = at(status, "resources", "limits")
			}
		}
		all[name] = compact(fields)
	}
	return all
}

func ofNode(node map[string]any) any {
	label := func(key string) any { return at(node, "metadata", "labels", key) }
	var ip any
	for _, address := range at(node, "status", "addresses").([]any) {
		if at(address, "type") == "InternalIP" && ip == nil {
			ip = at(address, "address")
		}
	}
	return compact(map[string]any{
		"name": at(node, "metadata", "name"), "labels": pairs(node, "labels"), "annotations": pairs(node, "annotations"),
		"zone": label("topology.kubernetes.io/zone"), "region": label("topology.kubernetes.io/region"),
		"instanceType": label("node.kubernetes.io/instance-type"), "arch": label("kubernetes.io/arch"), "os": label("kubernetes.io/os"),
		"ip": ip, "kubeletVersion": at(node, "status", "nodeInfo", "kubeletVersion"),
		"allocatable": at(node, "status", "allocatable"), "capacity": at(node, "status", "capacity"),
	})
}

func kubectl(t *testing.T, args ...string) map[string]any {
	t.Helper()
	out, err := shared.Kubectl(t.Context(), append(args, "-o", "json")...)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(out), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// at goes down by keys; what is not there is nil.
func at(value any, keys ...string) any {
	for _, key := range keys {
		fields, _ := value.(map[string]any)
		value = fields[key]
	}
	return value
}

// pairs are labels or annotations: none is known to be none.
func pairs(object any, field string) any {
	if all := at(object, "metadata", field); all != nil {
		return all
	}
	return map[string]any{}
}

func ready(pod any) bool {
	conditions, _ := at(pod, "status", "conditions").([]any)
	for _, c := range conditions {
		if at(c, "type") == "Ready" {
			return at(c, "status") == "True"
		}
	}
	return false
}

func addresses(list any) any {
	var all []any
	items, _ := list.([]any)
	for _, item := range items {
		all = append(all, at(item, "ip"))
	}
	return all
}

func overlay(to map[string]any, from any) {
	fields, _ := from.(map[string]any)
	maps.Copy(to, fields)
}

// compact drops what is not there.
func compact(fields map[string]any) map[string]any {
	for key, value := range fields {
		if value == nil {
			delete(fields, key)
		}
	}
	return fields
}

// TestLiveViewIsThatOfThePod compares what podfacts says of a pod from outside with what
// it says inside, where everything may be read: with the token alone, with the volumes
// that a real kubelet wrote, and without the API server.
func TestLiveViewIsThatOfThePod(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.dir, func(t *testing.T) {
			p := fixturePod(t, f.dir, f.pod)
			uid := at(kubectl(t, "get", "-n", "shop", "pod", f.pod), "metadata", "uid").(string)
			for _, dir := range []string{"podinfo", "proj"} {
				if err := os.CopyFS(filepath.Join(p.root, "etc", dir), os.DirFS(objects+f.dir+"/"+dir)); err != nil {
					t.Fatal(err)
				}
			}
			p.write(t, "etc/podinfo/uid", uid) // the kubelet's was that of another cluster
			for line := range strings.Lines(read(t, objects+f.dir+"/container.env")) {
				if !strings.HasPrefix(line, "KUBERNETES_") && !strings.Contains(line, "UID") {
					p.env = append(p.env, strings.TrimSpace(line))
				}
			}
			p.write(t, "etc/projected/labels", p.read(t, "etc/proj/labels"))
			p.write(t, "etc/projected/cpu_limit", p.read(t, "etc/proj/cpu_limit"))
			p.write(t, "etc/podfacts/items.yaml", `volumes:
- path: /etc/podinfo
- path: /etc/projected
  items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]
`)
			for _, flags := range []string{
				"", "--volume /etc/podinfo --volume /etc/projected", "--volume /etc/podinfo --api never", "-c etc/podfacts/items.yaml",
			} {
				args := append([]string{"view", "-o", "json"}, strings.Fields(flags)...)
				inside := viewOf(t, p.run(t, args...))
				args = append(args, "--live", "shop/"+f.pod, "--kubeconfig", shared.Kubeconfig())
				live := viewOf(t, outsideIn(t, p.root, args...))
				if flags == "" { // the containers' mounts are not those of the test
					delete(live, "files")
				}
				for _, view := range []map[string]any{live, inside} {
					for name := range view {
						if !reflect.DeepEqual(live[name], inside[name]) {
							t.Errorf("%s: %s:\nlive   %s\ninside %s", flags, name, text(t, live[name]), text(t, inside[name]))
						}
					}
				}
			}
		})
	}
}

// TestWorkloadIsTheSameDryAndLive: of the controllers above a pod, the same one is its
// workload in a dump of the objects, in the pod, and from outside.
func TestWorkloadIsTheSameDryAndLive(t *testing.T) {
	t.Parallel()
	const s = shop("owners")
	const operator = "{apiVersion: example.com/v1, kind: Database, name: orders, uid: 9f4e1c9e-0000-4000-8000-000000000001, controller: true}"
	owned := func(w workload) string {
		return strings.Replace(w.manifest(s), "  annotations:", "  ownerReferences: ["+operator+"]\n  annotations:", 1)
	}
	custom := workload{"ReplicaSet", []controller{{"apps/v1", "ReplicaSet", "canary-5d4", "replicasets"}}}
	kinds := map[string]string{"Deployment": "Deployment", "StatefulSet": "StatefulSet", "CronJob": "CronJob", "Job": "Job", "ReplicaSet": "Database"}
	text := s.objects()
	for _, w := range append(workloads(), custom) {
		if kinds[w.kind] == "" {
			continue
		}
		if w.kind != "Job" { // which nobody controls
			text += "---\n" + owned(w)
		}
		text += "---\n" + w.pod(s, strings.ToLower(w.kind)+"-pod")
	}
	apply(t, shared, text)
	dump, err := shared.Kubectl(t.Context(), "get", "-n", string(s), "pods,replicasets,deployments,statefulsets,jobs,cronjobs", "-o", "yaml")
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range kinds {
		name := strings.ToLower(kind) + "-pod"
		account, err := shared.ServiceAccount(t.Context(), string(s), name)
		if err != nil {
			t.Fatal(err)
		}
		all := rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}}
		if err := account.Grant(t.Context(), string(s), all); err != nil {
			t.Fatal(err)
		}
		args := []string{"view", "-o", "json", "workload"}
		inside := viewOf(t, enter(t, shared, account, name).run(t, args...))
		live := viewOf(t, outside(t, append(args, "--live", string(s)+"/"+name, "--kubeconfig", shared.Kubeconfig())...))
		dry := viewOf(t, outside(t, append(args, "--pod-name", string(s)+"/"+name, "--objects", file(t, dump))...))
		if inside["kind"] != want {
			t.Errorf("the workload of a pod of a %s is %v, not a %s", kind, inside, want)
		}
		if !reflect.DeepEqual(inside, live) || !reflect.DeepEqual(inside, dry) {
			t.Errorf("%s:\ninside %v\nlive   %v\ndry    %v", kind, inside, live, dry)
		}
	}
}
