package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

// TestOwners asks pods of each kind of workload whose they are: of a Deployment before and
// after a rollout, of a Job, of a CronJob, of a custom resource, and of nobody.
func TestOwners(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/owners", func(u *unstructured.Unstructured) {
		if u.GetKind() == "Pod" { // Apply knows the owner's UID
			owners := u.GetOwnerReferences()
			for i := range owners {
				owners[i].UID = ""
			}
			u.SetOwnerReferences(owners)
		}
	})
	ns.Kubectl("create", "job", "--from=cronjob/report", "report-now")

	says := func(pod *corev1.Pod, lines ...string) {
		t.Helper()
		for _, line := range lines {
			ns.AwaitLine(pod.Name, "main", line, pod.CreationTimestamp.Time)
		}
	}
	silent := func(pod *corev1.Pod) {
		t.Helper()
		if log := ns.Logs(pod.Name, "podfacts"); strings.Contains(log, "level=WARN") {
			t.Errorf("in %s podfacts warns:\n%s", pod.Name, log)
		}
	}
	front := ns.AwaitPod("app.kubernetes.io/name=front", suite.Ready)
	says(front, "WORKLOAD_KIND='Deployment'", "WORKLOAD_NAME='front'", "WORKLOAD_REPLICAS='1'",
		"OWNER_KIND='ReplicaSet'", fmt.Sprintf("OWNER_NAME='%s'", metav1.GetControllerOf(front).Name))
	silent(front) // while it is there
	ns.Kubectl("rollout", "restart", "deployment/front")
	ns.Kubectl("rollout", "status", "deployment/front")
	next := ns.AwaitPod("app.kubernetes.io/name=front", func(p *corev1.Pod) error {
		if p.Name == front.Name {
			return fmt.Errorf("%s is of the last rollout", p.Name)
		}
		return suite.Ready(p)
	})
	says(next, "WORKLOAD_NAME='front'", fmt.Sprintf("OWNER_NAME='%s'", metav1.GetControllerOf(next).Name))

	indices := map[string]bool{}
	for _, pod := range ns.AwaitPods("app.kubernetes.io/name=import", 2, suite.Succeeded) {
		index := pod.Labels["batch.kubernetes.io/job-completion-index"]
		indices[index] = true
		says(pod, "WORKLOAD_KIND='Job'", "WORKLOAD_NAME='import'", "OWNER_KIND='Job'", fmt.Sprintf("POD_ORDINAL='%s'", index))
	}
	if len(indices) != 2 {
		t.Errorf("two pods of the job have the indices %v", indices)
	}
	says(ns.AwaitPod("app.kubernetes.io/name=report", suite.Succeeded),
		"WORKLOAD_KIND='CronJob'", "WORKLOAD_NAME='report'", "OWNER_KIND='Job'", "OWNER_NAME='report-now'")
	says(ns.AwaitPod("app.kubernetes.io/name=orders", suite.Succeeded),
		"WORKLOAD_KIND='Database'", "WORKLOAD_NAME='orders'", "WORKLOAD_REPLICAS='1'", "OWNER_KIND='Database'")
	says(ns.AwaitPod("app.kubernetes.io/name=bare", suite.Succeeded), "POD_NAME='bare'", "WORKLOAD_NAME='none'")
	for _, pod := range ns.Pods("") {
		if pod.Name != front.Name {
			silent(&pod)
		}
	}
}

// TestPeers scales a StatefulSet up and down, and its first pod tells who else is there.
func TestPeers(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/peers")
	ns.AwaitPods("app.kubernetes.io/name=queue", 2, suite.Ready)
	since := time.Time{}
	others := func(replicas int) (printed time.Time) {
		t.Helper()
		var list []string
		for _, pod := range ns.AwaitPods("app.kubernetes.io/name=queue", replicas, suite.Ready) {
			if pod.Name != "queue-0" {
				list = append(list, pod.Name+"="+pod.Status.PodIP)
			}
		}
		line := fmt.Sprintf("me queue-0, member 0 of %d, others: %s", replicas, strings.Join(list, " "))
		return ns.AwaitLine("queue-0", "main", line, since)
	}
	others(2)
	since = time.Now()
	ns.Kubectl("scale", "statefulset/queue", "--replicas=3")
	printed := others(3)
	for _, c := range ns.Pod("queue-2").Status.Conditions {
		if c.Type == corev1.PodReady { // told in whole seconds
			ns.Measure("peer ready to file printed, at most", printed.Sub(c.LastTransitionTime.Time))
		}
	}
	since = time.Now()
	ns.Kubectl("scale", "statefulset/queue", "--replicas=2")
	ns.Measure("scale down to file printed", others(2).Sub(since))
}
