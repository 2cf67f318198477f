package e2e

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

const neighbour = `apiVersion: v1
kind: Pod
metadata: {name: neighbour, labels: {app: neighbour}}
spec:
  containers:
  - {name: main, image: "busybox:1.37", command: [sleep, inf], resources: {requests: {memory: 16Mi}}}
`

// TestResize resizes a container while it runs: a resize that is granted, one that the
// node has no room for, and back. The volume, the view from outside and what the
// application reads tell the same.
func TestResize(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/resize")
	ns.Apply(neighbour)
	ns.AwaitPod("app=neighbour", suite.Ready)
	pod := ns.AwaitPod("app.kubernetes.io/name=worker", suite.Ready)

	// is waits until everybody says that the container has these limits, in millicores and
	// bytes, and that so much of its request for memory has been granted.
	is := func(since time.Time, cpu, memory, allocated int64) time.Time {
		t.Helper()
		line := fmt.Sprintf("limit %d, processors %d, allocated %d", memory*9/10, (cpu+999)/1000, allocated>>20)
		printed := ns.AwaitLine(pod.Name, "main", line, since)
		ns.Await("the volume and the API server to agree", func() error {
			if have := ns.Exec(pod.Name, "main", "sh", "-c", "cd /etc/podinfo/main; cat cpu_limit_millicores; echo; cat memory_limit_bytes"); have != fmt.Sprintf("%d\n%d", cpu, memory) {
				return fmt.Errorf("the volume says %q", have)
			}
			for fact, want := range map[string]int64{"limits": memory, "allocated": allocated} {
				have, err := resource.ParseQuantity(live(t, ns, pod.Name, "containers.main."+fact+".memory"))
				if err != nil {
					return err
				}
				if have.Value() != want {
					return fmt.Errorf("the API server says that %s is %v", fact, have.String())
				}
			}
			return nil
		})
		return printed
	}
	resize := func(cpu, limit, request string) time.Time {
		time.Sleep(quiet)
		start := time.Now()
		ns.Resize(pod.Name, "main", corev1.ResourceRequirements{
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(limit)},
			Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(request)},
		})
		return start
	}

	is(pod.CreationTimestamp.Time, 1000, 64<<20, 32<<20)
	start := resize("1500m", "128Mi", "48Mi")
	ns.Measure("resize to file printed", is(start, 1500, 128<<20, 48<<20).Sub(start))

	// Together with the sidecar's 16Mi, nearly all that the node has, of which others have some.
	node := ns.Kubectl("get", "node", pod.Spec.NodeName, "-o=jsonpath={.status.allocatable.memory}")
	most := resource.MustParse(node)
	much := (most.Value()>>20 - 20) << 20
	start = resize("2", fmt.Sprint(much), fmt.Sprint(much))
	is(start, 2000, much, 48<<20) // what is wanted, and what is granted
	ns.AwaitPod("app.kubernetes.io/name=worker", func(p *corev1.Pod) error {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodResizePending && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return errors.New("the resize is not pending")
	})

	start = resize("1", "96Mi", "32Mi")
	ns.Measure("resize back to file printed", is(start, 1000, 96<<20, 32<<20).Sub(start))
	if restarts := ns.Pod(pod.Name).Status.ContainerStatuses[0].RestartCount; restarts > 0 {
		t.Errorf("the container was started again %d times", restarts)
	}
}

// live is a fact of a pod as podfacts tells it from outside, with the admin's permissions.
func live(t *testing.T, ns *suite.Namespace, pod, fact string) string {
	t.Helper()
	return outside(t, "view", fact, "--live", ns.Name+"/"+pod, "--kubeconfig", ns.Suite().Kubeconfig())
}

// outside runs podfacts where the test runs, and returns what it prints, without space around it.
func outside(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("podfacts %s: %v: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
