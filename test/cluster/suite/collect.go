package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// collect writes down all that may tell why the test failed.
func (n *Namespace) collect(ctx context.Context) {
	dir, err := filepath.Abs(filepath.Join(n.suite.options.Logs, n.Name))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		n.t.Errorf("collecting logs: %v", err)
		return
	}
	write := func(name string, text []byte, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return os.WriteFile(filepath.Join(dir, name), text, 0o644)
	}
	var errs []error
	for name, args := range map[string][]string{
		"events.txt":   {"get", "events", "--sort-by=.lastTimestamp", "-o=wide"},
		"objects.yaml": {"get", "pods,deployments,replicasets,statefulsets,jobs,configmaps,roles,rolebindings,serviceaccounts", "-o=yaml"},
		"nodes.txt":    {"describe", "nodes"},
	} {
		text, err := n.suite.Kubectl(ctx, append([]string{"--namespace=" + n.Name}, args...)...)
		errs = append(errs, write(name, []byte(text), err))
	}
	pods, err := n.suite.client.CoreV1().Pods(n.Name).List(ctx, metav1.ListOptions{})
	errs = append(errs, err)
	if err == nil {
		for _, pod := range pods.Items {
			for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
				for _, c := range statuses {
					errs = append(errs, n.collectLogs(ctx, dir, pod.Name, c))
				}
			}
		}
	}
	if n.suite.node != nil {
		errs = append(errs, n.suite.node.CopyLogs(filepath.Join(dir, "components")))
	}
	if err := errors.Join(errs...); err != nil {
		n.t.Logf("collecting logs: %v", err)
	}
	n.t.Logf("logs, events and objects are in %s", dir)
}

// collectLogs writes what a container printed, and what it did before it was restarted.
func (n *Namespace) collectLogs(ctx context.Context, dir, pod string, c corev1.ContainerStatus) error {
	if c.ContainerID == "" {
		return nil // never started
	}
	var errs []error
	for _, previous := range []bool{false, true} {
		name := pod + "." + c.Name + ".log"
		if previous {
			if c.RestartCount == 0 {
				break
			}
			name = pod + "." + c.Name + ".previous.log"
		}
		text, err := n.suite.client.CoreV1().Pods(n.Name).GetLogs(pod, &corev1.PodLogOptions{
			Container: c.Name, Previous: previous, Timestamps: true,
		}).DoRaw(ctx)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
