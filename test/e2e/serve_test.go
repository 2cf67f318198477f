package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

// TestServe has a shell ask the sidecar beside it, and hear of a label that changes
// again and again.
func TestServe(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/serve")
	pod := ns.AwaitPods("app.kubernetes.io/name=web", 1, suite.Ready)[0]
	ns.AwaitLine(pod.Name, "main", "version 1.4.2 of web with 2 processors", pod.CreationTimestamp.Time)
	ns.AwaitLine(pod.Name, "main", "tier is silver", pod.CreationTimestamp.Time)
	for _, tier := range []string{"gold", "lead", "gold"} {
		time.Sleep(quiet)
		start := time.Now()
		ns.Label(pod.Name, "shop.example.com/tier", tier)
		ns.Measure("label to its event, heard by a shell", ns.AwaitLine(pod.Name, "main", "tier is "+tier, start).Sub(start))
	}
	env := ns.Exec(pod.Name, "main", "wget", "-q", "-O", "-", "http://127.0.0.1:9301/v1/env?preset=pod&format=docker")
	for _, want := range []string{"POD_NAME=" + pod.Name, "POD_UID=" + string(pod.UID)} {
		if !slices.Contains(strings.Split(env, "\n"), want) {
			t.Errorf("the variables are %q, without %q", env, want)
		}
	}
	if logs := ns.Kubectl("logs", pod.Name, "--container", "podfacts"); !strings.Contains(logs, "serving facts") || strings.Contains(logs, "level=ERROR") {
		t.Errorf("podfacts says\n%s", logs)
	}
}
