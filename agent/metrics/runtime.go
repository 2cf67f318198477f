package metrics

import (
	"runtime"
	"runtime/metrics"
)

// writeRuntime tells of the Go runtime, under the names that client_golang has
// made customary, what is cheap to ask.
func writeRuntime(p *page) {
	p.gauge("go_info", "Always 1; the label says which Go.").add(1, "version", runtime.Version())
	p.gauge("go_goroutines", "Number of goroutines.").add(float64(runtime.NumGoroutine()))
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/total:bytes"},
	}
	metrics.Read(samples)
	p.gauge("go_memstats_heap_alloc_bytes", "Bytes of heap objects that are in use or not swept yet.").add(bytesOf(samples[0]))
	p.gauge("go_memstats_heap_released_bytes", "Bytes of heap that were given back to the system.").add(bytesOf(samples[1]))
	p.gauge("go_memstats_sys_bytes", "Bytes obtained from the system.").add(bytesOf(samples[2]))
}

func bytesOf(s metrics.Sample) float64 {
	if s.Value.Kind() != metrics.KindUint64 { // unknown to this Go
		return 0
	}
	return float64(s.Value.Uint64())
}
