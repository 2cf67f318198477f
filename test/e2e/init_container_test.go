package e2e

import (
	"fmt"
	"testing"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

// TestInitContainer sources what the init container wrote, in both pods of a Deployment.
func TestInitContainer(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/init-container")
	for _, pod := range ns.AwaitPods("app.kubernetes.io/name=web", 2, suite.Ready) {
		for _, line := range []string{
			"WORKLOAD=web",
			"GOMAXPROCS=2",
			"GOMEMLIMIT=966367641", // nine tenths of the limit
			"OTEL_SERVICE_NAME=web",
			"POD_IP=" + pod.Status.PodIP,
			fmt.Sprintf("k8s.pod.name=%s,k8s.pod.uid=%s", pod.Name, pod.UID),
		} {
			ns.AwaitLine(pod.Name, "main", line, pod.CreationTimestamp.Time)
		}
	}
}
