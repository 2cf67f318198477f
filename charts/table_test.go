package charts

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/inject"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
	"github.com/podfacts/podfacts/watch/object"
)

// rule is a permission. Scope is empty for the pod's namespace, * for the cluster,
// else a namespace. Workloads are those that it is for; empty means all.
type rule struct {
	APIGroups     []string `json:"apiGroups"`
	Resources     []string `json:"resources"`
	ResourceNames []string `json:"resourceNames,omitempty"`
	Verbs         []string `json:"verbs"`
	Scope         string   `json:"scope"`
	Workloads     []string `json:"workloads,omitempty"`
}

// id is what the table calls it.
func (r rule) id() string {
	name := strings.Join(r.Resources, ",")
	if group := r.APIGroups[0]; group != "" {
		name += "." + group
	}
	return strings.TrimSpace(strings.Join(append([]string{strings.Join(r.Verbs, ","), name}, r.ResourceNames...), " ") + " " + r.Scope)
}

// own stands in the table for the namespace of the pod.
const own = "<namespace>"

// permissions are found by asking for one fact after the other what podfacts rbac
// would print.
func permissions(t *testing.T) map[string]any {
	t.Helper()
	rules := map[string]rule{}
	facts := map[string]map[string][]string{}
	for mode, plan := range map[string]apiserver.Mode{"init": apiserver.Once, "run": apiserver.Follow} {
		facts[mode] = map[string][]string{}
		for key, path := range keys(t) {
			facts[mode][key] = []string{}
			for _, r := range rulesOf(t, path, plan, nil) {
				facts[mode][key] = append(facts[mode][key], r.id())
				if _, ok := rules[r.id()]; !ok {
					rules[r.id()] = r
				}
			}
		}
	}
	narrow(t, rules, facts)

	presets := map[string][]string{}
	for _, p := range render.Presets() {
		presets[p.String()] = []string{}
		for _, path := range (&render.Env{Presets: []render.Preset{p}}).Needs().Paths() {
			presets[p.String()] = append(presets[p.String()], keyOf(string(path)))
		}
		slices.Sort(presets[p.String()])
		presets[p.String()] = slices.Compact(presets[p.String()])
	}
	aliases := map[string]string{}
	for _, field := range []string{
		"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
		"status.podIP", "status.podIPs", "status.hostIP", "status.hostIPs",
	} {
		path, err := watch.ParsePath(field)
		if err != nil {
			t.Fatal(err)
		}
		aliases[field] = string(path)
	}
	return map[string]any{
		"rules": rules, "facts": facts, "presets": presets, "aliases": aliases, "kinds": kinds(t), "workloads": apiserver.Workloads(),
	}
}

// narrow finds out which rules are for which workloads.
func narrow(t *testing.T, rules map[string]rule, facts map[string]map[string][]string) {
	t.Helper()
	given := map[string][]string{}
	for _, workload := range apiserver.Workloads() {
		controllers, err := apiserver.ControllersOf(workload)
		if err != nil {
			t.Fatal(err)
		}
		for mode, plan := range map[string]apiserver.Mode{"init": apiserver.Once, "run": apiserver.Follow} {
			for _, path := range keys(t) {
				for _, r := range rulesOf(t, path, plan, controllers) {
					if _, ok := rules[r.id()]; !ok {
						t.Fatalf("%s of a %s takes %s with %s, which it does not for any workload", path, workload, r.id(), mode)
					}
					if !slices.Contains(given[r.id()], workload) {
						given[r.id()] = append(given[r.id()], workload)
					}
				}
			}
		}
	}
	for id, r := range rules {
		if len(given[id]) < len(apiserver.Workloads()) {
			r.Workloads = given[id]
			rules[id] = r
		}
	}
}

func rulesOf(t *testing.T, path watch.Path, mode apiserver.Mode, controllers []object.Kind) []rule {
	t.Helper()
	plan := apiserver.NewPlan(watch.Needs{{Path: path}}, nil, mode)
	plan.Namespace, plan.Controllers = own, controllers
	var all []rule
	for _, r := range plan.Rules() {
		one := rule{APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames, Verbs: r.Verbs, Scope: r.Namespace}
		switch {
		case r.ClusterScoped:
			one.Scope = "*"
		case r.Namespace == own:
			one.Scope = ""
		}
		all = append(all, one)
	}
	return all
}

// keys are what the chart knows a fact by, each with a path of it.
func keys(t *testing.T) map[string]watch.Path {
	t.Helper()
	all := map[string]watch.Path{}
	for _, f := range watch.Vocabulary() {
		path := watch.Path(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(f.Pattern, "x"))
		if key := keyOf(string(path)); key != "objects" {
			all[key] = path
		}
	}
	return all
}

// keyOf is the name of the fact, as the chart finds it in a path: two names, or one
// where the second is up to the user.
func keyOf(path string) string {
	names := regexp.MustCompile(`^[A-Za-z]+([.][A-Za-z]+)?`).FindString(path)
	first, _, _ := strings.Cut(names, ".")
	if slices.Contains([]string{"containers", "limits", "requests", "objects", "files", "env", "services", "peers"}, first) {
		return first
	}
	return names
}

