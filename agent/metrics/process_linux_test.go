package metrics

import (
	"strings"
	"testing"
	"time"
)

// The kernel's own view of this test is plausible.
func TestProcess(t *testing.T) {
	t.Parallel()
	p := &page{}
	new(Metrics).writeProcess(p)
	values := make(map[string]float64)
	for line := range strings.Lines(string(p.text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			values[name] = number(value)
		}
	}
	for name, least := range map[string]float64{
		"process_cpu_seconds_total": 0, "process_virtual_memory_bytes": 1 << 20, "process_resident_memory_bytes": 1 << 20,
		"process_open_fds": 3, "process_max_fds": 16,
	} {
		if value, ok := values[name]; !ok || value < least {
			t.Errorf("%s is %v, %v, want at least %v", name, value, ok, least)
		}
	}
	if age := time.Since(born()); age < 0 || age > time.Hour {
		t.Errorf("this test began %v ago", age)
	}
}
