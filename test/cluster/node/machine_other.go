//go:build !linux

package node

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"time"
)

// missing says that this is the wrong machine.
func missing() []string {
	return []string{"Linux: a kubelet does not run on " + runtime.GOOS}
}

func plugins() (string, error) { return "", errLinux }

var errLinux = errors.New("a node needs Linux")

type machine struct{ cgroup string }

func newMachine(string, ...netip.Addr) (*machine, error)        { return nil, errLinux }
func (*machine) boot(_, _ string) error                         { return errLinux }
func (*machine) start(_, _ string, _ ...string) error           { return errLinux }
func (*machine) stop(string, time.Duration) error               { return errLinux }
func (*machine) running(string) (bool, error)                   { return false, errLinux }
func (*machine) forward(_, _ string) error                      { return errLinux }
func (*machine) dial(context.Context, string) (net.Conn, error) { return nil, errLinux }
func (*machine) close() error                                   { return nil }
