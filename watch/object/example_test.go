package object_test

import (
	"fmt"

	"github.com/podfacts/podfacts/watch/object"
)

func ExamplePod() {
	l := object.Pod(map[string]any{
		"metadata": map[string]any{"name": "web-0", "namespace": "shop"},
		"spec": map[string]any{"containers": []any{
			map[string]any{"name": "main", "resources": map[string]any{"limits": map[string]any{"cpu": 2.5}}},
		}},
	}, "Pod shop/web-0")
	for _, p := range l.Paths() {
		s, _ := l.Get(p)
		fmt.Println(p, "=", s.Value)
	}
	// Output:
	// containers.main.limits.cpu = 2500m
	// pod.hostname = web-0
	// pod.name = web-0
	// pod.namespace = shop
	// pod.qosClass = Burstable
}

func ExampleUnset() {
	pod := map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "main"}}}}
	node := map[string]any{"status": map[string]any{"allocatable": map[string]any{"memory": "24580016Ki"}}}
	l := object.Unset(pod, node, "Pod shop/web-0")
	s, _ := l.Get("containers.main.limits.memory")
	fmt.Println(s.Value, s.Unset)
	// Output: 24580016Ki true
}

func ExampleWorkload() {
	pod := map[string]any{"metadata": map[string]any{"name": "db-0", "ownerReferences": []any{
		map[string]any{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": true},
	}}}
	set := map[string]any{"kind": "StatefulSet", "metadata": map[string]any{"name": "db"}, "spec": map[string]any{"replicas": 3}}
	l := object.Workload(pod, func(_, kind, _, name, _ string) (map[string]any, bool) {
		return set, kind == "StatefulSet" && name == "db"
	})
	s, _ := l.Get("workload.replicas")
	fmt.Println(s.Value)
	// Output: 3
}
