package process

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// killMarked kills the processes that have the variable in their environment,
// which they inherit whatever group, session or parent they choose. spared is
// the leader, which somebody waits for.
func killMarked(variable string, spared int) {
	const (
		rounds   = 3                      // one may fork between the look and the kill
		patience = 100 * time.Millisecond // with one that shows no environment
	)
	for range rounds {
		pids := marked(variable, spared, patience)
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, pid := range pids {
			reap(pid)
		}
		if len(pids) == 0 {
			return
		}
	}
}

// marked finds them. Those of other users cannot be read, nor killed. One that is
// just becoming another program shows no environment for a moment, so that it is
// looked at again; one that has none is, too, until patience ends.
func marked(variable string, spared int, patience time.Duration) (pids []int) {
	const nap = time.Millisecond
	began, room := time.Now(), make([]byte, 16<<10)
	for unsure := processes(spared); len(unsure) > 0; time.Sleep(nap) {
		unsure = slices.DeleteFunc(unsure, func(pid int) bool {
			is, sure := isMarked(pid, variable, room)
			if is {
				pids = append(pids, pid)
			}
			return sure
		})
		if time.Since(began) > patience {
			break
		}
	}
	return pids
}

// isMarked looks at one of them.
func isMarked(pid int, variable string, room []byte) (is, sure bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	environ, err := readAtOnce(dir+"/environ", room)
	if err != nil || len(environ) > 0 {
		return err == nil && bytes.Contains(environ, []byte(variable)), true
	}
	_, err = os.Readlink(dir + "/exe")
	return false, err != nil // one of the kernel's own, or dead
}

// readAtOnce reads a file in one call: when a program makes place for another
// between two, what it would have read in the second is gone.
func readAtOnce(name string, room []byte) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for {
		n, err := file.ReadAt(room, 0)
		if n < len(room) && errors.Is(err, io.EOF) {
			return room[:n], nil
		}
		if err != nil {
			return nil, err
		}
		room = make([]byte, 4*len(room))
	}
}

// processes lists all but this one and another.
func processes(spared int) (pids []int) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1) // in part is better than nothing
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != spared && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
