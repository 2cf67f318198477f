//go:build unix

package child

import (
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
)

// caught are the signals that do not reach podfacts itself: those that are
// passed on, and SIGPIPE, lest a log that nobody reads any more ends the parent.
func caught() []os.Signal {
	last := 31
	if runtime.GOOS == "linux" {
		last = 64 // real-time signals, too
	}
	var all []os.Signal
	for n := 1; n <= last; n++ {
		// Who has podfacts ignore a signal, as nohup does, means the command, too.
		if s := syscall.Signal(n); s == syscall.SIGPIPE || passes(s) && !signal.Ignored(s) {
			all = append(all, s)
		}
	}
	return all
}

// passes reports whether a signal is one to pass on. The others are the
// kernel's answer to what a program has just done, and of no use to another;
// or those of Go and of C libraries; or such as a terminal sends to the groups
// that it stops and resumes; or those that nobody can catch.
func passes(s os.Signal) bool {
	if n, _ := s.(syscall.Signal); 32 <= n && n <= 34 {
		return false // real-time signals that libc and musl use; see sigtable in Go's runtime
	}
	return !slices.Contains([]os.Signal{
		syscall.SIGILL, syscall.SIGTRAP, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGSYS, syscall.SIGPIPE, syscall.SIGCHLD,
		syscall.SIGURG, syscall.SIGPROF,
		syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU,
		syscall.SIGKILL, syscall.SIGSTOP,
	}, s)
}

// ends reports whether a signal is a usual request to end.
func ends(s os.Signal) bool {
	return s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT
}
