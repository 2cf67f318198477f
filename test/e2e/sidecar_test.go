package e2e

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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

// TestSidecarProbed has an application wait until its file is there, and then changes a label
// again and again, for sidecars with a volume and with the API server side by side.
func TestSidecarProbed(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/sidecar-api")
	ns.Apply("../../examples/sidecar-probed", func(u *unstructured.Unstructured) {
		if u.GetKind() == "Deployment" {
			unstructured.RemoveNestedField(u.Object, "spec", "template", "metadata", "labels", tier)
			mountPodinfo(t, u)
		}
	})
	ns.AwaitPod("app.kubernetes.io/name=web", suite.Ready)
	name := ns.AwaitPod("app.kubernetes.io/name=cache", func(p *corev1.Pod) error {
		if len(p.Status.InitContainerStatuses) == 0 || p.Status.InitContainerStatuses[0].State.Running == nil {
			return errors.New("the sidecar does not run")
		}
		return nil
	}).Name
	ns.AwaitLine(name, "podfacts", tier, time.Time{}) // which it says is missing
	time.Sleep(2 * quiet)
	pod := ns.Pod(name)
	if s := pod.Status.ContainerStatuses[0]; s.State.Waiting == nil || *pod.Status.InitContainerStatuses[0].Started {
		t.Fatalf("the application did not wait for its file: %v", s.State)
	}
	start := time.Now()
	ns.Label(name, tier, "bronze")
	ns.Measure("first file to application", ns.AwaitLine(name, "main", "tier is bronze", start).Sub(start))
	ns.AwaitPod("app.kubernetes.io/name=cache", suite.Ready)

	for i := range 5 {
		for _, app := range []string{"cache", "web"} {
			pod := ns.Pods("app.kubernetes.io/name=" + app)[0].Name
			time.Sleep(quiet)
			to := fmt.Sprintf("tier-%d", i)
			start := time.Now()
			ns.Label(pod, tier, to)
			printed := ns.AwaitLine(pod, "main", "tier is "+to, start)
			if app == "web" {
				ns.Measure("API: label to file printed", printed.Sub(start))
				continue
			}
			// The kubelet may leave a change to its next sync, which here is up to 15 seconds
			// away, and elsewhere a minute and a half; that is not podfacts' time.
			ns.Measure("volume: label to file printed", printed.Sub(start))
			swapped := swapOf(ns, pod)
			ns.Measure("volume: label to kubelet's swap", swapped.Sub(start))
			ns.Measure("volume: kubelet's swap to file printed", printed.Sub(swapped))
		}
	}
	web := ns.Pods("app.kubernetes.io/name=web")[0].Name
	ns.Kubectl("label", "--overwrite", "pod", web, tier+"=gold")
	ns.AwaitLine(web, "main", "tier is gold on "+runtime.GOARCH+", of 1", time.Time{})
}

// mountPodinfo lets the application of a Deployment see the volume that the sidecar reads.
func mountPodinfo(t *testing.T, u *unstructured.Unstructured) {
	t.Helper()
	containers, _, err := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	if err != nil {
		t.Fatal(err)
	}
	main := containers[0].(map[string]any)
	mounts, _ := main["volumeMounts"].([]any)
	main["volumeMounts"] = append(mounts, map[string]any{"name": "podinfo", "mountPath": "/etc/podinfo", "readOnly": true})
	if err := unstructured.SetNestedSlice(u.Object, containers, "spec", "template", "spec", "containers"); err != nil {
		t.Fatal(err)
	}
}

// swapOf is when the kubelet last swapped a volume, by the node's clock: it makes the link
// ..data anew each time.
func swapOf(ns *suite.Namespace, pod string) time.Time {
	var swapped time.Time
	ns.Await("the time of the kubelet's swap", func() (err error) {
		swapped, err = time.Parse("2006-01-02 15:04:05.999999999 -0700", ns.Exec(pod, "main", "stat", "-c", "%y", "/etc/podinfo/..data"))
		return err
	})
	return swapped
}