// kinds are those that configurations ask for most; for others there is podfacts rbac.
// Namespaces are left out: what they take depends on more than the kind.
func kinds(t *testing.T) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, k := range []object.Kind{
		{APIVersion: "v1", Kind: "ConfigMap"}, {APIVersion: "v1", Kind: "Secret"}, {APIVersion: "v1", Kind: "Service"},
		{APIVersion: "v1", Kind: "Endpoints"}, {APIVersion: "v1", Kind: "Pod"}, {APIVersion: "v1", Kind: "Node"},
		{APIVersion: "v1", Kind: "PersistentVolumeClaim"}, {APIVersion: "v1", Kind: "ServiceAccount"},
		{APIVersion: "v1", Kind: "ResourceQuota"}, {APIVersion: "v1", Kind: "LimitRange"},
		{APIVersion: "apps/v1", Kind: "Deployment"}, {APIVersion: "apps/v1", Kind: "StatefulSet"},
		{APIVersion: "apps/v1", Kind: "DaemonSet"}, {APIVersion: "apps/v1", Kind: "ReplicaSet"},
		{APIVersion: "batch/v1", Kind: "Job"}, {APIVersion: "batch/v1", Kind: "CronJob"},
		{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"}, {APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}, {APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"}, {APIVersion: "scheduling.k8s.io/v1", Kind: "PriorityClass"},
	} {
		r, ok := object.Builtin(k.APIVersion, k.Kind)
		if !ok {
			t.Errorf("%v is not Kubernetes' own", k)
		}
		all[object.Group(k.APIVersion)+"/"+k.Kind] = map[string]any{"resource": r.Name, "namespaced": r.Namespaced}
	}
	return all
}

// container is what injection adds to a pod, and what it allows there.
func container(t *testing.T) map[string]any {
	t.Helper()
	result, err := inject.Injector{Settings: inject.Default()}.Files([]inject.File{{Name: "pod.yaml", Text: []byte(`apiVersion: v1
kind: Pod
metadata: {name: a, labels: {podfacts.dev/inject: sidecar}}
spec:
  containers:
  - name: main
    resources:
      limits: {cpu: 1, memory: 1, ephemeral-storage: 1}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	var pod struct {
		Spec struct {
			InitContainers []struct {
				Env          []map[string]any
				StartupProbe map[string]any `yaml:"startupProbe"`
			} `yaml:"initContainers"`
			Volumes []struct {
				EmptyDir    map[string]any                   `yaml:"emptyDir"`
				DownwardAPI struct{ Items []map[string]any } `yaml:"downwardAPI"`
			}
		}
	}
	if err := yaml.Unmarshal(result.Texts[0], &pod); err != nil {
		t.Fatal(err)
	}
	settings := inject.Default()
	var items, resourceItems []map[string]any
	for _, item := range pod.Spec.Volumes[1].DownwardAPI.Items {
		ref, ok := item["resourceFieldRef"].(map[string]any)
		if !ok {
			items = append(items, item)
			continue
		}
		file := strings.TrimPrefix(fmt.Sprint(item["path"]), "resources/main/")
		resourceItems = append(resourceItems, map[string]any{"file": file, "resource": ref["resource"], "divisor": ref["divisor"]})
	}
	env := slices.DeleteFunc(pod.Spec.InitContainers[0].Env, func(e map[string]any) bool { return e["valueFrom"] == nil })
	return map[string]any{
		"emptyDir": pod.Spec.Volumes[0].EmptyDir, "items": items, "resourceItems": resourceItems,
		"env": env, "startupProbe": pod.Spec.InitContainers[0].StartupProbe,
		"resources": settings.Resources, "securityContext": settings.SecurityContext,
		"presets": settings.Presets, "format": settings.Format, "outputDir": settings.OutputDir, "api": settings.API,
		"patterns": patterns(t), "reserved": reserved(t),
		"choices": map[string][]string{
			"presets": config.Presets(), "format": config.Dialects(), "api": config.APIModes(),
			"imagePullPolicy": {"Always", "IfNotPresent", "Never"},
		},
	}
}

// reserved are the directories that podfacts has something else in.
func reserved(t *testing.T) []string {
	t.Helper()
	all := []string{"/etc/podinfo", "/etc/podfacts", "/podfacts", "/var/run/secrets"}
	if list := "and apart from " + strings.Join(all, ", ") + `"`; !strings.Contains(string(inject.Default().Policies()), list) {
		t.Errorf("the policies do not say %q; the list here is no more theirs", list)
	}
	return all
}

// patterns are those of the policies.
func patterns(t *testing.T) map[string]any {
	t.Helper()
	policies := string(inject.Default().Policies())
	all := map[string]any{}
	for name, p := range map[string][2]string{
		"image":     {`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`, "the name of an image, such as podfacts/podfacts:v1"},
		"configMap": {`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`, "the name of a ConfigMap"},
		"outputDir": {`^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$`, "an absolute path such as /run/podfacts"},
		"listen":    {`^(\[[0-9a-fA-F:]+\]|[0-9.]*|localhost):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`, "an address such as 127.0.0.1:9300, or :9300 for everyone"},
	} {
		if !strings.Contains(policies, p[0]) {
			t.Errorf("the policies have no pattern %s; this one of %s is no more theirs", p[0], name)
		}
		all[name] = map[string]string{"pattern": p[0], "what": p[1]}
	}
	return all
}
