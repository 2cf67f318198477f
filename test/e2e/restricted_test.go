package e2e

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

// TestRestricted runs as the restricted Pod Security Standard wants it, with facts, token and
// CA in one volume that only the pod's group can read.
func TestRestricted(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/restricted")
	pod := ns.AwaitPod("app.kubernetes.io/name=vault", suite.Ready)
	ns.AwaitLine(pod.Name, "main", "tier is silver, of 1", pod.CreationTimestamp.Time)
	time.Sleep(quiet)
	start := time.Now()
	ns.Label(pod.Name, "shop.example.com/tier", "gold")
	ns.Measure("label to file printed", ns.AwaitLine(pod.Name, "main", "tier is gold", start).Sub(start))

	if mode := ns.Exec(pod.Name, "main", "stat", "-c", "%a %u:%g", "/run/podfacts/pod.env"); !strings.HasPrefix(mode, "440 1000:") {
		t.Errorf("the file has mode and owner %s", mode)
	}
	log := ns.Logs(pod.Name, "podfacts")
	if strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
		t.Errorf("podfacts complains:\n%s", log)
	}
	// What podfacts found by itself holds a token too, which is none of its facts.
	token := []string{"/podfacts", "view", "-o", "json", "--api", "never"}
	if view := ns.Exec(pod.Name, "podfacts", token...); strings.Contains(view, "eyJ") || !strings.Contains(view, `"gold"`) {
		t.Errorf("the view is %s", view)
	}
}

// TestSubPath mounts a file of a volume in place of the volume, which never updates.
// podfacts says so, and goes on with what there was.
func TestSubPath(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/sidecar-probed", func(u *unstructured.Unstructured) {
		if u.GetKind() != "Deployment" {
			return
		}
		list, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "initContainers")
		for _, item := range list[0].(map[string]any)["volumeMounts"].([]any) {
			if mount := item.(map[string]any); mount["name"] == "podinfo" {
				mount["subPath"], mount["mountPath"] = "labels", "/etc/podinfo/labels"
			}
		}
		if err := unstructured.SetNestedSlice(u.Object, list, "spec", "template", "spec", "initContainers"); err != nil {
			t.Fatal(err)
		}
	})
	pod := ns.AwaitPod("app.kubernetes.io/name=cache", suite.Ready)
	ns.AwaitLine(pod.Name, "podfacts", "mounted with subPath, which Kubernetes never updates", time.Time{})
	ns.AwaitLine(pod.Name, "main", "tier is silver", time.Time{})
	ns.Label(pod.Name, "shop.example.com/tier", "gold")
	time.Sleep(3 * quiet)
	if log := ns.Logs(pod.Name, "main"); strings.Contains(log, "gold") {
		t.Errorf("it was updated, so the warning is wrong: %s", log)
	}
}
