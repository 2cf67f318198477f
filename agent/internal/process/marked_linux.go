package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// killMarked kills the processes that have the variable in their environment,
// which they inherit whatever group, session or parent they choose. spared is
// the leader, which somebody waits for.
func killMarked(variable string, spared int) {
	const rounds = 3 // one may fork between the look and the kill
	for range rounds {
		pids := marked(variable, spared)
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

// marked finds them. Those of other users cannot be read, nor killed.
func marked(variable string, spared int) (pids []int) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1) // in part is better than nothing
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == spared || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile("/proc/" + name + "/environ")
		if err == nil && bytes.Contains(environ, []byte(variable)) {
			pids = append(pids, pid)
		}
	}
	return pids
}
