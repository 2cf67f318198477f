package e2e

import (
	"strings"
	"testing"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

// TestEnvFiles has one init container write for a shell, the kubelet and a JSON parser, with
// facts that it may ask the API server for by exactly what rbac prints: the example has no
// other permissions, and another test holds them against rbac.
func TestEnvFiles(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/env-files")
	pod := ns.AwaitPod("app.kubernetes.io/name=web", suite.Ready)
	zone := ns.Kubectl("get", "node", pod.Spec.NodeName, `-o=jsonpath={.metadata.labels.topology\.kubernetes\.io/zone}`)
	if zone == "" {
		t.Fatal("the node has no zone")
	}
	for container, lines := range map[string][]string{
		"main":  {"web in " + zone + ", of 1", `"ZONE": "` + zone + `"`, `"WORKLOAD": "web"`}, // the shell's, and the JSON file
		"proxy": {"ZONE=" + zone, "WORKLOAD=web"},
	} {
		for _, line := range lines {
			ns.AwaitLine(pod.Name, container, line, pod.CreationTimestamp.Time)
		}
	}
	if log := ns.Logs(pod.Name, "podfacts"); strings.Contains(log, "level=WARN") {
		t.Errorf("with these permissions podfacts warns:\n%s", log)
	}
}
