package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// A process is a server of a cluster. It writes its log, and its id for whoever has to
// clear up after us, into the cluster's directory.
type process struct {
	name string
	log  string
	pid  string
	os   *os.Process
	done chan struct{} // closed when it ended
}

// startProcess runs an executable in dir. At least one argument names dir, by which
// the process is recognized as ours, see [stopLeftovers].
func startProcess(dir, executable string, args ...string) (*process, error) {
	name := filepath.Base(executable)
	p := &process{
		name: name,
		log:  filepath.Join(dir, name+".log"),
		pid:  filepath.Join(dir, name+".pid"),
		done: make(chan struct{}),
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(executable, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent()

	started := make(chan error)
	go func() {
		// The kernel's parent is this thread, so it must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in the log, and killed is the rule
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.os = cmd.Process
	if err := os.WriteFile(p.pid, []byte(strconv.Itoa(p.os.Pid)), 0o600); err != nil {
		return nil, errors.Join(err, p.kill())
	}
	return p, nil
}

// stop asks the process to end and kills it when it takes longer than grace.
func (p *process) stop(grace time.Duration) error {
	if err := p.os.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		os.Remove(p.pid)
		return nil
	case <-time.After(grace):
		return p.kill()
	}
}

func (p *process) kill() error {
	if err := p.os.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending %s: %w", p.name, err)
	}
	<-p.done
	os.Remove(p.pid)
	return nil
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// tail is the end of the log, for errors.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	const most = 4 << 10
	if len(text) > most {
		text = text[len(text)-most:]
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return string(text)
}
