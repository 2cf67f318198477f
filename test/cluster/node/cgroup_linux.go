package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cgroupPrefix and the id and start time of the process that made it are the name of a
// node's cgroup: so one whose process is gone is known as left behind.
const cgroupPrefix = "podfacts-node-"

// controllersWanted are what the kubelet wants where a kernel has them
// (pkg/kubelet/cm/cgroup_manager_linux.go), and io.
var controllersWanted = [...]string{"cpu", "cpuset", "memory", "pids", "hugetlb", "io"}

// makeCgroup makes a cgroup in each hierarchy and returns its path in them.
func makeCgroup() (string, error) {
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return "", err
	}
	started, err := startTime(os.Getpid())
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s%d-%s-%d", cgroupPrefix, os.Getpid(), started, time.Now().UnixMicro())
	for _, h := range hierarchies {
		if err := os.Mkdir(filepath.Join(h, name), 0o755); err != nil {
			if e, ok := errors.AsType[*fs.PathError](err); ok {
				err = fmt.Errorf("%s: %w", h, e.Err)
			}
			return "", errors.Join(err, removeCgroup("/"+name))
		}
		// Version 2 has controllers only where the cgroups above let them through. What is
		// lacking in the end the kubelet names.
		for _, dir := range []string{h, filepath.Join(h, name)} {
			controllers, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
			if err != nil {
				break
			}
			for c := range strings.FieldsSeq(string(controllers)) {
				if slices.Contains(controllersWanted[:], c) {
					_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0o644)
				}
			}
		}
	}
	return "/" + name, nil
}

// removeCgroup removes a cgroup and all below, once the processes in it have ended.
func removeCgroup(name string) error {
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	for _, h := range hierarchies {
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			err = removeTree(filepath.Join(h, name))
			if err == nil || time.Now().After(deadline) {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes directories only: the files of a cgroup go with it.
func removeTree(root string) error {
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	for _, dir := range slices.Backward(dirs) {
		if e := os.Remove(dir); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// removeLeftCgroups removes those of processes that are gone.
func removeLeftCgroups() error {
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	for _, h := range hierarchies {
		left, err := filepath.Glob(filepath.Join(h, cgroupPrefix+"*"))
		if err != nil {
			return err
		}
		for _, dir := range left {
			parts := strings.Split(strings.TrimPrefix(filepath.Base(dir), cgroupPrefix), "-")
			if len(parts) != 3 {
				continue
			}
			pid, err := strconv.Atoi(parts[0])
			if err != nil {
				continue
			}
			if started, err := startTime(pid); err == nil && started == parts[1] {
				continue // in use
			}
			if err := removeTree(dir); err != nil {
				return fmt.Errorf("clearing up after a killed run: %w", err)
			}
		}
	}
	return nil
}

// cgroupHierarchies is where they are mounted: one of version 2, or several of version 1.
func cgroupHierarchies() ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
		before, after, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) == 0 || !strings.HasPrefix(kind[0], "cgroup") {
			continue
		}
		if dir := fields[4]; dir == "/sys/fs/cgroup" || filepath.Dir(dir) == "/sys/fs/cgroup" {
			found = append(found, dir)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no cgroups are mounted at /sys/fs/cgroup")
	}
	return found, nil
}

// startTime is when a process started, in ticks since the machine did.
func startTime(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The command, in parentheses, may hold anything; this is the 20th field after it.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	return fields[19], nil
}
