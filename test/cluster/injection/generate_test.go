package injection

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// generated makes up pods of what is likely to matter. They are the same every time.
func generated(t *testing.T, i *injector, n int) []*sample {
	t.Helper()
	g := &generator{rand.New(rand.NewPCG(1, 2))}
	var all []*sample
	for n := range n {
		s := &sample{name: fmt.Sprintf("generated/%d", n), mode: g.of("", "", "init", "sidecar")}
		s.before = g.pod(fmt.Sprintf("generated-%d", n))
		s.inject(t, i, text(s.before.Object))
		all = append(all, s)
	}
	return all
}

type generator struct{ *rand.Rand }

// of chooses one.
func (g *generator) of(choices ...string) string { return choices[g.IntN(len(choices))] }

// often is true in so many of a hundred cases.
func (g *generator) often(percent int) bool { return g.IntN(100) < percent }

func (g *generator) pod(name string) *unstructured.Unstructured {
	spec := map[string]any{"containers": g.containers("app", 1+g.IntN(3))}
	if g.often(50) {
		spec["initContainers"] = g.containers("first", 1+g.IntN(2))
	}
	volumes := []any{
		map[string]any{"name": "data", "emptyDir": map[string]any{}},
		map[string]any{"name": "block", "persistentVolumeClaim": map[string]any{"claimName": "block"}},
	}
	for _, taken := range []string{"podfacts", "podfacts-info", "podfacts-config"} {
		if g.often(3) {
			volumes = append(volumes, map[string]any{"name": taken, "emptyDir": map[string]any{}})
		}
	}
	spec["volumes"] = volumes
	switch g.IntN(12) {
	case 0:
		spec["os"] = map[string]any{"name": g.of("linux", "windows")}
	case 1:
		spec["nodeSelector"] = map[string]any{"kubernetes.io/os": g.of("linux", "windows")}
	case 2:
		spec["hostNetwork"] = true
	case 3:
		spec["resources"] = map[string]any{"limits": map[string]any{"cpu": "64", "memory": "64Gi"}}
	case 4:
		spec["automountServiceAccountToken"] = false
	}
	meta := map[string]any{"name": name}
	if labels := g.labels(); len(labels) > 0 {
		meta["labels"] = labels
	}
	if annotations := g.annotations(); len(annotations) > 0 || g.often(10) {
		meta["annotations"] = annotations
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}}
}

func (g *generator) labels() map[string]any {
	labels := map[string]any{}
	if g.often(75) {
		labels["podfacts.dev/inject"] = g.of("init", "sidecar", "init", "sidecar", "init", "sidecar", "init", "sidecar", "none", "yes")
	}
	if g.often(30) {
		labels["app"] = "web"
	}
	return labels
}

func (g *generator) annotations() map[string]any {
	annotations := map[string]any{}
	set := func(percent int, key string, choices ...string) {
		if g.often(percent) {
			annotations["podfacts.dev/"+key] = g.of(choices...)
		}
	}
	set(25, "config", "web", "a.b-c", "web", "web", "0", "Web", "a..b", "")
	set(20, "presets", "pod", "pod,otel", " go , jvm", "labels", "pod,")
	set(15, "format", "sh", "kubernetes", "docker", "json", "none")
	set(25, "output-dir", "/var/facts", "/var/lib/a.b-c_d", "/data/x", "/data", "/a/0", "/etc/podfacts", "relative", "/a//b")
	set(20, "containers", "app-0", "app-0, app-0", "app-0,app-1", "first-0", "")
	set(15, "api", "auto", "never", "required", "yes")
	set(8, "listen", "127.0.0.1:1", ":65535", "[::]:80", "localhost:8", "[::1]:9", "10.0.0.1:65536", ":0", "x:1")
	set(2, "image", "example.com/podfacts:v2", "")
	set(4, "injected", "init", "sidecar")
	set(2, "other", "x")
	return annotations
}

func (g *generator) containers(name string, n int) []any {
	var all []any
	for i := range n {
		c := map[string]any{"name": fmt.Sprintf("%s-%d", name, i), "image": "example/web:1"}
		if g.often(1) {
			c["name"] = "podfacts"
		}
		if g.often(50) {
			c["resources"] = g.resources()
		}
		if name == "first" && g.often(30) {
			c["restartPolicy"] = "Always"
		}
		var mounts []any
		paths := map[string]bool{}
		for range g.IntN(3) {
			path := g.of("/data", "/data/", "/cache", "/a", "/b", "/c", "/d", "/e/", "/f", "/var", "/etc/podinfo",
				"/run/podfacts2", "/run", "/run/podfacts", "/run/podfacts/", "/run/podfacts/below")
			if !paths[path] {
				paths[path] = true
				mounts = append(mounts, map[string]any{"name": "data", "mountPath": path, "readOnly": g.often(30)})
			}
		}
		if g.often(5) {
			mounts = append(mounts, map[string]any{"name": "podfacts", "mountPath": "/somewhere"})
		}
		if mounts != nil || g.often(20) {
			c["volumeMounts"] = append([]any{}, mounts...)
		}
		if g.often(10) {
			c["volumeDevices"] = []any{map[string]any{"name": "block", "devicePath": g.of("/dev/a", "/dev/b", "/run/podfacts", "/data/x")}}
		}
		all = append(all, c)
	}
	return all
}

func (g *generator) resources() map[string]any {
	all := map[string]any{}
	for _, kind := range []string{"limits", "requests"} {
		list := map[string]any{}
		for _, resource := range []string{"cpu", "memory", "ephemeral-storage"} {
			if g.often(40) {
				list[resource] = "1Gi"
			}
		}
		if len(list) > 0 || g.often(20) {
			all[kind] = list
		}
	}
	return all
}
