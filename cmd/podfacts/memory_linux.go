package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
)

// releaseStartup gives back the memory that only starting up needed: free heap,
// and the pages of the program itself. Most of a program's pages are touched
// once, by the linker's order rather than by need; those that are used again
// come back from the page cache by a fault of less than a microsecond.
func releaseStartup() {
	debug.FreeOSMemory()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, m := range cleanMappings(smaps, exe) {
		// What fails stays as it was.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED)
	}
}

type mapping struct{ start, end uintptr }

// cleanMappings finds the mappings of a file that are read-only and equal to
// it: no page of theirs was ever written, so that dropping them loses nothing.
// A relocated segment, as position-independent programs have, is read-only by
// now and was written all the same: it has anonymous pages.
func cleanMappings(smaps []byte, file string) []mapping {
	var all []mapping
	var last mapping
	candidate := false
	lines := bufio.NewScanner(bytes.NewReader(smaps))
	for lines.Scan() {
		line := lines.Text()
		var m mapping
		var permissions string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &m.start, &m.end, &permissions); n == 3 {
			last = m
			candidate = strings.HasPrefix(permissions, "r") && !strings.Contains(permissions, "w") && strings.HasSuffix(line, " "+file)
			continue
		}
		var kilobytes int
		if n, _ := fmt.Sscanf(line, "Anonymous: %d kB", &kilobytes); n == 1 && candidate && kilobytes == 0 {
			all = append(all, last)
		}
	}
	return all
}
