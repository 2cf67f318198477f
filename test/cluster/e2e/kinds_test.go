package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRBACKnowsKubernetesKinds asks the server for every kind that it serves, and holds
// against it what rbac prints without asking.
func TestRBACKnowsKubernetesKinds(t *testing.T) {
	t.Parallel()
	type served struct {
		apiVersion, kind, resource string
		namespaced                 bool
	}
	var all []served
	lists := []string{"/api/v1"}
	for _, group := range at(raw(t, "/apis"), "groups").([]any) {
		for _, version := range at(group, "versions").([]any) {
			if name := at(version, "groupVersion").(string); !strings.Contains(name, "example.com/") { // that of another test
				lists = append(lists, "/apis/"+name)
			}
		}
	}
	var config strings.Builder
	config.WriteString("outputs: [{path: /run/podfacts/out, mode: '0600', text: '{{ .objects | toJson }}'}]\napi:\n  objects:\n")
	for _, path := range lists {
		list := raw(t, path)
		for _, r := range at(list, "resources").([]any) {
			name := at(r, "name").(string)
			verbs, _ := at(r, "verbs").([]any)
			if strings.Contains(name, "/") || !slices.Contains(verbs, any("get")) {
				continue
			}
			all = append(all, served{at(list, "groupVersion").(string), at(r, "kind").(string), name, at(r, "namespaced").(bool)})
			fmt.Fprintf(&config, "  - {id: o%d, apiVersion: %s, kind: %s, name: x}\n", len(all), all[len(all)-1].apiVersion, all[len(all)-1].kind)
		}
	}
	if len(all) < 50 {
		t.Fatalf("only %d kinds", len(all))
	}
	p := outside(t, "rbac", "-c", file(t, config.String()))
	p.wants(t, 0)
	if said := p.stderr.String(); said != "" {
		t.Errorf("says:\n%s", said)
	}
	printed := parsePermissions(t, p.stdout.String())
	for _, k := range all {
		group, _, found := strings.Cut(k.apiVersion, "/")
		if !found {
			group = ""
		}
		i := slices.IndexFunc(printed.grants(t), func(g grant) bool {
			return g.group == group && g.resource == k.resource && (printed[g.document]["kind"] == "Role") == k.namespaced
		})
		if i < 0 {
			t.Errorf("%s %s, which is served as %s (namespaced: %v), has no such rule", k.apiVersion, k.kind, k.resource, k.namespaced)
		}
	}
}

