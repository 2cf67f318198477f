//go:build unix

package publish

import (
	"os/exec"
	"syscall"
)

// ownGroup starts the command in a process group, which a timeout ends whole.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		killGroup(cmd)
		return nil
	}
}

// killGroup kills what is in the group. It outlives its leader: as long as it
// has members, the kernel gives its number to nobody else.
func killGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
}
