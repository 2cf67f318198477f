//go:build unix

package process

import (
	"os/exec"
	"syscall"
	"time"
)

// ownGroup starts the command in a process group, which a timeout ends whole.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// terminateGroup asks what is in the group to end, and says whether it could.
func terminateGroup(cmd *exec.Cmd) bool {
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) == nil
}

// killGroup kills what is in the group. It outlives its leader: as long as it
// has members, the kernel gives its number to nobody else.
func killGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
}

// reapGroup takes leave of the killed once their parent is gone too. They are
// ours then if this process is the first of its container, as it mostly is,
// and nobody else would: each would stay a zombie. They are waited for in
// vain for 100 ms at most, since one that hangs in the kernel dies later.
func reapGroup(cmd *exec.Cmd) { reap(-cmd.Process.Pid) }

func reap(who int) {
	const naps, nap = 50, 2 * time.Millisecond
	for range naps {
		pid, err := syscall.Wait4(who, nil, syscall.WNOHANG, nil)
		switch {
		case pid == 0 && err == nil:
			time.Sleep(nap)
		case err != nil && err != syscall.EINTR:
			return // ECHILD: nobody is left, or none of them was ours
		}
	}
}
