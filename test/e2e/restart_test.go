package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

// TestRestart changes a label, and all containers of the pod start again, the application
// with another environment; and where nothing has changed, nothing starts again.
func TestRestart(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/restart")
	pod := ns.AwaitPod("app.kubernetes.io/name=web", suite.Ready)
	ns.AwaitLine(pod.Name, "main", "TIER=silver", pod.CreationTimestamp.Time)
	ns.AwaitLine(pod.Name, "main", "GOMEMLIMIT=241591910", pod.CreationTimestamp.Time) // nine tenths of the limit

	for i, tier := range []string{"gold", "platinum"} {
		time.Sleep(quiet)
		start := time.Now()
		ns.Label(pod.Name, "shop.example.com/tier", tier)
		ns.Measure("label to restarted application", ns.AwaitLine(pod.Name, "main", "TIER="+tier, start).Sub(start))
		ns.AwaitPod("app.kubernetes.io/name=web", allOf(suite.Ready, restarted(i+1)))
	}

	// A label of no concern, and time, have the application run on.
	ns.Label(pod.Name, "shop.example.com/other", "1")
	const pause = 15 * time.Second
	time.Sleep(pause)
	now := ns.Pod(pod.Name)
	if err := allOf(suite.Ready, restarted(2))(now); err != nil || now.Status.PodIP != pod.Status.PodIP {
		t.Errorf("after %v in which nothing changed: %v; the address was %s and is %s", pause, err, pod.Status.PodIP, now.Status.PodIP)
	}
	if log := ns.Logs(pod.Name, "podfacts"); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
		t.Errorf("podfacts complains:\n%s", log)
	}
}

// restarted is for pods whose containers were all started again so many times.
func restarted(times int) func(*corev1.Pod) error {
	return func(p *corev1.Pod) error {
		for _, c := range append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...) {
			if int(c.RestartCount) != times {
				return fmt.Errorf("container %s was started again %d times, not %d", c.Name, c.RestartCount, times)
			}
		}
		return nil
	}
}

func allOf(checks ...func(*corev1.Pod) error) func(*corev1.Pod) error {
	return func(p *corev1.Pod) error {
		for _, check := range checks {
			if err := check(p); err != nil {
				return err
			}
		}
		return nil
	}
}
