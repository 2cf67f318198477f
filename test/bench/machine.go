package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is the line above the table: figures without it mean nothing.
func machine(dir string) string {
	return fmt.Sprintf("%d cores (%s), load %s, Linux %s, %s, disk is %s, %s",
		runtime.NumCPU(), processor(), load(), release(), runtime.GOARCH, filesystem(dir), runtime.Version())
}

// load is the average of the last minute: more than the cores, and latencies are
// those of the scheduler.
func load() string {
	averages, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(averages), " ")
	return cmp.Or(first, "unknown")
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func release() string {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return cmp.Or(strings.TrimSpace(string(release)), "unknown")
}

// filesystem names the type of the filesystem that holds dir.
func filesystem(dir string) string {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return "unknown"
	}
	switch stat.Type {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	default:
		return fmt.Sprintf("filesystem %#x", stat.Type)
	}
}
