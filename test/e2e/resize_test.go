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

// limits are those of a container, in millicores and bytes.
type limits struct{ cpu, memory int64 }

// TestResize resizes a container while it runs: a resize that is granted, one that the
// node has no room for now, and back. (One that it can never have the API server refuses.)
// The volume and the view from outside tell what is wanted; what the application plans with
// is in force.
func TestResize(t *testing.T) {
	// Not in parallel: while a resize is pending that wants nearly all of the node, no pod
	// of others would be scheduled.
	ns := shared.Namespace(t)
	ns.Apply("../../examples/resize")
	ns.Apply(neighbour)
	ns.AwaitPod("app=neighbour", suite.Ready)
	pod := ns.AwaitPod("app.kubernetes.io/name=worker", suite.Ready)

	// tell waits until everybody says that the container shall have some limits, and has
	// others, and that so much of its request for memory has been granted.
	tell := func(wanted, enforced limits, allocated int64) {
		t.Helper()
		// The kubelet may replace the directory before it has been read.
		const volume = "cd /etc/podinfo/main; cat cpu_limit_millicores; echo; cat memory_limit_bytes; true"
		ns.Await("the volume, the API server and the sidecar to tell", func() error {
			if have := ns.Exec(pod.Name, "main", "sh", "-c", volume); have != fmt.Sprintf("%d\n%d", wanted.cpu, wanted.memory) {
				return fmt.Errorf("the volume says %q", have)
			}
			env := fmt.Sprintf("GOMEMLIMIT='%d'\nGOMAXPROCS='%d'\nALLOCATED_MIB='%d'", enforced.memory*9/10, (enforced.cpu+999)/1000, allocated>>20)
			if have := ns.Exec(pod.Name, "main", "cat", "/run/podfacts/pod.env"); have != env {
				return fmt.Errorf("the application reads %q, not %q", have, env)
			}
			for fact, want := range map[string]int64{"limits": wanted.memory, "enforced": enforced.memory, "allocated": allocated} {
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
	}
	// is waits until the application says that it has these limits.
	is := func(since time.Time, has limits, allocated int64) time.Time {
		t.Helper()
		line := fmt.Sprintf("limit %d, processors %d, allocated %d", has.memory*9/10, (has.cpu+999)/1000, allocated>>20)
		printed := ns.AwaitLine(pod.Name, "main", line, since)
		tell(has, has, allocated)
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

	is(pod.CreationTimestamp.Time, limits{1000, 64 << 20}, 32<<20)
	start := resize("1500m", "128Mi", "48Mi")
	has := limits{1500, 128 << 20}
	ns.Measure("resize to file printed", is(start, has, 48<<20).Sub(start))

	// Together with the sidecar's 16Mi, nearly all that the node has, of which others have some.
	node := ns.Kubectl("get", "node", pod.Spec.NodeName, "-o=jsonpath={.status.allocatable.memory}")
	most := resource.MustParse(node)
	much := (most.Value()>>20 - 20) << 20
	before := ns.Logs(pod.Name, "main")
	resize("4", fmt.Sprint(much), fmt.Sprint(much))
	ns.AwaitPod("app.kubernetes.io/name=worker", func(p *corev1.Pod) error {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodResizePending && c.Status == corev1.ConditionTrue && c.Reason == corev1.PodReasonDeferred {
				return nil
			}
		}
		return fmt.Errorf("the resize is not deferred: %v", p.Status.Conditions)
	})
	tell(limits{4000, much}, has, 48<<20)
	if log := ns.Logs(pod.Name, "main"); log != before {
		t.Errorf("the application heard of a limit that is not in force:\n%s", log)
	}

	start = resize("1", "96Mi", "32Mi")
	ns.Measure("resize back to file printed", is(start, limits{1000, 96 << 20}, 32<<20).Sub(start))
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
