package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// apiserver measures what takes an API server, against a real one.
func (b *bench) apiserver(ctx context.Context) (rows []row, err error) {
	b.step("starting etcd and kube-apiserver")
	s, err := b.startServer(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	for _, measure := range []func(context.Context, *server) ([]row, error){b.relabel, b.ask} {
		more, err := measure(ctx, s)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// surroundings are a pod of a Deployment on a node in a zone.
const surroundings = `apiVersion: v1
kind: Node
metadata: {name: n0, labels: {topology.kubernetes.io/zone: zone-a, kubernetes.io/arch: amd64}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: web}]}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: web}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-a, namespace: shop, labels: {app: web, version: v1}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, controller: true}]}
spec: {nodeName: n0, containers: [{name: main, image: web}]}
`

// server is a control plane of ../cluster, which is a module of its own since it takes
// all of Kubernetes to build.
type server struct {
	cmd            *exec.Cmd
	kubectl        string
	kubeconfig     string
	url, ca, token string // the token is in a file, as a pod has it
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
			s.kubeconfig = value
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

// label sets a label of the pod and returns the moment of the server's answer.
func (s *server) label(ctx context.Context, value string) (time.Time, error) {
	body := fmt.Sprintf(`{"metadata":{"labels":{"version":%q}}}`, value)
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, s.url+"/api/v1/namespaces/shop/pods/web-1-a", strings.NewReader(body))
	if err != nil {
		return time.Time{}, err
	}
	request.Header.Set("Content-Type", "application/merge-patch+json")
	request.Header.Set("Authorization", "Bearer "+s.authorization)
	answer, err := s.client.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	text, err := io.ReadAll(answer.Body)
	err = errors.Join(err, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("%s: %s", answer.Status, text))
	}
	return at, err
}

// command runs podfacts as if in the pod.
func (b *bench) command(ctx context.Context, s *server, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.podfacts, append(args, "--api-server", s.url, "--certificate-authority", s.ca, "--token-file", s.token)...)
	cmd.Env = append(os.Environ(), "POD_NAME=web-1-a", "POD_NAMESPACE=shop", "NODE_NAME=n0")
	return cmd
}

// relabel measures a run that follows its own pod, its node and a volume: how long a
// label takes to reach the file, and what the process holds while idle.
func (b *bench) relabel(ctx context.Context, s *server) (rows []row, err error) {
	b.step("%d label changes", b.effort.swaps)
	memory, err := os.MkdirTemp("/dev/shm", "podfacts-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(memory)
	f, err := follow(ctx, "podfacts", filepath.Join(memory, "api"), func(ctx context.Context, volume, files, output string) (*exec.Cmd, error) {
		const text = `volumes:
- path: %q
outputs:
- path: %q
  text: |
    {{ .pod.labels.version }}" {{ .node.zone }} {{ .pod.qosClass }}
`
		config := filepath.Join(files, "podfacts.yaml")
		if err := os.WriteFile(config, fmt.Appendf(nil, text, volume, output), 0o644); err != nil {
			return nil, err
		}
		return b.command(ctx, s, "run", "--config", config), nil
	})
	if err != nil {
		return nil, err
	}
	defer f.stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(b.effort.idle):
	}
	held, err := rollup(f.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	delays, err := b.labels(ctx, s, f)
	if err != nil {
		return nil, err
	}
	for _, g := range []struct {
		percent int
		goal    time.Duration
	}{{50, 10 * time.Millisecond}, {99, 30 * time.Millisecond}} {
		took := percentile(delays, g.percent)
		rows = append(rows, row{
			figure: fmt.Sprintf("label change, the server's answer to replaced file, tmpfs, p%d of %d", g.percent, len(delays)),
			ours:   milliseconds(took), peer: "-", ratio: "-", goal: "< " + milliseconds(g.goal), reached: took < g.goal,
		})
	}
	line := func(what string, n, goal int) row {
		return row{
			figure: fmt.Sprintf("idle run on its pod, node and one volume, %s after %v", what, b.effort.idle),
			ours:   megabytes(n), peer: "-", ratio: "-", goal: "<= " + megabytes(goal), reached: n <= goal,
		}
	}
	return append(rows, line("RSS", held.rss, 16_000_000), line("private", held.private, 4_000_000)), nil
}

// labels changes the label time and again and returns, sorted, how long each change took
// from the server's answer, which may come after the file, to the file.
func (b *bench) labels(ctx context.Context, s *server, f *follower) (delays []time.Duration, err error) {
	replaced, err := watchReplaced(filepath.Dir(f.output))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, replaced.Close()) }()
	for i := range b.effort.swaps {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(settle + rand.N(settle)):
		}
		value := fmt.Sprintf("l%d", i)
		type arrival struct {
			at  time.Time
			err error
		}
		arrived := make(chan arrival, 1)
		go func() {
			at, err := replaced.wait(func() bool {
				text, err := os.ReadFile(f.output)
				return err == nil && bytes.HasPrefix(text, []byte(value+`"`))
			}, 10*time.Second)
			arrived <- arrival{at, err}
		}()
		answered, err := s.label(ctx, value)
		if err != nil {
			return nil, err
		}
		a := <-arrived
		if a.err != nil {
			return nil, fmt.Errorf("label %s did not reach the file: %w\n%s", value, a.err, f.log.String())
		}
		delays = append(delays, max(0, a.at.Sub(answered)))
	}
	slices.Sort(delays)
	return delays, nil
}

