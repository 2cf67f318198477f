//go:build linux

// Pid1 is the first process of a node, in new namespaces for processes, mounts, network,
// host name and IPC. It makes itself at home, which nobody outside sees, and then does
// what the test tells it through its standard input, see package supervise. When it ends,
// and it ends with the test however that ends, the kernel ends everything in the node and
// takes away its mounts and its network.
//
//	pid1 DIR EMPTY…
//
// DIR is the node's; the process is known by it. EMPTY are directories where containerd and
// the kubelet write without asking where. They begin empty, and what a container runtime of
// this machine has there stays untouched.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/podfacts/podfacts/test/cluster/node/internal/supervise"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pid1:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || os.Getpid() != 1 {
		return errors.New("to be started by the package node")
	}
	if err := unix.Sethostname([]byte("n0")); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	if err := mount(args[1:]); err != nil {
		return err
	}
	if err := keepKernel(filepath.Join(args[0], "sysctl")); err != nil {
		return err
	}
	return supervise.Serve(os.Stdin, os.Stdout)
}

// mount gives the node its own view of processes, and the empty directories.
func mount(empty []string) error {
	type call struct {
		kind, target string
		flags        uintptr
	}
	calls := []call{
		{"", "/", unix.MS_REC | unix.MS_PRIVATE}, // nothing of this reaches the machine
		{"", "/", unix.MS_REC | unix.MS_SHARED},  // but containers see each other's, as the kubelet wants
		{"proc", "/proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
	}
	for _, dir := range empty {
		calls = append(calls, call{"tmpfs", dir, 0})
	}
	for _, c := range calls {
		if err := unix.Mount(c.kind, c.target, c.kind, c.flags, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", c.target, err)
		}
	}
	return nil
}

// keepKernel puts files in place of the settings of the whole machine that the kubelet
// changes (pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables): it changes
// those.
func keepKernel(dir string) error {
	for _, setting := range []string{
		"vm/overcommit_memory", "vm/panic_on_oom",
		"kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	} {
		real, file := filepath.Join("/proc/sys", setting), filepath.Join(dir, setting)
		value, err := os.ReadFile(real)
		if errors.Is(err, os.ErrNotExist) {
			continue // not in this kernel
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, value, 0o600); err != nil {
			return err
		}
		if err := unix.Mount(file, real, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("standing in for %s: %w", real, err)
		}
	}
	return nil
}
