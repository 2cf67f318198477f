package charts

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/podfacts/podfacts/test/cluster"
)

// configurations that a chart can compute permissions for. Each is tried for sidecars
// and for init containers.
func configurations() map[string]string {
	all := map[string]string{
		"whole view":        view + "api: {objects: [{id: settings, apiVersion: v1, kind: ConfigMap, name: a}]}",
		"never":             view + "api: {mode: never}",
		"required":          entry("node.zone") + "api: {mode: required}",
		"text":              "outputs: [{path: /run/a, env: [{name: A, value: \"$(B)\"}]}]",
		"fieldRef":          "outputs: [{path: /run/a, env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]}]",
		"resource":          "outputs: [{path: /run/a, env: [{name: A, valueFrom: {resourceFieldRef: {containerName: main, resource: limits.memory}}}]}]",
		"several":           "outputs: [{path: /run/a, env: [{name: A, from: node.zone}], presets: [workload]}, {path: /run/b, env: [{name: A, from: cluster.uid}, {name: B, from: \"namespace.labels['a']\"}]}]",
		"plain notify":      entry("pod.uid") + "notify: [{signal: {process: nginx}}]",
		"one object":        entry("objects.a.data.b") + objects("{id: a, apiVersion: v1, kind: ConfigMap, name: settings}"),
		"quoted":            entry("objects['a'].data['b']") + objects("{id: a, apiVersion: v1, kind: Secret, name: settings, optional: true}"),
		"of two":            entry("objects.b.metadata.name") + objects("{id: a, apiVersion: v1, kind: Pod}", "{id: b, apiVersion: apps/v1, kind: Deployment, name: web}"),
		"elsewhere":         entry("objects.a.data.b") + objects("{id: a, apiVersion: v1, kind: ConfigMap, name: settings, namespace: other}"),
		"here":              entry("objects.a.data.b") + objects("{id: a, apiVersion: v1, kind: ConfigMap, name: settings, namespace: shop}"),
		"everywhere":        view + objects("{id: a, apiVersion: batch/v1, kind: Job, labelSelector: app=web, namespace: \"*\"}"),
		"a list":            view + objects("{id: a, apiVersion: batch/v1, kind: Job, labelSelector: app=web}"),
		"of cluster":        entry("objects.a.metadata.name") + objects("{id: a, apiVersion: storage.k8s.io/v1, kind: StorageClass, name: fast}"),
		"exec":              "exec: {env: [{name: A, from: node.zone}], presets: [workload]}\n" + entry("pod.name"),
		"served":            entry("pod.uid") + "serve: {listen: \"127.0.0.1:9400\", expose: [node.zone, \"pod.labels['a']\", workload.name]}",
		"served groups":     entry("pod.name") + "serve: {listen: \"127.0.0.1:9400\", expose: [pod, node]}",
		"served objects":    entry("pod.name") + "serve: {listen: \"127.0.0.1:9400\", expose: [objects]}\n" + objects("{id: a, apiVersion: v1, kind: ConfigMap, name: b}"),
		"served by default": entry("pod.name") + "serve: {listen: \"127.0.0.1:9400\"}",
		"two of a kind": view + objects("{id: a, apiVersion: v1, kind: ConfigMap, name: settings}", "{id: b, apiVersion: v1, kind: ConfigMap, name: settings}",
			"{id: c, apiVersion: v1, kind: Pod, labelSelector: a=b}"),
	}
	for _, preset := range presets() {
		all["preset "+preset] = "outputs: [{path: /run/a, presets: [" + preset + "]}]"
	}
	for _, fact := range facts() {
		all["fact "+fact] = entry(fact)
	}
	return all
}

func presets() []string {
	return []string{"pod", "labels", "annotations", "resources", "node", "workload", "otel", "go", "jvm", "nodejs"}
}

func facts() []string {
	return []string{
		"pod.name", "pod.namespace", "pod.uid", "pod.labels['a.b/c']", "pod.annotations['a']", "pod.ip", "pod.ips", "pod.hostIP", "pod.ordinal", "pod.createdAt",
		"metadata.name", "metadata.labels['a.b/c']", "spec.nodeName", "status.hostIPs", "limits.memory", "requests.cpu", "limits['nvidia.com/gpu']",
		"containers.main.limits.memory", "containers['main'].image", "node.name", "node.ip", "node.zone", "node.labels['a']", "node.allocatable.cpu",
		"node.capacity['nvidia.com/gpu']", "node.kubeletVersion", "namespace.name", "namespace.labels['a']", "owner.kind", "owner.uid",
		"workload.name", "workload.kind", "workload.uid", "workload.labels['a']", "workload.annotations['a']", "workload.replicas", "cluster.uid", "cluster.version", "files.a",
	}
}

const view = "outputs: [{path: /run/a, format: json}]\n"

func entry(fact string) string {
	return fmt.Sprintf("outputs: [{path: /run/a, env: [{name: A, from: %q}]}]\n", fact)
}

