package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/podfacts/podfacts/test/cluster/node/internal/supervise"
)

// namespaces are those of the node beside the network, which is there before it.
const namespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// emptyDirs are where containerd and the kubelet write without asking where.
var emptyDirs = [...]string{"/run", "/var/lib", "/var/log"}

// A machine is what a node runs on: this one, in namespaces of its own.
type machine struct {
	dir     string
	network *network
	cgroup  string
	closers []io.Closer

	pid1       *exec.Cmd
	ended      chan struct{} // closed when pid1 did
	supervisor *supervise.Client
}

// newMachine makes the network and the cgroup, and removes cgroups that killed runs left.
// Of its directory, only the path to the egress proxy is used by then.
func newMachine(dir string, addresses ...netip.Addr) (m *machine, err error) {
	if err := removeLeftCgroups(); err != nil {
		return nil, err
	}
	m = &machine{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	if m.cgroup, err = makeCgroup(); err != nil {
		return m, err
	}
	if m.network, err = newNetwork(addresses...); err != nil {
		return m, err
	}
	egress, err := net.Listen("unix", filepath.Join(dir, "egress.sock"))
	if err != nil {
		return m, err
	}
	m.closers = append(m.closers, egress)
	go serveEgress(egress, m.network.dial)
	return m, nil
}

// boot starts the first process, whose id it leaves in pidFile.
func (m *machine) boot(executable, pidFile string) error {
	log, err := os.Create(filepath.Join(m.dir, "pid1.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(executable, append([]string{m.dir}, emptyDirs[:]...)...)
	cmd.Dir = "/"
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := m.network.do(cmd.Start); err != nil {
		return err
	}
	m.pid1, m.ended = cmd, make(chan struct{})
	go func() {
		_, _ = cmd.Process.Wait() // its log tells
		close(m.ended)
	}()
	m.supervisor = supervise.NewClient(out, in)
	return os.WriteFile(pidFile, []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
}

// start starts a program in the node. Its log is NAME.log, and the tools in bin are found.
func (m *machine) start(bin, name string, args ...string) error {
	return m.supervisor.Start(supervise.Program{
		Name: name,
		Args: append([]string{filepath.Join(bin, name)}, args...),
		Env:  []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=/root"},
		Log:  filepath.Join(m.dir, name+".log"),
	})
}

func (m *machine) stop(name string, grace time.Duration) error { return m.supervisor.Stop(name, grace) }

func (m *machine) running(name string) (bool, error) { return m.supervisor.Running(name) }

// forward lets the node reach at address what listens at target outside.
func (m *machine) forward(address, target string) error {
	listener, err := m.network.forward(address, func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", target)
	})
	if err == nil {
		m.closers = append(m.closers, listener)
	}
	return err
}

func (m *machine) dial(ctx context.Context, address string) (net.Conn, error) {
	return m.network.dial(ctx, address)
}

// close ends all there is, and returns when it is gone.
func (m *machine) close() error {
	var errs []error
	if m.pid1 != nil {
		if err := m.pid1.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
		select {
		case <-m.ended:
		case <-time.After(30 * time.Second):
			errs = append(errs, fmt.Errorf("process %d, the first of the node, does not end", m.pid1.Process.Pid))
		}
		_ = m.supervisor.Close()
		m.pid1 = nil
	}
	for _, c := range m.closers {
		errs = append(errs, c.Close())
	}
	m.closers = nil
	if m.network != nil {
		m.network.close()
	}
	if m.cgroup != "" {
		errs = append(errs, removeCgroup(m.cgroup))
		m.cgroup = ""
	}
	return errors.Join(errs...)
}
