package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// follower is a process that renders a volume's labels into one output file for
// as long as it runs.
type follower struct {
	name   string
	volume *volume
	output string
	cmd    *exec.Cmd
	log    bytes.Buffer
	exited chan struct{} // closed when the process is gone
}

// follow starts a process over a fresh volume below dir and waits for its first
// output. The command is made by launch, from the volume's directory, a directory
// for its own files and the path of the output.
func follow(ctx context.Context, name, dir string, launch func(ctx context.Context, volume, files, output string) (*exec.Cmd, error)) (*follower, error) {
	v, err := newVolume(filepath.Join(dir, "volume"))
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"files", "out"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	f := &follower{name: name, volume: v, output: filepath.Join(dir, "out", "labels.conf"), exited: make(chan struct{})}
	if f.cmd, err = launch(ctx, v.dir, filepath.Join(dir, "files"), f.output); err != nil {
		return nil, err
	}
	f.cmd.Stdout, f.cmd.Stderr = &f.log, &f.log
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(f.exited)
		_ = f.cmd.Wait() // an early exit shows in what is waited for
	}()
	for deadline := time.Now().Add(15 * time.Second); !f.shows(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) || f.gone() {
			f.stop()
			return nil, fmt.Errorf("%s: no first output:\n%s", name, f.log.String())
		}
	}
	return f, nil
}

// shows reports whether the output holds the volume's last version.
func (f *follower) shows() bool {
	got, err := os.ReadFile(f.output)
	return err == nil && bytes.Contains(got, []byte(f.volume.shown()+`"`))
}

func (f *follower) gone() bool {
	select {
	case <-f.exited:
		return true
	default:
		return false
	}
}

// stop ends the process and waits for it; the log is complete afterwards.
func (f *follower) stop() {
	_ = f.cmd.Process.Signal(syscall.SIGINT) // consul-template ignores SIGTERM
	select {
	case <-f.exited:
	case <-time.After(5 * time.Second):
		_ = f.cmd.Process.Kill()
		<-f.exited
	}
}
