//go:build !linux

package notify

import (
	"errors"
	"fmt"
	"os"
)

func (s Signal) signalName() error {
	return errors.New("a process can be found by name on Linux only; give a pid file")
}

func (s Signal) signalPID(pid int) error {
	if s.Process != "" {
		return s.signalName()
	}
	if pid == os.Getpid() || pid == os.Getppid() {
		return fmt.Errorf("process %d of pid file %s is podfacts itself or its parent: the file is stale", pid, s.PIDFile)
	}
	handle, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	defer func() { _ = handle.Release() }() // nothing was written
	if err := handle.Signal(s.Signal); err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return nil
}
