package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

const tier = "shop.example.com/tier"

// sidecars are the pods of two examples, one that follows a volume and one that watches at
// the API server, by what they follow.
func sidecars(ns *suite.Namespace) map[string]string {
	pods := map[string]string{}
	for source, example := range map[string]struct{ dir, app string }{
		"volume": {"sidecar-probed", "cache"},
		"API":    {"sidecar-api", "web"},
	} {
		ns.Apply("../../examples/" + example.dir)
		pods[source] = ns.AwaitPod("app.kubernetes.io/name="+example.app, suite.Ready).Name
	}
	return pods
}

// TestServerOutage stops the API server for a minute while a label changes again and again.
// What applications see is old for that time and never wrong, and then the last change.
func TestServerOutage(t *testing.T) {
	n := shared.Node(t) // not in parallel
	const outage = time.Minute
	ns := shared.Namespace(t)
	pods := sidecars(ns)
	last := 0
	change := func() (start time.Time) {
		last++
		start = time.Now()
		for _, pod := range pods {
			ns.Label(pod, tier, fmt.Sprintf("tier-%02d", last))
		}
		return start
	}
	for range 2 {
		change()
		time.Sleep(quiet)
	}
	change()
	if err := n.StopServer(); err != nil { // while the last change is on its way
		t.Fatal(err)
	}
	time.Sleep(outage)
	if err := n.StartServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	t.Cleanup(func() {
		if err := n.RestartControllers(); err != nil { // or the next test would wait for them
			t.Error(err)
		}
	})
	change()
	change()
	for source, pod := range pods {
		seen := ns.AwaitLine(pod, "main", fmt.Sprintf("tier is tier-%02d", last), time.Time{})
		ns.Measure(source+": API server back to last label printed", seen.Sub(back))
	}
	time.Sleep(quiet)
	printed := regexp.MustCompile(`(?m)^tier is (\S+)`)
	for source, pod := range pods {
		var tiers []string
		for _, match := range printed.FindAllStringSubmatch(ns.Logs(pod, "main"), -1) {
			tiers = append(tiers, match[1])
		}
		if len(tiers) < 3 || tiers[0] != "silver" || !slices.IsSorted(slices.Compact(tiers[1:])) || tiers[len(tiers)-1] != fmt.Sprintf("tier-%02d", last) {
			t.Errorf("%s: the application saw %v", source, tiers)
		}
		if err := restarted(0)(ns.Pod(pod)); err != nil {
			t.Error(err)
		}
	}
}

// TestKubeletRestart changes a label while there is no kubelet. A sidecar that watches at the
// API server does not miss it, the other one gets it when the kubelet is back, which brings new tokens, too.
func TestKubeletRestart(t *testing.T) {
	n := shared.Node(t) // not in parallel
	ns := shared.Namespace(t)
	pods := sidecars(ns)
	const token = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	first := ns.Exec(pods["API"], "main", "cat", token)
	if err := n.StopKubelet(); err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods {
		ns.Label(pod, tier, "gold")
	}
	ns.Await("the application to see the label without a kubelet", func() error {
		printed, err := n.Printed(ns.Name, pods["API"], "main")
		if err == nil && !strings.Contains(printed, "tier is gold") {
			err = fmt.Errorf("it printed\n%s", printed)
		}
		return err
	})
	start := time.Now()
	if err := n.StartKubelet(t.Context()); err != nil {
		t.Fatal(err)
	}
	ns.Measure("volume: kubelet started to label printed", ns.AwaitLine(pods["volume"], "main", "tier is gold", start).Sub(start))
	for _, pod := range pods {
		if err := allOf(suite.Ready, restarted(0))(ns.Pod(pod)); err != nil {
			t.Error(err)
		}
	}
	// A kubelet that has forgotten its tokens asks for new ones.
	ns.Await("another token", func() error {
		if ns.Exec(pods["API"], "main", "cat", token) == first {
			return errors.New("it is still the first")
		}
		return nil
	})
	if arch := ns.Exec(pods["API"], "podfacts", "/podfacts", "view", "node.arch", "-c", "/etc/podfacts/podfacts.yaml"); arch != runtime.GOARCH {
		t.Errorf("with the new token, the node's architecture is %q", arch)
	}
}

// TestDrain drains the node. Applications end first and sidecars after them, all of them by
// themselves; and the pods that take their place are as good.
func TestDrain(t *testing.T) {
	shared.Node(t) // not in parallel, since nothing is to be left on it
	ns := shared.Namespace(t)
	pods := sidecars(ns)
	ends := ns.Ends()
	start := time.Now()
	t.Cleanup(func() {
		if _, err := shared.Kubectl(context.WithoutCancel(t.Context()), "uncordon", "--selector=kubernetes.io/os"); err != nil {
			t.Errorf("the node stays closed: %v", err)
		}
	})
	ns.Kubectl("drain", "--selector=kubernetes.io/os", "--delete-emptydir-data", "--ignore-daemonsets", "--timeout=1m")
	ns.Measure("drain", time.Since(start))
	for source, name := range pods {
		pod := ends(name)
		for _, c := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
			if c.State.Terminated == nil || c.State.Terminated.ExitCode != 0 {
				t.Errorf("%s: container %s ended as %+v", source, c.Name, c.State)
			}
		}
	}
	ns.Kubectl("uncordon", "--selector=kubernetes.io/os")
	for _, app := range []string{"cache", "web"} {
		pod := ns.AwaitPod("app.kubernetes.io/name="+app, suite.Ready)
		ns.AwaitLine(pod.Name, "main", "tier is silver", pod.CreationTimestamp.Time)
	}
}
