package injection

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestPolicies holds the policies against inject. First the server says what it makes
// of injected manifests; then the policies come, and it says what it makes of the
// original ones.
func TestPolicies(t *testing.T) {
	t.Parallel()
	binary := build(t)
	i := newInjector(t, binary, settings)
	all := append(samples(t, i), generated(t, i, 160)...)
	s := start(t)
	for _, sample := range all {
		s.withoutPolicies(t, sample)
	}
	wrong := wrapped(object(t, `{"metadata": {"labels": {"podfacts.dev/inject": "wrong"}}, "spec": {"containers": [{"name": "main", "image": "web"}]}}`))[1]
	wrong.SetName("older")
	if _, err := s.resource(wrong, namespaces[""]).Create(t.Context(), wrong, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	s.install(t, i, "example.com/podfacts:v1")
	counts := map[string]int{}
	for _, sample := range all {
		counts[s.compare(t, sample)]++
	}
	t.Logf("compared %v", counts)
	if counts["injected"] < 45 || counts["refused"] < 60 || counts["left"] < 20 {
		t.Errorf("compared too few: %v", counts)
	}
	t.Run("workloads", func(t *testing.T) { s.workloads(t, all) })
	t.Run("older", s.older)
	t.Run("namespace", s.labels)
	t.Run("running", s.running)
	t.Run("large", s.large)
	t.Run("others", s.others)
	t.Run("settings", func(t *testing.T) { s.settings(t, binary) })
}

// withoutPolicies fills in what the server makes of an injected pod.
func (s *server) withoutPolicies(t *testing.T, sample *sample) {
	t.Helper()
	if sample.before.GetKind() != "Pod" {
		return
	}
	if _, err := s.create(t.Context(), sample.namespace(), sample.before); err != nil {
		if !strings.HasPrefix(sample.name, "generated") && !strings.HasPrefix(sample.name, "injected/half-done") && !strings.HasPrefix(sample.name, "refused/collisions") {
			t.Errorf("%v: %v", sample, err)
		}
		sample.invalid = true
	}
	if sample.after == nil {
		return
	}
	pod, err := s.create(t.Context(), sample.namespace(), sample.after)
	switch {
	case err == nil:
		sample.want = made(pod)
		sample.invalid = false // injection may bring the volume that a mount is for
	case !sample.invalid:
		t.Errorf("%v: cannot be created once injected: %v\n%s", sample, err, text(sample.after.Object))
	}
}

// compare holds what the policies do against what inject did, and says what that was.
func (s *server) compare(t *testing.T, sample *sample) string {
	t.Helper()
	if sample.invalid || sample.before.GetKind() != "Pod" {
		return "passed over"
	}
	pod, err := s.create(t.Context(), sample.namespace(), sample.before)
	if sample.problems != "" {
		if err == nil {
			t.Errorf("%v: not refused; inject says: %s", sample, sample.problems)
		} else if got := refusal(t, err); got != sample.problems {
			t.Errorf("%v: refused with\n%s\nand by inject with\n%s", sample, got, sample.problems)
		}
		return "refused"
	}
	if err != nil {
		t.Errorf("%v: %v", sample, err)
		return "failed"
	}
	if got := made(pod); !reflect.DeepEqual(got, sample.want) {
		t.Errorf("%v: the policies make\n%s\nand inject\n%s", sample, text(got), text(sample.want))
	}
	again, err := s.create(t.Context(), sample.namespace(), sample.after)
	if err != nil {
		t.Errorf("%v: injected before: %v", sample, err)
		return "failed"
	}
	if got := made(again); !reflect.DeepEqual(got, sample.want) {
		t.Errorf("%v: of what was injected before the policies make\n%s\nwant\n%s", sample, text(got), text(sample.want))
	}
	if reflect.DeepEqual(sample.before, sample.after) {
		return "left"
	}
	return "injected"
}

func text(value any) string {
	out, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// workloads are refused for what their pods would be refused for.
func (s *server) workloads(t *testing.T, all []*sample) {
	for _, sample := range all {
		if sample.before.GetKind() != "Pod" {
			if _, err := s.create(t.Context(), sample.namespace(), sample.before); err == nil {
				t.Errorf("%v: not refused; inject says: %s", sample, sample.problems)
			} else if got := refusal(t, err); got != sample.problems {
				t.Errorf("%v: refused with\n%s\nand by inject with\n%s", sample, got, sample.problems)
			}
			continue
		}
		if strings.HasPrefix(sample.name, "generated") || sample.invalid || strings.Contains(sample.name, "mirror") || strings.Contains(sample.name, "half-done") {
			continue
		}
		for _, w := range wrapped(sample.before) {
			_, err := s.create(t.Context(), sample.namespace(), w)
			switch {
			case sample.problems == "" && err != nil:
				t.Errorf("%v as %s: %v", sample, w.GetKind(), err)
			case sample.problems == "":
			case err == nil:
				t.Errorf("%v as %s: not refused; inject says: %s", sample, w.GetKind(), sample.problems)
			default:
				if got := refusal(t, err); got != sample.problems {
					t.Errorf("%v as %s: refused with\n%s\nand by inject with\n%s", sample, w.GetKind(), got, sample.problems)
				}
			}
		}
	}
}

// older is a workload from before the policies, with something wrong: it can be
// changed in every other way, and go.
func (s *server) older(t *testing.T) {
	w := wrapped(object(t, `{"metadata": {}, "spec": {"containers": []}}`))[1]
	deployments := s.resource(w, namespaces[""])
	patch := func(text string) error {
		_, err := deployments.Patch(t.Context(), "older", types.MergePatchType, []byte(text), metav1.PatchOptions{})
		return err
	}
	if err := patch(`{"metadata": {"annotations": {"a": "b"}}}`); err != nil {
		t.Error(err)
	}
	if _, err := deployments.Patch(t.Context(), "older", types.MergePatchType, []byte(`{"spec": {"replicas": 3}}`), metav1.PatchOptions{}, "scale"); err != nil {
		t.Error(err)
	}
	err := patch(`{"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}}`)
	if err == nil {
		t.Error("a template with a wrong label was not refused")
	} else if got, want := refusal(t, err), `label podfacts.dev/inject is "wrong", but must be init, sidecar or none`; got != want {
		t.Errorf("refused with %s, want %s", got, want)
	}
	if err := patch(`{"spec": {"template": {"metadata": {"labels": {"podfacts.dev/inject": "init"}}}}}`); err != nil {
		t.Error(err)
	}
	if err := deployments.Delete(t.Context(), "older", metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// labels of namespaces are explained too.
func (s *server) labels(t *testing.T) {
	for value, ok := range map[string]bool{"init": true, "sidecar": true, "none": true, "yes": false} {
		_, err := s.create(t.Context(), "", object(t, fmt.Sprintf(`{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"podfacts.dev/inject": %q}}}`, value)))
		switch {
		case ok && err != nil:
			t.Errorf("%s: %v", value, err)
		case ok:
		case err == nil:
			t.Errorf("%s: not refused", value)
		default:
			if got, want := refusal(t, err), `label podfacts.dev/inject is "yes", but must be init, sidecar or none`; got != want {
				t.Errorf("refused with %s, want %s", got, want)
			}
		}
	}
}

// running pods are let alone: they can be labelled, debugged and deleted.
func (s *server) running(t *testing.T) {
	pod := object(t, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "running", "labels": {"podfacts.dev/inject": "sidecar"}},
		"spec": {"containers": [{"name": "main", "image": "web"}]}}`)
	pods := s.resource(pod, namespaces[""])
	before, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ text, subresource string }{
		{`{"metadata": {"labels": {"podfacts.dev/inject": "wrong", "a": "b"}, "annotations": {"podfacts.dev/wrong": ""}}}`, ""},
		{`{"spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox"}]}}`, "ephemeralcontainers"},
	} {
		var sub []string
		if change.subresource != "" {
			sub = []string{change.subresource}
		}
		if _, err := pods.Patch(t.Context(), "running", types.StrategicMergePatchType, []byte(change.text), metav1.PatchOptions{}, sub...); err != nil {
			t.Errorf("%s: %v", change.text, err)
		}
	}
	after, err := pods.Get(t.Context(), "running", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	delete(after.Object["spec"].(map[string]any), "ephemeralContainers")
	if !reflect.DeepEqual(before.Object["spec"], after.Object["spec"]) {
		t.Errorf("before %s\nafter %s", text(before.Object["spec"]), text(after.Object["spec"]))
	}
	if err := pods.Delete(t.Context(), "running", metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// large pods stay below what expressions may cost.
func (s *server) large(t *testing.T) {
	const containers, mounts = 100, 20
	var list, volumes []any
	for i := range mounts {
		volumes = append(volumes, map[string]any{"name": fmt.Sprintf("v%d", i), "emptyDir": map[string]any{}})
	}
	for i := range containers {
		var m []any
		for j := range mounts {
			m = append(m, map[string]any{"name": fmt.Sprintf("v%d", j), "mountPath": fmt.Sprintf("/run/some/directory/v%d", j)})
		}
		list = append(list, map[string]any{"name": fmt.Sprintf("c%d", i), "image": "web", "volumeMounts": m,
			"resources": map[string]any{"limits": map[string]any{"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}}})
	}
	pod := object(t, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "large", "labels": {"podfacts.dev/inject": "init"}}}`)
	pod.Object["spec"] = map[string]any{"containers": list[:containers/2], "initContainers": list[containers/2:], "volumes": volumes}
	start := time.Now()
	created, err := s.create(t.Context(), namespaces[""], pod)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d containers: %v", containers, time.Since(start))
	if n := strings.Count(text(created.Object["spec"]), `"mountPath": "/run/podfacts"`); n != containers+1 {
		t.Errorf("%d mounts of %d", n, containers+1)
	}
}

