package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
)

// releaseStartup gives back the memory that only starting up needed: free heap,
// all but some processors, and the pages of the program itself.
//
// Processors come second: one that goes hands the heap back what it holds for
// each size of object. A collection has it do the same, and where that has not
// been, the runtime keeps books of both, of 450 kB.
func releaseStartup(processors int) {
	debug.FreeOSMemory()
	keepProcessors(processors)
	releaseProgram()
}

// releaseProgram gives back the pages of the program itself. Most of them are
// touched once, by the linker's order rather than by need, and the kernel maps
// sixteen for each that is. They stay in the page cache, from where those that
// are used again come back by a fault of about a microsecond.
func releaseProgram() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer smaps.Close()
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
//
// It reads up to the first mapping behind those of the file, and is sparing:
// what it leaves behind is there for as long as the process.
func cleanMappings(smaps io.Reader, file string) []mapping {
	all := make([]mapping, 0, 4)
	var last mapping
	found, candidate := false, false
	for lines := bufio.NewReaderSize(smaps, 1<<10); ; {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return all
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		if kilobytes, ok := bytes.CutPrefix(line, []byte("Anonymous:")); ok {
			if candidate && string(bytes.TrimSpace(kilobytes)) == "0 kB" {
				all = append(all, last)
			}
			continue
		}
		m, permissions, ok := parseMapping(line)
		if !ok {
			continue
		}
		mine := len(line) > len(file) && string(line[len(line)-len(file):]) == file && line[len(line)-len(file)-1] == ' '
		if found && !mine {
			return all
		}
		found = found || mine
		last, candidate = m, mine && permissions[0] == 'r' && permissions[1] == '-'
	}
}

// parseMapping reads the first line of a mapping: 00400000-00c00000 r-xp 0 …
func parseMapping(line []byte) (m mapping, permissions []byte, ok bool) {
	addresses, rest, _ := bytes.Cut(line, []byte(" "))
	start, end, isRange := bytes.Cut(addresses, []byte("-"))
	if !isRange || len(rest) < 4 {
		return m, nil, false
	}
	from, err := strconv.ParseUint(string(start), 16, 64)
	if err != nil {
		return m, nil, false
	}
	to, err := strconv.ParseUint(string(end), 16, 64)
	return mapping{uintptr(from), uintptr(to)}, rest[:4], err == nil
}
