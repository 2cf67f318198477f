//go:build unix

package main

import (
	"os"
	"syscall"
)

// hangupSignals are what makes run read its configuration again.
func hangupSignals() []os.Signal { return []os.Signal{syscall.SIGHUP} }