// others change pods too: a container that another policy adds has the files.
func (s *server) others(t *testing.T) {
	const name = "zz-adds-a-container"
	s.apply(t, `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: `+name+`}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  reinvocationPolicy: IfNeeded # it may come first or last
  failurePolicy: Fail
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: |-
        object.metadata.name != "others" ? [] :
        (object.spec.containers.exists(c, c.name == "other") ? [] : [
          JSONPatch{op: "add", path: "/spec/containers/-", value: Object.spec.containers{name: "other", image: "other"}}
        ])
        + (!has(object.spec.initContainers) ? [] : [
          JSONPatch{op: "replace", path: "/spec/initContainers/0/image", value: "mirror.example.com/podfacts:v1"}
        ])
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: `+name+`}
spec: {policyName: `+name+`}
`)
	pod := object(t, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "others", "labels": {"podfacts.dev/inject": "init"}},
		"spec": {"automountServiceAccountToken": false, "containers": [{"name": "main", "image": "web"}]}}`)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		created, err := s.create(t.Context(), namespaces[""], pod)
		if err != nil {
			t.Fatal(err)
		}
		got := text(created.Object["spec"])
		if !strings.Contains(got, `"image": "other"`) {
			if time.Now().After(deadline) {
				t.Fatalf("the other policy is not in force:\n%s", got)
			}
			continue
		}
		if n := strings.Count(got, `"mountPath": "/run/podfacts"`); n != 3 {
			t.Errorf("%d mounts, want one in each of three containers:\n%s", n, got)
		}
		if strings.Count(got, `"name": "podfacts-info"`) != 2 || !strings.Contains(got, "mirror.example.com") {
			t.Errorf("was injected again:\n%s", got)
		}
		return
	}
}

// settings of a cluster reach the pods: here all that there are.
func (s *server) settings(t *testing.T, binary string) {
	const chosen = "registry.example.com:5000/team/podfacts@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	i := newInjector(t, binary, `
