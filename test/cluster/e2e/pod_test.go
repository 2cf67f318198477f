package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/test/cluster/faultproxy"
)

const serviceAccountDir = "var/run/secrets/kubernetes.io/serviceaccount"

// A pod is the surroundings of a process in a container of a pod that the cluster
// knows.
type pod struct {
	cluster *cluster.Cluster
	account *cluster.ServiceAccount
	name    string
	root    string            // what the process sees as /
	env     []string          // beside those of the API server
	front   *faultproxy.Proxy // stands between it and the server, unless nil
}

// enter makes the file system of a pod that runs as a service account.
func enter(t *testing.T, c *cluster.Cluster, account *cluster.ServiceAccount, name string) *pod {
	t.Helper()
	p := container(t, c)
	p.account, p.name = account, name
	p.renew(t, cluster.TokenOptions{})
	return p
}

// container makes a root directory without a service account.
func container(t *testing.T, c *cluster.Cluster) *pod {
	t.Helper()
	p := &pod{cluster: c, root: t.TempDir()}
	for _, dir := range []string{"etc/podfacts", "run/podfacts", "tmp"} {
		if err := os.MkdirAll(filepath.Join(p.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(binary, filepath.Join(p.root, "podfacts")); err != nil {
		t.Fatal(err)
	}
	return p
}

// renew replaces the token as the kubelet does, with one that is bound to the pod.
func (p *pod) renew(t *testing.T, o cluster.TokenOptions) {
	t.Helper()
	o.Pod = p.name
	token, err := p.account.Token(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	p.mount(t, token)
}

// mount writes the service-account directory.
func (p *pod) mount(t *testing.T, token string) {
	t.Helper()
	ca, err := p.cluster.CA()
	if err != nil {
		t.Fatal(err)
	}
	if p.front != nil {
		ca = p.front.CA()
	}
	f := cluster.InCluster{Token: token, CA: ca, Namespace: p.account.Namespace}
	if err := f.Write(filepath.Join(p.root, serviceAccountDir)); err != nil {
		t.Fatal(err)
	}
}

// configure writes the configuration, and returns the arguments that name it.
func (p *pod) configure(t *testing.T, text string) []string {
	t.Helper()
	p.write(t, "etc/podfacts/podfacts.yaml", text)
	return []string{"-c", "/etc/podfacts/podfacts.yaml"}
}

func (p *pod) write(t *testing.T, name, text string) {
	t.Helper()
	name = filepath.Join(p.root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read returns a file's contents, which are empty while it is not there.
func (p *pod) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.root, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// A process is podfacts, running.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr buffer
	done           chan struct{}
}

// start runs podfacts in the pod until the test ends.
func (p *pod) start(t *testing.T, args ...string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/podfacts", args...)
	cmd.Dir = "/"
	cmd.Env = append(p.cluster.Env(), p.env...)
	if p.front != nil {
		cmd.Env = append(cmd.Env, p.front.Env()...)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: p.root}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return begin(t, cmd)
}

// run runs podfacts in the pod to its end.
func (p *pod) run(t *testing.T, args ...string) *process {
	t.Helper()
	process := p.start(t, args...)
	process.wait(t)
	return process
}

// outside runs podfacts where the test runs, without the test's environment.
func outside(t *testing.T, args ...string) *process {
	t.Helper()
	return outsideIn(t, "", args...)
}

// outsideIn is outside, in a directory.
func outsideIn(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + t.TempDir()}
	p := begin(t, cmd)
	p.wait(t)
	return p
}

func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // the exit code tells
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-p.done
	})
	return p
}

// wait waits for the end.
func (p *process) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s does not end; it says:\n%s", p, &p.stderr)
	}
}

// code is the exit code, once the process has ended.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

// wants checks the exit code.
func (p *process) wants(t *testing.T, code int) {
	t.Helper()
	if p.code() != code {
		t.Errorf("%s: exit code %d, want %d; it says:\n%s", p, p.code(), code, &p.stderr)
	}
}

// says checks that standard error holds each of some texts.
func (p *process) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		eventually(t, fmt.Sprintf("%s says %q", p, text), func() error { // what it writes takes a moment to come
			if said := p.stderr.String(); !strings.Contains(said, text) {
				return fmt.Errorf("it says:\n%s", said)
			}
			return nil
		})
	}
}

// term ends the process as the kubelet does.
func (p *process) term(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("%s: %v; it says:\n%s", p, err, &p.stderr)
	}
	p.wait(t)
	p.wants(t, 0)
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

func (p *process) String() string { return "podfacts " + strings.Join(p.cmd.Args[1:], " ") }

// buffer may be read while a process writes it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
