package apiserver

import (
	"slices"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// TestRules writes the rules as Roles have them: a rule of a ClusterRole begins
// with "cluster", one of another namespace with that.
func TestRules(t *testing.T) {
	t.Parallel()
	objects := []Object{
		{ID: "settings", APIVersion: "v1", Kind: "ConfigMap", Name: "web-settings"},
		{ID: "more", APIVersion: "v1", Kind: "ConfigMap", Name: "more", Namespace: "infra"},
		{ID: "jobs", APIVersion: "batch/v1", Kind: "Job", LabelSelector: "app=web"},
		{ID: "all", APIVersion: "v1", Kind: "Secret", Namespace: AllNamespaces},
		{ID: "class", APIVersion: "storage.k8s.io/v1", Kind: "StorageClass", Name: "fast"},
		{ID: "rule", APIVersion: "example.com/v1", Kind: "NetworkPolicy", Name: "n"},
		{ID: "team", APIVersion: "v1", Kind: "Namespace", Name: "infra"},
		{ID: "issuer", APIVersion: "cert-manager.io/v1", Kind: "ClusterIssuer", Name: "ca"},
		{ID: "sandbox", APIVersion: "node.k8s.io/v1", Kind: "RuntimeClass", Name: "gvisor"},
	}
	const (
		pods     = `{apiGroups: [""], resources: [pods], verbs: [get]}`
		podsRun  = `{apiGroups: [""], resources: [pods], verbs: [get, watch]}`
		nodes    = `cluster {apiGroups: [""], resources: [nodes], verbs: [get]}`
		nodesRun = `cluster {apiGroups: [""], resources: [nodes], verbs: [get, watch]}`
		jobs     = `{apiGroups: ["batch"], resources: [jobs], verbs: [get]}`
		sets     = `{apiGroups: ["apps"], resources: [replicasets], verbs: [get]}`
	)
	workloads := func(verbs string) []string {
		return []string{
			`{apiGroups: ["apps"], resources: [daemonsets], verbs: [` + verbs + `]}`,
			`{apiGroups: ["apps"], resources: [deployments], verbs: [` + verbs + `]}`,
			sets,
			`{apiGroups: ["apps"], resources: [statefulsets], verbs: [` + verbs + `]}`,
			`{apiGroups: ["batch"], resources: [cronjobs], verbs: [` + verbs + `]}`,
			jobs,
		}
	}
	for _, tt := range []struct {
		need     watch.Path
		once     []string
		follow   []string
		knowNode bool
	}{
		{need: "pod.name"},
		{need: "namespace.name"},
		{need: "files"},
		{need: "pod.labels['app']", once: []string{pods}, follow: []string{podsRun}},
		{need: "pod", once: []string{pods}, follow: []string{podsRun}},
		{need: "limits.memory", once: []string{pods}, follow: []string{podsRun}},
		{need: "node.name", once: []string{pods}, follow: []string{podsRun}},
		{need: "node.name", knowNode: true},
		{need: "node.ip", once: []string{pods}, follow: []string{podsRun}},
		{need: "node.zone", once: []string{pods, nodes}, follow: []string{podsRun, nodesRun}},
		{need: "node.zone", once: []string{nodes}, follow: []string{nodesRun}, knowNode: true},
		{need: "node.allocatable.cpu", once: []string{pods, nodes}, follow: []string{podsRun, nodesRun}},
		{need: "namespace.labels", once: []string{`{apiGroups: [""], resources: [namespaces], resourceNames: [shop], verbs: [get]}`},
			follow: []string{`cluster {apiGroups: [""], resources: [namespaces], resourceNames: [shop], verbs: [get, watch]}`}},
		{need: "owner", once: []string{pods}, follow: []string{podsRun}},
		{need: "workload.name", once: []string{pods, sets, jobs}, follow: []string{podsRun, sets, jobs}},
		{need: "workload.labels", once: append([]string{pods}, workloads("get")...), follow: append([]string{podsRun}, workloads("get, watch")...)},
		{need: "services", once: []string{pods, `{apiGroups: [""], resources: [services], verbs: [list]}`},
			follow: []string{podsRun, `{apiGroups: [""], resources: [services], verbs: [list, watch]}`}},
		{need: "peers", once: append([]string{`{apiGroups: [""], resources: [pods], verbs: [get, list]}`}, workloads("get")...),
			follow: append([]string{`{apiGroups: [""], resources: [pods], verbs: [get, list, watch]}`}, workloads("get, watch")...)},
		{need: "cluster.version"},
		{need: "cluster.uid", once: []string{`kube-system {apiGroups: [""], resources: [namespaces], resourceNames: [kube-system], verbs: [get]}`},
			follow: []string{`kube-system {apiGroups: [""], resources: [namespaces], resourceNames: [kube-system], verbs: [get]}`}},
		{need: "objects.team", once: []string{`infra {apiGroups: [""], resources: [namespaces], resourceNames: [infra], verbs: [get]}`},
			follow: []string{`cluster {apiGroups: [""], resources: [namespaces], resourceNames: [infra], verbs: [get, watch]}`}},
		{need: "objects.issuer", once: []string{`cluster {apiGroups: ["cert-manager.io"], resources: [clusterissuers], resourceNames: [ca], verbs: [get]} guessed`},
			follow: []string{`cluster {apiGroups: ["cert-manager.io"], resources: [clusterissuers], resourceNames: [ca], verbs: [get, watch]} guessed`}},
		{need: "objects.sandbox", once: []string{`cluster {apiGroups: ["node.k8s.io"], resources: [runtimeclasses], resourceNames: [gvisor], verbs: [get]}`},
			follow: []string{`cluster {apiGroups: ["node.k8s.io"], resources: [runtimeclasses], resourceNames: [gvisor], verbs: [get, watch]}`}},
		{need: "objects.settings.data", once: []string{`{apiGroups: [""], resources: [configmaps], resourceNames: [web-settings], verbs: [get]}`},
			follow: []string{`{apiGroups: [""], resources: [configmaps], resourceNames: [web-settings], verbs: [get, watch]}`}},
		{need: "objects.more", once: []string{`infra {apiGroups: [""], resources: [configmaps], resourceNames: [more], verbs: [get]}`},
			follow: []string{`infra {apiGroups: [""], resources: [configmaps], resourceNames: [more], verbs: [get, watch]}`}},
		{need: "objects.jobs", once: []string{`{apiGroups: ["batch"], resources: [jobs], verbs: [list]}`},
			follow: []string{`{apiGroups: ["batch"], resources: [jobs], verbs: [list, watch]}`}},
		{need: "objects.all", once: []string{`cluster {apiGroups: [""], resources: [secrets], verbs: [list]}`},
			follow: []string{`cluster {apiGroups: [""], resources: [secrets], verbs: [list, watch]}`}},
		{need: "objects.class", once: []string{`cluster {apiGroups: ["storage.k8s.io"], resources: [storageclasses], resourceNames: [fast], verbs: [get]}`},
			follow: []string{`cluster {apiGroups: ["storage.k8s.io"], resources: [storageclasses], resourceNames: [fast], verbs: [get, watch]}`}},
		{need: "objects.rule", once: []string{`{apiGroups: ["example.com"], resources: [networkpolicies], resourceNames: [n], verbs: [get]} guessed`},
			follow: []string{`{apiGroups: ["example.com"], resources: [networkpolicies], resourceNames: [n], verbs: [get, watch]} guessed`}},
	} {
		for mode, want := range map[Mode][]string{Once: tt.once, Follow: tt.follow} {
			var known []watch.Path
			if tt.knowNode {
				known = append(known, watch.PodNodeName, watch.NodeName)
			}
			plan := NewPlan(watch.Needs{{Path: tt.need, By: "pod.env: X"}}, objects, mode, known...)
			plan.Namespace = "shop"
			var got []string
			for _, r := range plan.Rules() {
				if !slices.Equal(r.Why, []string{string(tt.need) + " (pod.env: X)"}) {
					t.Errorf("%s: why %q", tt.need, r.Why)
				}
				text := r.String()
				if r.ClusterScoped {
					text = "cluster " + text
				}
				if r.Guessed {
					text += " guessed"
				}
				got = append(got, strings.TrimSpace(r.Namespace+" "+text))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, mode %d:\n%s\nwant\n%s", tt.need, mode, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// TestPlanKnowsTheVocabulary: every fact that comes from the API is planned for.
func TestPlanKnowsTheVocabulary(t *testing.T) {
	t.Parallel()
	for _, f := range watch.Vocabulary() {
		group, _, _ := strings.Cut(f.Pattern, ".<")
		p := watch.Path(group)
		free := []watch.Path{watch.PodName, watch.PodNamespace, watch.NamespaceName}
		planned := NewPlan(needs(p), []Object{{ID: "x"}}, Once).Covers(p)
		if want := strings.HasPrefix(f.Sources, "API") && !slices.Contains(free, p); planned != want {
			t.Errorf("%s: planned %v, it comes from %s", f.Pattern, planned, f.Sources)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	objects := []Object{{ID: "g", APIVersion: "example.com/v1", Kind: "Gear", Name: "x"}}
	plan, err := NewPlan(needs("objects"), objects, Once).Resolve(t.Context(), a.client(t))
	if err != nil {
		t.Fatal(err)
	}
	if r := plan.Rules()[0]; !r.ClusterScoped || r.Guessed || r.Resources[0] != "gears" {
		t.Errorf("%+v", r)
	}
	unsure, err := NewPlan(needs("objects"), []Object{{ID: "o", APIVersion: "example.com/v1", Kind: "Thing", Optional: true}}, Once).Resolve(t.Context(), a.client(t))
	if err != nil || !unsure.Rules()[0].Guessed {
		t.Errorf("what may be absent need not be served: %v, %+v", err, unsure.Rules())
	}
	for kind, want := range map[Object]string{
		{ID: "o", APIVersion: "example.com/v1", Kind: "Widgte"}: "did you mean Widget?",
		{ID: "o", APIVersion: "example.com/v2", Kind: "Widget"}: "the API server does not serve it",
	} {
		_, err := NewPlan(needs("objects"), []Object{kind}, Once).Resolve(t.Context(), a.client(t))
		if reasonOf(err) != NotFound || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", kind.Kind, err)
		}
	}
}

// TestNearestKind: what people write, and what they mean.
func TestNearestKind(t *testing.T) {
	t.Parallel()
	all := []object.Kind{{APIVersion: "v1", Kind: "ConfigMap"}, {APIVersion: "events.k8s.io/v1", Kind: "Event"}, {APIVersion: "v1", Kind: "Event"},
		{APIVersion: "apps/v1", Kind: "Deployment"}, {APIVersion: "apps/v1", Kind: "StatefulSet"}, {APIVersion: "batch/v1", Kind: "CronJob"},
		{APIVersion: "example.com/v2", Kind: "Widget"}, {APIVersion: "example.com/v1", Kind: "Widget"}}
	for _, tt := range []struct{ apiVersion, kind, want string }{
		{"v1", "Deployment", "apps/v1 Deployment"},
		{"apps/v1beta2", "Deployment", "apps/v1 Deployment"},
		{"apps/v1", "Deploymnt", "apps/v1 Deployment"},
		{"apps/v2", "Statefulset", "apps/v1 StatefulSet"},
		{"batch/v1beta1", "cronjob", "batch/v1 CronJob"},
		{"example.com/v3", "Widget", "example.com/v2 Widget"},
		{"v2", "Event", "v1 Event"},
		{"exmaple.com/v1", "Widget", "example.com/v2 Widget"},
		{"example.com/v1", "Carburettor", " "},
	} {
		near, _ := nearestKind(object.Kind{APIVersion: tt.apiVersion, Kind: tt.kind}, all)
		if got := near.APIVersion + " " + near.Kind; got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.apiVersion, tt.kind, got, tt.want)
		}
	}
}

func TestObjectValidate(t *testing.T) {
	t.Parallel()
	good := Object{ID: "x", APIVersion: "apps/v1", Kind: "Deployment", LabelSelector: "app in (a,b),!c", FieldSelector: "metadata.name!=x"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	bad := Object{APIVersion: "a/b/c", Name: "n", Namespace: AllNamespaces, LabelSelector: "a in b", FieldSelector: "x"}
	err := bad.Validate()
	for _, want := range []string{"id is required", "kind is required", "apiVersion", "exclude each other", "one namespace", "labelSelector", "fieldSelector"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// TestSelects: what a server would select.
func TestSelects(t *testing.T) {
	t.Parallel()
	pod := map[string]any{"metadata": map[string]any{"name": "web-0", "labels": map[string]any{"app": "web"}},
		"spec": map[string]any{"nodeName": "n0", "unschedulable": true}}
	for selectors, want := range map[[2]string]bool{
		{}:                                   true,
		{"app=web", "spec.nodeName=n0"}:      true,
		{"app=web", "spec.nodeName!=n0"}:     false,
		{"app=db", "spec.nodeName=n0"}:       false,
		{"", "metadata.name=web-0"}:          true,
		{"", "spec.unschedulable=true"}:      true,
		{"", "status.phase=Running"}:         false,
		{"", "status.phase!=Running"}:        true,
		{"a in b", ""}:                       false,
		{"", "x"}:                            false,
		{"app in (web,db),!canary", "name="}: true,
	} {
		if got := Selects(selectors[0], selectors[1])(pod); got != want {
			t.Errorf("%q: %v", selectors, got)
		}
	}
}