image: `+chosen+`
imagePullPolicy: Never
allowedImages: [example.com/podfacts, "example.com/team/"]
presets: [pod, otel]
format: export
outputDir: /var/run/facts
api: auto
resources: {}
securityContext:
  runAsNonRoot: true
  seLinuxOptions: {level: "s0:c1,c2"}
  capabilities: {drop: [ALL], add: [NET_RAW]}
  runAsUser: 1234567890
`)
	s.install(t, i, chosen)
	for image, allowed := range map[string]bool{
		"": true, "example.com/podfacts": true, "example.com/podfacts:v2": true, "example.com/team/any/thing:v1": true, "example.com/podfacts@sha256:0": true,
		"example.com/podfacts2": false, "example.com/": false, "docker.io/podfacts": false, "example.com/team/ x": false,
	} {
		pod := object(t, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "settings", "namespace": "plain", "labels": {"podfacts.dev/inject": "sidecar"}, "annotations": {}},
			"spec": {"automountServiceAccountToken": false, "containers": [{"name": "main", "image": "web"}]}}`)
		if image != "" {
			pod.SetAnnotations(map[string]string{"podfacts.dev/image": image})
		}
		created, err := s.create(t.Context(), namespaces[""], pod)
		out, problems := i.run(t, text(pod.Object), "-f", "-")
		if (err == nil) != allowed || (problems == "") != allowed {
			t.Errorf("image %q: allowed %v, but the policies say %v, and inject %s", image, allowed, err, problems)
			continue
		}
		if err != nil {
			if got := refusal(t, err); got != problems {
				t.Errorf("image %q: the policies say %s, and inject %s", image, got, problems)
			}
			continue
		}
		again, err := s.create(t.Context(), namespaces[""], object(t, out))
		if err != nil {
			t.Errorf("image %q: %v", image, err)
		} else if got, want := made(created), made(again); !reflect.DeepEqual(got, want) {
			t.Errorf("image %q: the policies make\n%s\nand inject\n%s", image, text(got), text(want))
		}
	}
}
