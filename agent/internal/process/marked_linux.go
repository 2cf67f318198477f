package process

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
)

// killMarked kills the processes that have the variable in their environment,
// which they inherit whatever group, session or parent they choose. spared is
// the leader, which somebody waits for.
func killMarked(variable string, spared int) {
	rounds := 3 // one may fork between the look and the kill
	// One that is just becoming another program shows no environment for a moment, so
	// that there is another look, for as long as its file may take to be read. One that
	// has none costs that time, and eight looks.
	const patience = 100 * time.Millisecond
	began, nap := time.Now(), time.Millisecond
	for {
		pids, unsure := marked(variable, spared)
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, pid := range pids {
			reap(pid)
		}
		switch {
		case len(pids) > 0:
			if rounds--; rounds == 0 {
				return
			}
		case !unsure || time.Since(began) > patience:
			return
		default:
			time.Sleep(nap)
			nap *= 2
		}
	}
}

// marked finds them, and says whether there are others of which it cannot be sure.
// Those of other users cannot be read, nor killed.
func marked(variable string, spared int) (pids []int, unsure bool) {
	room := make([]byte, 16<<10)
	for _, pid := range processes(spared) {
		is, sure := isMarked(pid, variable, room)
		if is {
			pids = append(pids, pid)
		}
		unsure = unsure || !sure
	}
	return pids, unsure
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
