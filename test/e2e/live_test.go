package e2e

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

// readers let service accounts read what the admin reads.
const readers = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reads-all}
rules:
- {apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reads-all}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reads-all}
subjects:
- {kind: ServiceAccount, name: web}
- {kind: ServiceAccount, name: vault}
- {kind: ServiceAccount, name: queue}
`

// TestLive compares the view from outside with the one inside, in pods that may read as much
// as the admin: with a token, of a StatefulSet, with a token in a volume of facts, and in one that
// has a volume alone.
func TestLive(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply(readers)
	for _, example := range []struct{ dir, app, api string }{
		{"sidecar-api", "web", "auto"}, {"peers", "queue", "auto"}, {"sidecar-probed", "cache", "never"},
		{"restricted", "vault", "auto"}, // the last, since it closes the namespace to the others
	} {
		ns.Apply("../../examples/" + example.dir)
		pod := ns.AwaitPod("app.kubernetes.io/name="+example.app, suite.Ready).Name
		args := []string{"view", "-o", "json", "--api", example.api}
		ns.Await("the views of "+pod+" to agree", func() error { // while others come and go
			var inside, live map[string]any
			if err := json.Unmarshal([]byte(ns.Exec(pod, "podfacts", append([]string{"/podfacts"}, args...)...)), &inside); err != nil {
				return err
			}
			from := []string{"--live", ns.Name + "/" + pod, "--kubeconfig", ns.Suite().Kubeconfig()}
			if err := json.Unmarshal([]byte(outside(t, append(args, from...)...)), &live); err != nil {
				return err
			}
			for _, view := range []map[string]any{inside, live} {
				for name := range view {
					if !reflect.DeepEqual(inside[name], live[name]) {
						return fmt.Errorf("%s:\nlive   %v\ninside %v", name, live[name], inside[name])
					}
				}
			}
			if inside["pod"] == nil || example.api == "auto" && inside["workload"] == nil {
				return fmt.Errorf("the views lack what pods know: %v", inside)
			}
			return nil
		})
	}
}