func raw(t *testing.T, path string) map[string]any {
	t.Helper()
	out, err := shared.Kubectl(t.Context(), "get", "--raw", path)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(out), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.yaml")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// Kinds whose names and scopes nobody would guess, and one that controls pods.
func customKinds() string {
	var text strings.Builder
	for _, k := range []struct{ kind, plural, scope string }{
		{"Gear", "gearbox", "Cluster"}, {"ClusterThing", "clusterthings", "Namespaced"}, {"Rollout", "rollouts", "Namespaced"},
	} {
		fmt.Fprintf(&text, `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[2]s.kinds.example.com}
spec:
  group: kinds.example.com
  scope: %[3]s
  names: {kind: %[1]s, plural: %[2]s}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
`, k.kind, k.plural, k.scope)
	}
	return text.String()
}

const customConfig = `api:
  objects:
  - {id: gear, apiVersion: kinds.example.com/v1, kind: Gear, name: big}
  - {id: thing, apiVersion: kinds.example.com/v1, kind: ClusterThing, name: small}
outputs:
- path: /run/podfacts/out
  text: "{{ .objects.gear.size }} {{ .objects.thing.size }} {{ .workload.kind }} {{ .workload.labels.app }}"
`

// TestRBACOfCustomKinds: what rbac prints for kinds that it cannot know works as soon as
// it may ask, and is marked as long as it may not.
func TestRBACOfCustomKinds(t *testing.T) {
	t.Parallel()
	const s = shop("kinds")
	definitions, config := file(t, customKinds()), file(t, customConfig)
	for _, args := range [][]string{{"apply", "-f", definitions}, {"wait", "--for=condition=Established", "-f", definitions}} {
		if _, err := shared.Kubectl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	rollout := workload{"Rollout", []controller{{"kinds.example.com/v1", "Rollout", "web", "rollouts"}, {"apps/v1", "ReplicaSet", "web-6d4cf56db6", "replicasets"}}}
	web := rollout.pod(s, "web-1")
	objects := s.objects() + `---
apiVersion: kinds.example.com/v1
kind: Gear
metadata: {name: big}
size: 7
---
apiVersion: kinds.example.com/v1
kind: ClusterThing
metadata: {name: small, namespace: kinds}
size: 3
---
` + rollout.manifest(s) + "---\n" + web
	eventually(t, "the custom kinds", func() error { // which are served a moment after they are established
		_, err := shared.Apply(t.Context(), objects)
		return err
	})

	t.Run("guessed", func(t *testing.T) {
		p := outside(t, "rbac", "-c", config)
		p.wants(t, 0)
		p.says(t, "how Gear of kinds.example.com/v1 is served is guessed: as gears, in namespaces", "--kubeconfig",
			"how ClusterThing of kinds.example.com/v1 is served is guessed: as clusterthings, in no namespace")
		for _, comment := range []string{"# How Gear of kinds.example.com/v1 is served is a guess", "such as an Argo Rollout", "--workload"} {
			if !strings.Contains(p.stdout.String(), comment) {
				t.Errorf("no comment says %q:\n%s", comment, &p.stdout)
			}
		}
	})
	t.Run("asked", func(t *testing.T) {
		p := outside(t, "rbac", "-c", config, "--kubeconfig", shared.Kubeconfig(), "--workload", "kinds.example.com/v1/Rollout", "-n", string(s))
		testCustomRules(t, p, "replicasets jobs rollouts gearbox clusterthings")
	})
	t.Run("defined", func(t *testing.T) {
		p := outside(t, "rbac", "-c", config, "--pod", file(t, web), "--objects", definitions, "--objects", file(t, rollout.manifest(s)))
		testCustomRules(t, p, "replicasets rollouts gearbox clusterthings")
	})
	t.Run("live", func(t *testing.T) {
		for _, mode := range []string{"init", "run"} {
			p := outside(t, "rbac", "-c", config, "--kubeconfig", shared.Kubeconfig(), "--live", string(s)+"/web-1", "--for", mode)
			testCustomRules(t, p, "replicasets rollouts gearbox clusterthings")
			testEnough(t, s, rollout, parsePermissions(t, p.stdout.String()), mode)
		}
	})
	t.Run("not served", func(t *testing.T) {
		unknown := file(t, strings.Replace(customConfig, "kind: Gear", "kind: Gaer", 1))
		p := outside(t, "rbac", "-c", unknown, "--kubeconfig", shared.Kubeconfig())
		p.wants(t, 1)
		p.says(t, `object "gear": get kind Gaer of kinds.example.com/v1: not found; did you mean Gear?`)
	})
}

// testCustomRules checks which resources the rules are about, beside pods.
func testCustomRules(t *testing.T, p *process, resources string) {
	t.Helper()
	p.wants(t, 0)
	if said := p.stderr.String(); strings.Contains(said, "guess") || strings.Contains(p.stdout.String(), "guess") {
		t.Errorf("%s: something is guessed:\n%s\n%s", p, said, &p.stdout)
	}
	printed := parsePermissions(t, p.stdout.String())
	got := make(map[string]bool)
	for _, g := range printed.grants(t) {
		got[g.resource] = true
		if cluster := printed[g.document]["kind"] == "ClusterRole"; cluster != (g.resource == "gearbox") {
			t.Errorf("%s: %s is in a %s", p, g, printed[g.document]["kind"])
		}
	}
	for resource := range strings.FieldsSeq(resources + " pods") {
		if !got[resource] {
			t.Errorf("%s: no rule for %s", p, resource)
		}
		delete(got, resource)
	}
	for resource := range got {
		t.Errorf("%s: a rule for %s", p, resource)
	}
}

// testEnough runs in a pod that may do just that.
func testEnough(t *testing.T, s shop, w workload, printed permissions, mode string) {
	t.Helper()
	name := "web-" + mode
	apply(t, shared, printed.to(t, string(s), name)+"---\n"+w.pod(s, name))
	await(t, shared, string(s))
	account, err := shared.ServiceAccount(t.Context(), string(s), name)
	if err != nil {
		t.Fatal(err)
	}
	mark, err := shared.Mark()
	if err != nil {
		t.Fatal(err)
	}
	p := enter(t, shared, account, name)
	process := p.start(t, append([]string{mode}, p.configure(t, customConfig)...)...)
	eventually(t, "output", func() error {
		if got := p.read(t, output); got != "7 3 Rollout web" {
			return fmt.Errorf("output %q; it says:\n%s", got, &process.stderr)
		}
		return nil
	})
	if mode == "run" {
		process.term(t)
	}
	requests, err := shared.Requests(mark, account.Username())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		if r.Code == 403 {
			t.Errorf("refused: %s", r)
		}
	}
}
