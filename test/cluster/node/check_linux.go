package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// pluginDirs is where CNI plugins are: Debian's place, and everybody else's.
var pluginDirs = [...]string{"/usr/lib/cni", "/opt/cni/bin"}

// missing says, one line each, what this machine lacks.
func missing() []string {
	var lines []string
	if _, err := exec.LookPath("runc"); err != nil {
		lines = append(lines, "runc: apt-get install runc")
	}
	if _, err := plugins(); err != nil {
		lines = append(lines, err.Error()+": apt-get install containernetworking-plugins")
	}
	if os.Geteuid() != 0 {
		return append(lines, "root: a kubelet makes cgroups, mounts and networks; use sudo")
	}
	if err := tryNamespaces(); err != nil {
		lines = append(lines, fmt.Sprintf("namespaces: %v; in a container, it takes a privileged one", err))
	}
	if err := tryCgroups(); err != nil {
		lines = append(lines, fmt.Sprintf("cgroups that can be written: %v; in a container, it takes a privileged one", err))
	}
	if err := tryDir(os.TempDir()); err != nil {
		lines = append(lines, err.Error()+"; set TMPDIR to another directory")
	}
	return lines
}

// plugins finds the directory of the CNI plugins.
func plugins() (string, error) {
	var errs []error
	for _, dir := range pluginDirs {
		lacking := ""
		for _, name := range []string{"ptp", "host-local", "loopback"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil && lacking == "" {
				lacking = name
			}
		}
		if lacking == "" {
			return dir, nil
		}
		errs = append(errs, fmt.Errorf("no %s in %s", lacking, dir))
	}
	return "", fmt.Errorf("CNI plugins: %w, %w", errs[0], errs[1])
}

// tryNamespaces starts a process in namespaces as the node's first will be.
func tryNamespaces() error {
	cmd := exec.Command("/proc/self/exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces | unix.CLONE_NEWNET}
	cmd.Path = "/bin/true"
	return cmd.Run()
}

func tryCgroups() error {
	name, err := makeCgroup()
	if err != nil {
		return err
	}
	return removeCgroup(name)
}

// tryDir reports whether a node can live below a directory: containers' files are layers
// there, and what pid1 covers it cannot see.
func tryDir(dir string) error {
	for _, hidden := range emptyDirs {
		if dir == hidden || strings.HasPrefix(dir, hidden+"/") {
			return fmt.Errorf("a directory for temporary files that is not below %s: %s", hidden, dir)
		}
	}
	var at unix.Statfs_t
	if err := unix.Statfs(dir, &at); err != nil {
		return fmt.Errorf("a directory for temporary files: %w", err)
	}
	if at.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return errors.New("a directory for temporary files on a disk of its own: " + dir + " is an overlay itself, which holds no other")
	}
	return nil
}
