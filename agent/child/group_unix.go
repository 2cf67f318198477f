//go:build unix

package child

import (
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
	"unsafe"
)

// terminal is the one that podfacts has in the foreground, and gives to the
// command. A nil *terminal is none.
type terminal struct{ fd int }

// foregroundTerminal returns the terminal behind a stream, if podfacts may
// hand it on, or nil.
func foregroundTerminal(stream any) *terminal {
	f, ok := stream.(*os.File)
	if !ok {
		return nil
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	var t *terminal
	_ = raw.Control(func(fd uintptr) { // a closed one is no terminal
		if candidate := (&terminal{fd: int(fd)}); candidate.within(syscall.Getpgrp()) {
			t = candidate
		}
	})
	return t
}

// within reports whether one of the process groups has the terminal in the
// foreground.
func (t *terminal) within(groups ...int) bool {
	if t == nil {
		return false
	}
	var group int32
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(t.fd), syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group)))
	return errno == 0 && slices.Contains(groups, int(group))
}

// attributes put a command into a process group of its own, and the terminal
// with it, unless somebody else has that by now: not podfacts and not the command
// before, which is 0 for the first.
func (t *terminal) attributes(before int) *syscall.SysProcAttr {
	if !t.within(syscall.Getpgrp(), before) {
		return &syscall.SysProcAttr{Setpgid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: t.fd}
}

// takeBack puts podfacts in the foreground again: others may share its group,
// such as the script that has started it.
func (t *terminal) takeBack() {
	signal.Ignore(syscall.SIGTTOU) // else it stops who does that from the background
	defer signal.Reset(syscall.SIGTTOU)
	group := int32(syscall.Getpgrp())
	_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, uintptr(t.fd), syscall.TIOCSPGRP, uintptr(unsafe.Pointer(&group)))
}

// killGroup kills what a command has left in its group, and waits until it is
// gone: it may hold a port that the next one needs. It waits in vain for a
// second at most, since one that hangs in the kernel dies later.
func killGroup(leader int) {
	if syscall.Kill(-leader, syscall.SIGKILL) != nil {
		return // nobody was left
	}
	const naps, nap = 200, 5 * time.Millisecond
	for range naps {
		if errors.Is(syscall.Kill(-leader, 0), syscall.ESRCH) {
			return
		}
		time.Sleep(nap)
	}
}
