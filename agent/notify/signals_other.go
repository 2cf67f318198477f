//go:build !unix

package notify

import "syscall"

const (
	maxSignal = 64
	nonblock  = 0
)

// signals have their Linux numbers, so that a configuration for a pod can be
// checked anywhere.
var signals = []namedSignal{
	{"HUP", 1},
	{"INT", 2},
	{"QUIT", 3},
	{"ABRT", 6},
	{"KILL", 9},
	{"USR1", 10},
	{"USR2", 12},
	{"PIPE", 13},
	{"ALRM", 14},
	{"TERM", 15},
	{"CHLD", syscall.Signal(17)},
	{"CONT", 18},
	{"STOP", 19},
	{"TSTP", 20},
	{"TTIN", 21},
	{"TTOU", 22},
	{"URG", 23},
	{"WINCH", 28},
	{"IO", 29},
}