func objects(list ...string) string { return "api: {objects: [" + strings.Join(list, ", ") + "]}\n" }

// TestRBAC holds the permissions of the chart against those that podfacts rbac prints.
func TestRBAC(t *testing.T) {
	t.Parallel()
	for name, config := range configurations() {
		for _, mode := range []string{"run", "init"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				sameRules(t, config, mode, "")
			})
		}
	}
}

// TestRBACOfMany does so for configurations that have much of it, made up by lot but the
// same every time.
func TestRBACOfMany(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	of := func(list []string) string { return list[random.IntN(len(list))] }
	kinds := []string{"v1, kind: ConfigMap", "v1, kind: Secret", "v1, kind: Node", "apps/v1, kind: Deployment", "batch/v1, kind: Job", "autoscaling/v2, kind: HorizontalPodAutoscaler"}
	for i := range 30 {
		var config strings.Builder
		config.WriteString("outputs:\n")
		for o := range 1 + random.IntN(3) {
			fmt.Fprintf(&config, "- path: /run/%d\n  presets: [%s]\n  env:\n", o, of(presets()))
			for e := range 1 + random.IntN(4) {
				fmt.Fprintf(&config, "  - {name: A%d, from: %q}\n", e, of(facts()))
			}
			fmt.Fprintf(&config, "  - {name: B, from: objects.o%d.metadata.name}\n", random.IntN(3))
		}
		config.WriteString("api:\n  objects:\n")
		for o := range 3 {
			where := of([]string{"name: a", "name: b, namespace: other", "name: c, namespace: kube-system", "labelSelector: d=e", "namespace: \"*\""})
			fmt.Fprintf(&config, "  - {id: o%d, apiVersion: %s, %s}\n", o, of(kinds), where)
		}
		mode, workload := of([]string{"run", "init", "exec"}), of([]string{"", "", "Deployment", "StatefulSet", "CronJob", "Pod"})
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			sameRules(t, config.String(), mode, workload)
		})
	}
}

// TestRBACOfWorkloads does so where the kind of workload is known.
func TestRBACOfWorkloads(t *testing.T) {
	t.Parallel()
	for _, workload := range []string{"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "ReplicaSet", "Pod"} {
		for _, fact := range []string{"workload.name", "workload.replicas"} {
			for _, mode := range []string{"run", "init"} {
				t.Run(workload+"/"+fact+"/"+mode, func(t *testing.T) {
					t.Parallel()
					sameRules(t, entry(fact), mode, workload)
				})
			}
		}
		t.Run(workload+"/whole view", func(t *testing.T) {
			t.Parallel()
			sameRules(t, view, "run", workload)
		})
	}
}

func sameRules(t *testing.T, config, mode, workload string) {
	t.Helper()
	var parsed map[string]any
	if err := yaml.Unmarshal([]byte(config), &parsed); err != nil {
		t.Fatal(err)
	}
	values, err := yaml.Marshal(map[string]any{"config": parsed, "rbac": map[string]any{"for": mode, "workload": workload}})
	if err != nil {
		t.Fatal(err)
	}
	out, wrong := template(t, cluster.Helm, "../../charts/podfacts", "--values", write(t, "values.yaml", string(values)), "--set", "config.api.mode="+apiMode(parsed))
	if wrong != "" {
		t.Fatalf("%s\n%s", config, wrong)
	}
	got := rules(t, out)
	var want []string
	if apiMode(parsed) != "never" {
		args := []string{"rbac", "-c", write(t, "podfacts.yaml", config), "--for", mode, "--namespace", "shop", "--service-account", "web-podfacts", "--name", "web-podfacts"}
		if workload != "" {
			args = append(args, "--workload", workload)
		}
		want = rules(t, podfacts(t, "", args...))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nthe chart gives\n%s\nbut podfacts rbac\n%s", config, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func apiMode(config map[string]any) string {
	api, _ := config["api"].(map[string]any)
	if mode, ok := api["mode"].(string); ok {
		return mode
	}
	return "auto"
}

// rules lists what manifests allow: each object and rule, with who it is for.
func rules(t *testing.T, manifests string) []string {
	t.Helper()
	if !strings.Contains(manifests, "kind:") {
		return nil // comments
	}
	all := map[string]bool{}
	read, err := cluster.Objects(manifests)
	if err != nil {
		t.Fatalf("%v\n%s", err, manifests)
	}
	for _, u := range read {
		if u.GroupVersionKind().Group != "rbac.authorization.k8s.io" {
			continue
		}
		at := fmt.Sprintf("%s %s/%s ", u.GetKind(), u.GetNamespace(), u.GetName())
		list, _ := u.Object["rules"].([]any)
		for _, item := range list {
			rule := item.(map[string]any)
			for _, field := range rule {
				slices.SortFunc(field.([]any), func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			}
			all[at+text(t, rule)] = true
		}
		if list == nil {
			all[at+text(t, u.Object["roleRef"])+text(t, u.Object["subjects"])] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func text(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
