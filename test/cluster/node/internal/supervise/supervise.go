//go:build linux

// Package supervise is what the first process of a node does for the test that started
// it: it starts and stops programs, and reaps whatever ends, since what loses its parent
// there, as the containers' shims do, becomes its child. The two speak net/rpc over a
// pair of pipes.
package supervise

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// A Program is started at most once at a time under its name.
type Program struct {
	Name string
	Args []string // the executable first
	Env  []string
	Log  string // file that its output is added to
}

// A Stop asks for the end of a program, with force when it takes longer than Grace.
type Stop struct {
	Name  string
	Grace time.Duration
}

// Supervisor is served by the first process. Its methods are those of net/rpc.
type Supervisor struct {
	mu      sync.Mutex
	running map[string]*child
}

type child struct {
	pid  int
	done chan struct{} // closed when it ended
}

// Serve supervises until the other side closes its end of the pipes.
func Serve(r io.Reader, w io.WriteCloser) error {
	s := &Supervisor{running: map[string]*child{}}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	go func() {
		for range signals {
			s.reap()
		}
	}()
	server := rpc.NewServer()
	if err := server.Register(s); err != nil {
		return err
	}
	server.ServeConn(conn{r, w})
	return nil
}

// Start starts a program.
func (s *Supervisor) Start(p Program, _ *struct{}) error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	executable, err := exec.LookPath(p.Args[0])
	if err != nil {
		return err
	}

	s.mu.Lock() // so that it is known before it can be reaped
	defer s.mu.Unlock()
	if s.running[p.Name] != nil {
		return fmt.Errorf("%s runs already", p.Name)
	}
	pid, err := syscall.ForkExec(executable, p.Args, &syscall.ProcAttr{
		Dir:   "/",
		Env:   p.Env,
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("starting %s: %w", executable, err)
	}
	s.running[p.Name] = &child{pid: pid, done: make(chan struct{})}
	return nil
}

// Stop stops a program. It is no error when it does not run.
func (s *Supervisor) Stop(stop Stop, _ *struct{}) error {
	s.mu.Lock()
	c := s.running[stop.Name]
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, stop.Grace}, {syscall.SIGKILL, 10 * time.Second}} {
		if err := syscall.Kill(c.pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("ending %s: %w", stop.Name, err)
		}
		select {
		case <-c.done:
			return nil
		case <-time.After(step.wait):
		}
	}
	return fmt.Errorf("%s does not end", stop.Name)
}

// Running tells whether a program runs.
func (s *Supervisor) Running(name string, running *bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	*running = s.running[name] != nil
	return nil
}

// reap takes the exit statuses of all that ended, ours and those that became ours.
func (s *Supervisor) reap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
		for name, c := range s.running {
			if c.pid == pid {
				close(c.done)
				delete(s.running, name)
			}
		}
	}
}

// Client calls a supervisor.
type Client struct{ rpc *rpc.Client }

// NewClient makes a client of the other ends of a supervisor's pipes.
func NewClient(r io.Reader, w io.WriteCloser) *Client {
	return &Client{rpc.NewClient(conn{r, w})}
}

// Start starts a program.
func (c *Client) Start(p Program) error { return c.rpc.Call("Supervisor.Start", p, &struct{}{}) }

// Stop stops a program.
func (c *Client) Stop(name string, grace time.Duration) error {
	return c.rpc.Call("Supervisor.Stop", Stop{Name: name, Grace: grace}, &struct{}{})
}

// Running tells whether a program runs.
func (c *Client) Running(name string) (running bool, err error) {
	err = c.rpc.Call("Supervisor.Running", name, &running)
	return running, err
}

// Close ends the supervisor.
func (c *Client) Close() error { return c.rpc.Close() }

type conn struct {
	io.Reader
	io.WriteCloser
}
