package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

// quiet is how long the kubelet takes to be ready for the next change at once: it syncs a
// pod only with a look at its containers that is newer than its last sync, and it looks
// once a second (pkg/kubelet/pod_workers.go, GetNewerThan).
const quiet = 2 * time.Second

// TestSidecar changes a label of a pod again and again, and each time the application
// prints the new file.
func TestSidecar(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/sidecar")
	pods := ns.AwaitPods("app.kubernetes.io/name=db", 3, suite.Ready)
	for i, pod := range pods {
		ns.AwaitLine(pod.Name, "main", fmt.Sprintf("server_id = %d", i+1), pod.CreationTimestamp.Time)
	}

	pod := pods[1].Name
	for i := range 5 {
		time.Sleep(quiet)
		role := fmt.Sprintf("role-%d", i)
		start := time.Now()
		ns.Label(pod, "shop.example.com/role", role)
		ns.Measure("label to file printed", ns.AwaitLine(pod, "main", role, start).Sub(start))
		ns.Measure("label to published", ns.AwaitLine(pod, "podfacts", "published", start).Sub(start))
	}
	ns.Kubectl("label", "--overwrite", "pod", pod, "shop.example.com/role=leader")
	ns.Await("the view to follow kubectl label", func() error {
		if view := ns.Exec(pod, "main", "cat", "/run/podfacts/view.json"); !strings.Contains(view, `"shop.example.com/role": "leader"`) {
			return errors.New(view)
		}
		return nil
	})
}
