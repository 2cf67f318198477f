package metrics

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// writeProcess tells of the process, under the names that are customary. What
// /proc does not say is left out.
func (m *Metrics) writeProcess(p *page) {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil {
		seconds := time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
		p.counter("process_cpu_seconds_total", "CPU time used, of user and system.").add(seconds)
	}
	if pages := fields("/proc/self/statm"); len(pages) > 1 {
		size := float64(os.Getpagesize())
		p.gauge("process_virtual_memory_bytes", "Virtual memory size.").add(number(pages[0]) * size)
		p.gauge("process_resident_memory_bytes", "Resident memory size.").add(number(pages[1]) * size)
	}
	if dir, err := os.Open("/proc/self/fd"); err == nil {
		names, err := dir.Readdirnames(-1)
		dir.Close() //nolint:errcheck // it was only read
		if err == nil {
			p.gauge("process_open_fds", "Number of open file descriptors.").add(float64(len(names) - 1)) // less the directory's own
		}
	}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		p.gauge("process_max_fds", "Most file descriptors that may be open.").add(float64(limit.Cur))
	}
	if m.born.IsZero() {
		m.born = born()
	}
	p.gauge("process_start_time_seconds", "When the process started.").addTime(m.born)
}

// born is when this process started. Zero: it cannot be told.
func born() time.Time {
	const (
		ticks = 100 // per second; USER_HZ is the same everywhere
		start = 19  // field 22 of proc(5), counted from the one after the name
	)
	uptime := fields("/proc/uptime")
	stat, err := os.ReadFile("/proc/self/stat")
	// The name of the program may hold blanks and brackets.
	after := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if err != nil || len(uptime) == 0 || len(after) <= start {
		return time.Time{}
	}
	age := number(uptime[0]) - number(after[start])/ticks
	return time.Now().Add(-time.Duration(age * float64(time.Second)))
}

// fields are the words of a file. None: it cannot be read.
func fields(path string) []string {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(data))
}

func number(s string) float64 {
	n, _ := strconv.ParseFloat(s, 64) // the kernel writes numbers
	return n
}
