package watch

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// sized is what a pod says with n labels, or annotations, of some bytes.
func sized(group Path, n, bytes int) Layer {
	entries := make(map[string]string, n)
	for i := range n {
		entries[fmt.Sprintf("example.com/key-%04d", i)] = strings.Repeat("x", bytes)
	}
	l := says("pod.name", "web-7d4b9c6f5-x2x4z", "pod.namespace", "shop", "pod.uid", "u",
		"containers.main.limits.memory", "1Gi", "containers.main.limits.cpu", "2").layer
	l.Set(group, entries, string(group))
	return l
}

// sizes are a usual pod, and one with as much as Kubernetes allows.
func sizes() map[string]Layer {
	return map[string]Layer{
		"50-labels":             sized(PodLabels, 50, 20),
		"256KiB-of-annotations": sized(PodAnnotations, 1000, 236),
	}
}

// A kubelet's swap is merged: volume, API and environment know the pod.
func BenchmarkMerge(b *testing.B) {
	for name, l := range sizes() {
		b.Run(name, func(b *testing.B) {
			m := newMerger([]Source{named("api"), named("volume"), named("env")})
			env := says("pod.name", "web-7d4b9c6f5-x2x4z", "pod.ip", "10.0.0.1").layer
			for i, l := range []Layer{l, l, env} {
				m.update(result{source: i, layer: l}, time.Now())
			}
			b.ReportAllocs()
			for b.Loop() {
				m.tick()
				m.update(result{source: 1, layer: l}, time.Now())
				m.snapshot()
			}
		})
	}
}

func BenchmarkLayerSet(b *testing.B) {
	for name, l := range sizes() {
		entries := make(map[string]string)
		for p, s := range l.facts {
			_, key := p.Parent()
			entries[key] = s.Value.(string)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var l Layer
				l.Set(PodLabels, entries, "labels")
			}
		})
	}
}

func BenchmarkTree(b *testing.B) {
	for name, l := range sizes() {
		s := viewed(say{layer: l})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.buildTree(true)
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	l := sizes()["50-labels"]
	l.Container = "main"
	s := viewed(say{layer: l})
	for _, p := range []Path{"pod.name", "pod.labels['example.com/key-0001']", "limits.memory", "pod.labels", "pod"} {
		b.Run(string(p), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Lookup(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEqual(b *testing.B) {
	for name, l := range sizes() {
		s, o := viewed(say{layer: l}), viewed(say{layer: l})
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if !s.Equal(o) {
					b.Fatal("the snapshots differ")
				}
			}
		})
	}
}

func BenchmarkParsePath(b *testing.B) {
	for _, s := range []string{"pod.name", "metadata.labels['app.kubernetes.io/name']", "requests.cpu", "pod.zone"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = ParsePath(s) // one of them is unknown: the hint takes its time too
			}
		})
	}
}

// What a merger and its last snapshot hold while nothing happens, beside the
// bytes of the facts themselves.
func BenchmarkHeld(b *testing.B) {
	for name, l := range sizes() {
		b.Run(name, func(b *testing.B) {
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				m, s := play(round{"volume": say{layer: l}})
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(m)
				runtime.KeepAlive(s)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc), "held-B")
		})
	}
}
