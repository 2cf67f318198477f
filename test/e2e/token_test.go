package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/test/cluster/suite"
)

// TestToken begins with a token that is over, which podfacts says, and has the kubelet
// replace it by a short-lived one. The kubelet itself asks for none below ten minutes, and
// so both come from a Secret.
func TestToken(t *testing.T) {
	n := shared.Node(t) // whose key signs them
	t.Parallel()
	ns := shared.Namespace(t)
	account, err := n.ServiceAccount(t.Context(), ns.Name, "vault")
	if err != nil {
		t.Fatal(err)
	}
	renew := func(lifetime time.Duration) {
		t.Helper()
		token, err := account.Token(t.Context(), cluster.TokenOptions{Lifetime: lifetime})
		if err != nil {
			t.Fatal(err)
		}
		ns.Apply(fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {token: %s}\n", token))
	}
	renew(-time.Hour)
	ns.Apply("../../examples/restricted", func(u *unstructured.Unstructured) {
		volumes, ok, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "volumes")
		if !ok {
			return
		}
		for _, volume := range volumes {
			if projected, ok := volume.(map[string]any)["projected"].(map[string]any); ok {
				projected["sources"].([]any)[0] = map[string]any{"secret": map[string]any{"name": "token"}}
			}
		}
		if err := unstructured.SetNestedSlice(u.Object, volumes, "spec", "template", "spec", "volumes"); err != nil {
			t.Fatal(err)
		}
	})
	name := ns.AwaitPod("app.kubernetes.io/name=vault", func(p *corev1.Pod) error {
		if len(p.Status.InitContainerStatuses) == 0 || p.Status.InitContainerStatuses[0].State.Running == nil {
			return fmt.Errorf("the sidecar of %s does not run", p.Name)
		}
		return nil
	}).Name
	ns.AwaitLine(name, "podfacts", "expired", time.Time{})

	time.Sleep(quiet)
	renew(5 * time.Minute) // if need be, it outlasts the kubelet's
	start := time.Now()
	ns.Annotate(name, "shop.example.com/renewed", start.Format(time.RFC3339)) // or the kubelet would take its minute
	ns.Measure("new token to application", ns.AwaitLine(name, "main", "tier is silver, of 1", start).Sub(start))
	ns.AwaitPod("app.kubernetes.io/name=vault", suite.Ready)
}
