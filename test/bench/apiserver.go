package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// apiserver measures what takes an API server, against a real one. While the first rows
// are measured, a sidecar is left alone, and asked at last what that took.
func (b *bench) apiserver(ctx context.Context) (rows []row, err error) {
	var s *server
	var q quiet
	measurements := slices.DeleteFunc([]measurement{
		{"relabel", func(ctx context.Context) ([]row, error) { return b.relabel(ctx, s) }},
		{"ask", func(ctx context.Context) ([]row, error) { return b.ask(ctx, s) }},
		{"quiet", func(ctx context.Context) ([]row, error) { return q.rows(ctx, s) }},
		{"fleet", func(ctx context.Context) ([]row, error) { return b.fleet(ctx, s) }},
		{"proxy", func(ctx context.Context) ([]row, error) { return b.proxy(ctx, s) }},
	}, func(m measurement) bool { return !b.wanted(m) })
	if len(measurements) == 0 {
		return nil, nil
	}
	b.step("starting etcd and kube-apiserver")
	if s, err = b.startServer(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if b.wanted(measurement{name: "quiet"}) {
		defer q.stop()
		if err := q.start(ctx, b, s); err != nil {
			return nil, err
		}
	}
	for _, m := range measurements {
		more, err := m.measure(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// surroundings are a pod of a Deployment on a node in a zone, and a pod of nobody.
const surroundings = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: checkout}}
---
apiVersion: v1
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
---
apiVersion: v1
kind: Pod
metadata: {name: quiet, namespace: shop, labels: {version: v1}}
spec: {serviceAccountName: quiet, nodeName: n0, containers: [{name: main, image: web}]}
`

// command runs podfacts as if in the pod.
func (b *bench) command(ctx context.Context, s *server, pod, token string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.podfacts, append(args, "--api-server", s.url, "--certificate-authority", s.ca, "--token-file", token)...)
	cmd.Env = append(os.Environ(), "POD_NAME="+pod, "POD_NAMESPACE=shop", "NODE_NAME=n0")
	return cmd
}

// grant allows a service account what podfacts rbac says that the outputs take, and
// waits until the server acts on that.
func (b *bench) grant(ctx context.Context, s *server, account, token string, outputs ...string) error {
	print := exec.CommandContext(ctx, b.podfacts, append([]string{"rbac", "--namespace", "shop", "--service-account", account}, outputs...)...)
	rules, err := print.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", print, err)
	}
	apply := exec.CommandContext(ctx, s.kubectl, "--kubeconfig", s.kubeconfig, "--cache-dir", filepath.Join(b.scratch, "kubectl"), "apply", "-f", "-")
	apply.Stdin = strings.NewReader(string(rules))
	if out, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", apply, err, out)
	}
	text, err := os.ReadFile(token)
	if err != nil {
		return err
	}
	account = "system:serviceaccount:shop:" + account
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/nodes/n0", nil)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+string(text))
		answer, err := s.client.Do(request)
		if err != nil {
			return err
		}
		if err := answer.Body.Close(); err != nil {
			return err
		}
		if answer.StatusCode == http.StatusOK {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s may not read the node: %s", account, answer.Status)
		}
	}
}
