package orphan

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	"unsafe"
)

// patience is how long a program that was started without [Reaper.Start] has
// to be waited for.
const patience = time.Second

// Run reaps until ctx ends. A process that inherits no orphans, because it is
// neither the first nor a subreaper, has nothing to reap and just waits.
func (r *Reaper) Run(ctx context.Context) {
	if !inherits() {
		<-ctx.Done()
		return
	}
	deaths := make(chan os.Signal, 1) // one that is dropped is seen with the one before
	signal.Notify(deaths, syscall.SIGCHLD)
	defer signal.Stop(deaths)
	again := time.NewTimer(patience)
	defer again.Stop()
	for {
		again.Stop()
		if wait := r.sweep(); wait > 0 {
			again.Reset(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-deaths:
		case <-r.kick:
		case <-again.C:
		}
	}
}

// sweep reaps until there is nobody left, or somebody's program stands first:
// the kernel shows but one of the dead. It says when to look again without
// being told.
func (r *Reaper) sweep() (again time.Duration) {
	for {
		r.mu.Lock()
		pid := 0
		if r.starting == 0 {
			pid = waitable()
		}
		if pid == 0 || r.waited[pid] {
			r.mu.Unlock()
			return 0 // Start, SIGCHLD or the one who waits will tell
		}
		if again = r.ours(pid); again == 0 {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
		r.mu.Unlock()
		if again > 0 {
			return again
		}
	}
}

// ours says how long a dead program of our own process group is spared. A
// program that a library has started, such as a credential plugin, may be one,
// and an orphan hardly ever is: what [Reaper.Start] starts is to have a group of
// its own. Who waits for it does so within microseconds.
func (r *Reaper) ours(pid int) time.Duration {
	if group, err := syscall.Getpgid(pid); err != nil || group != syscall.Getpgrp() {
		return 0
	}
	if r.suspect != pid {
		r.suspect, r.since = pid, time.Now()
	}
	if left := patience - time.Since(r.since); left > 0 {
		return left
	}
	r.suspect = 0
	return 0
}

// inherits reports whether orphans become children of this process.
func inherits() bool {
	const getChildSubreaper = 37 // PR_GET_CHILD_SUBREAPER
	var is int32
	_, _, errno := syscall.Syscall(syscall.SYS_PRCTL, getChildSubreaper, uintptr(unsafe.Pointer(&is)), 0)
	return os.Getpid() == 1 || errno == 0 && is != 0
}

// waitable returns a child that is dead and that nobody has waited for, or 0.
// It stays as it is.
func waitable() int {
	const all = 0 // P_ALL
	// siginfo_t as waitid(2) fills it; the fields behind begin at a multiple of
	// a pointer's size.
	var info struct {
		signo, errno, code int32
		_                  [unsafe.Sizeof(uintptr(0))/4 - 1]int32
		pid                int32
		_                  [128]byte
	}
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, all, 0, uintptr(unsafe.Pointer(&info)),
			syscall.WEXITED|syscall.WNOHANG|syscall.WNOWAIT, 0, 0)
		switch errno {
		case 0:
			return int(info.pid)
		case syscall.EINTR:
		default:
			return 0 // ECHILD: there are no children
		}
	}
}
