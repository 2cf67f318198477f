package suite

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// Ends begins to watch for pods that are deleted, which take what they know of their
// containers with them. What it returns ends the watch and tells what they were last, by
// their names.
func (n *Namespace) Ends() func() map[string]*corev1.Pod {
	n.t.Helper()
	w, err := n.suite.client.CoreV1().Pods(n.Name).Watch(n.t.Context(), metav1.ListOptions{})
	if err != nil {
		n.t.Fatalf("watching pods: %v", err)
	}
	n.t.Cleanup(w.Stop)
	ended := map[string]*corev1.Pod{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range w.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok && event.Type == watch.Deleted {
				ended[pod.Name] = pod
			}
		}
	}()
	return func() map[string]*corev1.Pod {
		w.Stop()
		<-done
		return ended
	}
}