// ask measures init with two facts of the API server, in turns with kubectl for one.
func (b *bench) ask(ctx context.Context, s *server) ([]row, error) {
	b.step("%d starts of init with the API server", b.effort.pairs)
	out := filepath.Join(b.scratch, "asked.env")
	kubectl := func() *exec.Cmd {
		return exec.CommandContext(ctx, s.kubectl, "--kubeconfig", s.kubeconfig, "--cache-dir", filepath.Join(b.scratch, "kubectl"),
			"get", "node", "n0", "-o", `jsonpath={.metadata.labels.topology\.kubernetes\.io/zone}`)
	}
	podfacts := func() *exec.Cmd {
		_ = os.Remove(out) // which is not there the first time
		return b.command(ctx, s, "init", "--env-file", out, "--env", "ZONE=node.zone,WORKLOAD=workload.name,REPLICAS=workload.replicas")
	}
	var ours, peer []time.Duration
	for range b.effort.pairs {
		t, err := took(kubectl())
		if err != nil {
			return nil, err
		}
		peer = append(peer, t)
		if t, err = took(podfacts()); err != nil {
			return nil, err
		}
		ours = append(ours, t)
	}
	var oursPeak, peerPeak []int
	for range 7 {
		k, err := b.peak(ctx, kubectl())
		if err != nil {
			return nil, err
		}
		p, err := b.peak(ctx, podfacts())
		if err != nil {
			return nil, err
		}
		oursPeak, peerPeak = append(oursPeak, p), append(peerPeak, k)
	}
	slices.Sort(ours)
	slices.Sort(peer)
	slices.Sort(oursPeak)
	slices.Sort(peerPeak)
	a, k := percentile(ours, 50), percentile(peer, 50)
	const goal = 30 * time.Millisecond
	aPeak, kPeak, goalPeak := oursPeak[len(oursPeak)/2], peerPeak[len(peerPeak)/2], 18<<20
	return []row{
		{
			figure: fmt.Sprintf("init with node zone and workload from the API server, median of %d", len(ours)),
			ours:   milliseconds(a), peer: milliseconds(k) + " kubectl, for the zone alone", ratio: times(float64(k), float64(a)),
			goal: "<= " + milliseconds(goal), reached: a <= goal,
		},
		{
			figure: "the same, peak memory",
			ours:   megabytes(aPeak), peer: megabytes(kPeak) + " kubectl", ratio: times(float64(kPeak), float64(aPeak)),
			goal: "<= " + megabytes(goalPeak), reached: aPeak <= goalPeak,
		},
	}, nil
}

// peak runs a command and returns the most memory that it held, in bytes.
func (b *bench) peak(ctx context.Context, cmd *exec.Cmd) (int, error) {
	program := filepath.Join(b.scratch, "peak")
	if _, err := os.Stat(program); err != nil {
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./peak").CombinedOutput(); err != nil {
			return 0, fmt.Errorf("build peak: %w\n%s", err, out)
		}
	}
	within := exec.CommandContext(ctx, program, cmd.Args...)
	within.Env = cmd.Env
	out, err := within.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", cmd, err)
	}
	kib, err := strconv.Atoi(strings.TrimSpace(string(out)))
	return kib << 10, err
}
