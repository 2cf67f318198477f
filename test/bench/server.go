package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a control plane of ../cluster, which is a module of its own since it takes
// all of Kubernetes to build.
type server struct {
	cmd            *exec.Cmd
	dir            string // what its processes write
	kubectl        string
	kubeconfig     string
	url, ca, token string // the admin's token is in a file, as a pod has it
	client         *http.Client
	authorization  string
	exited         chan struct{}
	said           bytes.Buffer
}

func (b *bench) startServer(ctx context.Context) (*server, error) {
	dir := filepath.Join(b.scratch, "server")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	up := filepath.Join(dir, "up")
	build := exec.CommandContext(ctx, "go", "build", "-o", up, "./up")
	build.Dir = filepath.Join("..", "cluster")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building ../cluster/up: %w\n%s", err, out)
	}
	objects := filepath.Join(dir, "objects.yaml")
	if err := os.WriteFile(objects, []byte(surroundings), 0o644); err != nil {
		return nil, err
	}
	s := &server{cmd: exec.CommandContext(ctx, up, objects), exited: make(chan struct{}), token: filepath.Join(dir, "token")}
	s.cmd.Dir = build.Dir
	s.cmd.Stderr = &s.said
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) } // it has servers to stop
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "export KUBECONFIG="); ok {
			s.kubeconfig, s.dir = value, filepath.Dir(value)
		}
		if value, ok := strings.CutPrefix(lines.Text(), "export PATH=$PATH:"); ok {
			s.kubectl = filepath.Join(value, "kubectl")
			break // the last line
		}
	}
	go func() {
		defer close(s.exited)
		_ = s.cmd.Wait() // how it ended is in what it said
	}()
	if s.kubectl == "" || s.kubeconfig == "" {
		return nil, errors.Join(fmt.Errorf("no server came up:\n%s", &s.said), s.stop())
	}
	if err := s.connect(); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) connect() error {
	text, err := os.ReadFile(s.kubeconfig)
	if err != nil {
		return err
	}
	field := func(name string) string {
		match := regexp.MustCompile(name + `: "([^"]+)"`).FindSubmatch(text)
		if match == nil {
			return ""
		}
		return string(match[1])
	}
	s.url, s.ca, s.authorization = field("server"), field("certificate-authority"), field("token")
	ca, err := os.ReadFile(s.ca)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	return os.WriteFile(s.token, []byte(s.authorization), 0o600)
}

// stop ends the servers; the program that started them removes what they wrote.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	select {
	case <-s.exited:
		return nil
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("the servers do not stop"), s.cmd.Process.Kill())
	}
}

// call asks the server as its admin, and returns the moment of the answer.
func (s *server) call(ctx context.Context, method, path, body string, into any) (time.Time, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return time.Time{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	request.Header.Set("Authorization", "Bearer "+s.authorization)
	answer, err := s.client.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	text, err := io.ReadAll(answer.Body)
	err = errors.Join(err, answer.Body.Close())
	if answer.StatusCode/100 != 2 {
		err = errors.Join(err, fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text))
	}
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	return at, err
}

// label sets a label of a pod and returns the moment of the server's answer.
func (s *server) label(ctx context.Context, pod, value string) (time.Time, error) {
	return s.call(ctx, http.MethodPatch, "/api/v1/namespaces/shop/pods/"+pod, fmt.Sprintf(`{"metadata":{"labels":{"version":%q}}}`, value), nil)
}

// tokenFor asks for a token as the kubelet does for a pod, and writes it into a file.
func (s *server) tokenFor(ctx context.Context, account, pod, file string) error {
	var object struct{ Metadata struct{ UID string } }
	if _, err := s.call(ctx, http.MethodGet, "/api/v1/namespaces/shop/pods/"+pod, "", &object); err != nil {
		return err
	}
	var request struct{ Status struct{ Token string } }
	body := fmt.Sprintf(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":3600,
		"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":%q,"uid":%q}}}`, pod, object.Metadata.UID)
	if _, err := s.call(ctx, http.MethodPost, "/api/v1/namespaces/shop/serviceaccounts/"+account+"/token", body, &request); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(request.Status.Token), 0o600)
}

// cost is what the server's processes have used, and hold.
type cost struct {
	cpu time.Duration
	rss int // bytes
}

func (s *server) cost() (cost, error) {
	var sum cost
	for _, name := range []string{"kube-apiserver", "etcd"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name+".pid"))
		if err != nil {
			return cost{}, err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return cost{}, err
		}
		spent, err := processorTime(pid)
		if err != nil {
			return cost{}, err
		}
		held, err := rollup(pid)
		if err != nil {
			return cost{}, err
		}
		sum.cpu, sum.rss = sum.cpu+spent, sum.rss+held.rss
	}
	return sum, nil
}

// processorTime is what a process has spent, in user mode and in the kernel.
func processorTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before may hold anything
	fields := strings.Fields(rest)                // from the third one of proc_pid_stat(5)
	const utime, stime, ticks = 14 - 3, 15 - 3, 100
	var sum time.Duration
	for _, i := range []int{utime, stime} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * time.Second / ticks
	}
	return sum, nil
}
