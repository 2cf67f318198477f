package notify

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// signalName signals the processes of a name.
func (s Signal) signalName() error {
	all, err := processes()
	if err != nil {
		return err
	}
	own := ancestry(all, os.Getpid())
	var found []int
	for pid := range all {
		if !slices.Contains(own, pid) && isNamed(pid, s.Process) {
			found = append(found, pid)
		}
	}
	top := topmost(all, found)
	switch {
	case len(top) == 0:
		return fmt.Errorf("no process %s is among the %d that podfacts sees; if it runs in another container, %s", s.Process, len(all), shareHint)
	case len(top) > 1 && !s.All:
		return fmt.Errorf("several processes are called %s and are not related: %s; give a pid file or the whole path, or say that all are meant", s.Process, list(top))
	}
	var errs []error
	for _, pid := range top {
		errs = append(errs, s.send(pid, all[pid].start))
	}
	return errors.Join(errs...)
}

// signalPID signals the process of a pid file.
func (s Signal) signalPID(pid int) error {
	p, err := readProcess(pid)
	switch {
	case err != nil:
		return s.stale(pid, "does not exist")
	case s.Process != "" && !isNamed(pid, s.Process):
		return s.stale(pid, "is not "+s.Process)
	}
	all, err := processes()
	if err != nil {
		return err
	}
	if slices.Contains(ancestry(all, os.Getpid()), pid) {
		return s.stale(pid, "is podfacts itself or its parent")
	}
	return s.send(pid, p.start)
}

func (s Signal) stale(pid int, what string) error {
	return fmt.Errorf("process %d of pid file %s %s: the file is stale, or it counts in another container's namespace; then %s", pid, s.PIDFile, what, shareHint)
}

// send signals the process that was looked at. Its handle is taken before its
// start is compared, so that no other can have got its number in between.
func (s Signal) send(pid int, start string) error {
	handle, err := os.FindProcess(pid) // by pidfd_open(2)
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	defer func() { _ = handle.Release() }() // nothing was written
	if now, err := readProcess(pid); err != nil || now.start != start {
		return fmt.Errorf("process %d has just ended", pid)
	}
	switch err := handle.Signal(s.Signal); {
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("process %d: %w; run podfacts as the same user (runAsUser), or give it the capability KILL", pid, err)
	case err != nil:
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return nil
}

// proc is what counts of a process.
type proc struct {
	parent int
	start  string // in ticks since boot
}

// processes lists those that live.
func processes() (map[int]proc, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("cannot list processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("cannot list processes: %w", err)
	}
	all := make(map[int]proc, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, err := readProcess(pid); err == nil {
			all[pid] = p
		}
	}
	return all, nil
}

// readProcess reads /proc/<pid>/stat; see proc_pid_stat(5). A process that is
// dead, though nobody has taken leave of it, does not exist.
func readProcess(pid int) (proc, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return proc{}, err
	}
	// The name comes second, in parentheses, and may hold anything.
	_, rest, _ := strings.Cut(string(data[bytes.LastIndexByte(data, ')')+1:]), " ")
	fields := strings.Fields(rest)
	const state, parent, start = 0, 1, 19
	if len(fields) <= start || strings.Contains("ZXx", fields[state]) {
		return proc{}, fs.ErrNotExist
	}
	p := proc{start: fields[start]}
	p.parent, err = strconv.Atoi(fields[parent])
	return p, err
}

// ancestry is a process and its parents.
func ancestry(all map[int]proc, pid int) []int {
	var line []int
	for pid > 0 && !slices.Contains(line, pid) {
		line = append(line, pid)
		pid = all[pid].parent
	}
	return line
}

// topmost leaves out those that descend from another.
func topmost(all map[int]proc, pids []int) []int {
	var top []int
	for _, pid := range pids {
		if !slices.ContainsFunc(ancestry(all, pid)[1:], func(p int) bool { return slices.Contains(pids, p) }) {
			top = append(top, pid)
		}
	}
	slices.Sort(top)
	return top
}

// isNamed compares a name with all that a process goes by. Which file it runs
// can be seen of processes with the same user and no more capabilities than
// ours; its command line and its short name, which a program may change, can
// always be.
func isNamed(pid int, name string) bool {
	dir := "/proc/" + strconv.Itoa(pid)
	exe, _ := os.Readlink(dir + "/exe")
	cmdline, _ := os.ReadFile(dir + "/cmdline")
	first, _, _ := bytes.Cut(cmdline, []byte{0})
	for _, file := range []string{strings.TrimSuffix(exe, " (deleted)"), string(first)} {
		if file != "" && (file == name || path.Base(file) == name) {
			return true
		}
	}
	const commLength = 15 // TASK_COMM_LEN without its NUL
	comm, _ := os.ReadFile(dir + "/comm")
	switch short := strings.TrimSuffix(string(comm), "\n"); {
	case short == "" || path.IsAbs(name):
		return false
	case len(name) <= commLength:
		return short == name
	case short != name[:commLength]:
		return false
	}
	// The short name was cut; a script's whole name comes after its interpreter's.
	return slices.ContainsFunc(strings.Split(string(cmdline), "\x00"), func(arg string) bool { return path.Base(arg) == name })
}

func list(pids []int) string {
	const most = 5
	var words []string
	for _, pid := range pids[:min(most, len(pids))] {
		words = append(words, strconv.Itoa(pid))
	}
	if len(pids) > most {
		words = append(words, "…")
	}
	return strings.Join(words, ", ")
}
