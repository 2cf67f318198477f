//go:build unix && !linux

package cluster

import "syscall"

// dieWithParent can do less than its name says: here, what a killed test leaves behind
// is stopped by the next one.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
