package suite

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Ready is for pods that serve, and are not about to end: those are still ready for a while.
func Ready(p *corev1.Pod) error {
	if p.DeletionTimestamp != nil {
		return errors.New("ends: " + describe(p))
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return errors.New("not ready: " + describe(p))
}

// Succeeded is for pods that end.
func Succeeded(p *corev1.Pod) error {
	if p.Status.Phase == corev1.PodSucceeded {
		return nil
	}
	return errors.New("not done: " + describe(p))
}

// Pods are those that a label selector selects; an empty one selects all.
func (n *Namespace) Pods(selector string) []corev1.Pod {
	n.t.Helper()
	list, err := n.suite.client.CoreV1().Pods(n.Name).List(n.t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		n.t.Fatal(err)
	}
	return list.Items
}

// Pod is the pod of that name, now.
func (n *Namespace) Pod(name string) *corev1.Pod {
	n.t.Helper()
	pod, err := n.suite.client.CoreV1().Pods(n.Name).Get(n.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return pod
}

// AwaitPod waits until one of the selected pods is as it should be, and returns it.
func (n *Namespace) AwaitPod(selector string, should func(*corev1.Pod) error) *corev1.Pod {
	n.t.Helper()
	return n.AwaitPods(selector, 1, should)[0]
}

// AwaitPods waits until this many of the selected pods are as they should be, and returns
// those. An API server that does not answer is waited for, too.
func (n *Namespace) AwaitPods(selector string, count int, should func(*corev1.Pod) error) []*corev1.Pod {
	n.t.Helper()
	var found []*corev1.Pod
	n.Await(fmt.Sprintf("%d pods with %q", count, selector), func() error {
		list, err := n.suite.client.CoreV1().Pods(n.Name).List(n.t.Context(), metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		found = nil
		errs := []error{fmt.Errorf("there are %d", len(list.Items))}
		for i := range list.Items {
			if err := should(&list.Items[i]); err != nil {
				errs = append(errs, err)
			} else {
				found = append(found, &list.Items[i])
			}
		}
		if len(found) < count {
			return errors.Join(errs...)
		}
		return nil
	})
	return found[:count]
}

// Label sets a label of a pod, as `kubectl label --overwrite` does; an empty value removes
// it.
func (n *Namespace) Label(pod, key, value string) {
	n.t.Helper()
	n.patchMeta(pod, "labels", key, value)
}

// Annotate sets an annotation of a pod; an empty value removes it.
func (n *Namespace) Annotate(pod, key, value string) {
	n.t.Helper()
	n.patchMeta(pod, "annotations", key, value)
}

func (n *Namespace) patchMeta(pod, field, key, value string) {
	n.t.Helper()
	set := map[string]any{key: value}
	if value == "" {
		set[key] = nil
	}
	n.patch(pod, map[string]any{"metadata": map[string]any{field: set}})
}

// Resize asks for other resources of a container while it runs. What becomes of it the
// pod's status tells.
func (n *Namespace) Resize(pod, container string, resources corev1.ResourceRequirements) {
	n.t.Helper()
	n.patch(pod, map[string]any{"spec": map[string]any{"containers": []any{
		map[string]any{"name": container, "resources": resources},
	}}}, "resize")
}

func (n *Namespace) patch(pod string, patch any, subresources ...string) {
	n.t.Helper()
	text, err := json.Marshal(patch)
	if err != nil {
		n.t.Fatal(err)
	}
	_, err = n.suite.client.CoreV1().Pods(n.Name).
		Patch(n.t.Context(), pod, types.StrategicMergePatchType, text, metav1.PatchOptions{}, subresources...)
	if err != nil {
		n.t.Fatalf("changing pod %s: %v", pod, err)
	}
}

// Exec runs a command in a container and returns what it prints, without space around it.
func (n *Namespace) Exec(pod, container string, command ...string) string {
	n.t.Helper()
	return n.Kubectl(append([]string{"exec", pod, "--container", container, "--"}, command...)...)
}

// Logs is what a container has printed.
func (n *Namespace) Logs(pod, container string) string {
	n.t.Helper()
	text, err := n.suite.client.CoreV1().Pods(n.Name).
		GetLogs(pod, &corev1.PodLogOptions{Container: container}).DoRaw(n.t.Context())
	if err != nil {
		n.t.Fatalf("logs of %s/%s: %v", pod, container, err)
	}
	return string(text)
}

// AwaitLine waits until a container prints a line that holds text, and returns when it did
// so. Lines from before a time do not count, as the node's clock tells it. What is returned
// is that clock's, too, or where the node is not ours, the time of the line's arrival here.
func (n *Namespace) AwaitLine(pod, container, text string, since time.Time) (printed time.Time) {
	n.t.Helper()
	n.Await(fmt.Sprintf("%s/%s to print %q", pod, container, text), func() error {
		ctx, cancel := context.WithTimeout(n.t.Context(), patience)
		defer cancel()
		stream, err := n.suite.client.CoreV1().Pods(n.Name).GetLogs(pod, &corev1.PodLogOptions{
			Container: container, Follow: true, Timestamps: true,
		}).Stream(ctx)
		if err != nil {
			return err
		}
		defer stream.Close()
		printed, err = n.findLine(stream, text, since)
		return err
	})
	return printed
}

func (n *Namespace) findLine(log io.Reader, text string, since time.Time) (time.Time, error) {
	last := ""
	for lines := bufio.NewScanner(log); lines.Scan(); {
		stamp, line, _ := strings.Cut(lines.Text(), " ")
		last = line
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			return time.Time{}, fmt.Errorf("a log line without its time: %w", err)
		}
		switch {
		case at.Before(since) || !strings.Contains(line, text):
		case n.suite.node == nil:
			return time.Now(), nil
		default:
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("the log ended; its last line: %q", last)
}

// describe tells of a pod what its containers do.
func describe(p *corev1.Pod) string {
	var b strings.Builder
	fmt.Fprintf(&b, "pod %s is %s", p.Name, p.Status.Phase)
	for _, c := range p.Status.Conditions {
		if c.Status != corev1.ConditionTrue && c.Message != "" {
			fmt.Fprintf(&b, "; %s: %s", c.Type, c.Message)
		}
	}
	for _, statuses := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, c := range statuses {
			switch {
			case c.State.Running != nil:
				fmt.Fprintf(&b, "; %s runs", c.Name)
			case c.State.Terminated != nil:
				fmt.Fprintf(&b, "; %s ended with %d %s", c.Name, c.State.Terminated.ExitCode, c.State.Terminated.Message)
			case c.State.Waiting != nil:
				fmt.Fprintf(&b, "; %s waits: %s %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message)
			}
			if c.RestartCount > 0 {
				fmt.Fprintf(&b, " (restarted %d times)", c.RestartCount)
			}
		}
	}
	return b.String()
}
