package cluster

import "syscall"

// dieWithParent has the kernel kill a server when the test is killed, and keeps the
// terminal's ^C from a server that the test still wants.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
