//go:build unix

package downward

import "syscall"

const nonblock = syscall.O_NONBLOCK
