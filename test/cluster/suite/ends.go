package suite

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// Ends begins to watch for pods that are deleted, which take what they know of their
// containers with them. What it returns waits for the end of one, and tells what that was last.
func (n *Namespace) Ends() func(pod string) *corev1.Pod {
	n.t.Helper()
	w, err := n.suite.client.CoreV1().Pods(n.Name).Watch(n.t.Context(), metav1.ListOptions{})
	if err != nil {
		n.t.Fatalf("watching pods: %v", err)
	}
	n.t.Cleanup(w.Stop)
	var (
		mu    sync.Mutex
		ended = map[string]*corev1.Pod{}
	)
	go func() { // until the watch is stopped
		for event := range w.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok && event.Type == watch.Deleted {
				mu.Lock()
				ended[pod.Name] = pod
				mu.Unlock()
			}
		}
	}()
	return func(name string) (pod *corev1.Pod) {
		n.t.Helper()
		n.Await("the end of pod "+name, func() error { // which the server tells a moment after it is gone
			mu.Lock()
			defer mu.Unlock()
			if pod = ended[name]; pod == nil {
				return fmt.Errorf("seen are only those of %v", slices.Sorted(maps.Keys(ended)))
			}
			return nil
		})
		return pod
	}
}
