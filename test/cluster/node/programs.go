package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podfacts/podfacts/cmd/release/image"
	"github.com/podfacts/podfacts/test/cluster"
)

func (n *Node) startContainerd(ctx context.Context) error {
	name := cluster.Containerd.String()
	if err := n.machine.start(n.bin, name, "--config", filepath.Join(n.dir, "containerd.toml")); err != nil {
		return err
	}
	return n.await(ctx, "containerd to answer", func() error {
		conn, err := net.Dial("unix", n.containerdSocket())
		if err != nil {
			return err
		}
		return conn.Close()
	}, name)
}

func (n *Node) containerdSocket() string { return filepath.Join(n.dir, "containerd.sock") }

// Load makes images known to the node under their names. Pods name them with
// imagePullPolicy Never or IfNotPresent.
func (n *Node) Load(ctx context.Context, images ...image.Image) error {
	for _, image := range images {
		if err := n.load(ctx, image); err != nil {
			return fmt.Errorf("loading image %s: %w", strings.Join(image.Names, ", "), err)
		}
	}
	return nil
}

func (n *Node) load(ctx context.Context, image image.Image) error {
	built, err := image.Build()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(n.dir, "image-*.tar")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(built.WriteDocker(f), f.Close()); err != nil {
		return err
	}
	return n.Import(ctx, f.Name())
}

// Import makes the images of an archive known, one of `docker save` or of an OCI layout.
func (n *Node) Import(ctx context.Context, archive string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(n.bin, cluster.Ctr.String()),
		"--address", n.containerdSocket(), "--namespace", "k8s.io", "images", "import", "--local", archive)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("importing %s: %w: %s", archive, err, bytes.TrimSpace(out))
	}
	return nil
}

// StartKubelet starts the kubelet, where the last one was and with its files, and returns
// when the node is ready. It does nothing when one runs.
func (n *Node) StartKubelet(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := cluster.Kubelet.String()
	if running, err := n.machine.running(name); running || err != nil {
		return err
	}
	started := time.Now().Truncate(time.Second) // as the API server tells times
	err := n.machine.start(n.bin, name,
		"--config="+filepath.Join(n.dir, "kubelet.yaml"),
		"--kubeconfig="+n.Kubeconfig(),
		"--root-dir="+filepath.Join(n.dir, "kubelet"),
		"--cert-dir="+filepath.Join(n.dir, "kubelet-certificates"),
		"--hostname-override="+Name,
		"--node-ip="+nodeIP,
		"--node-labels="+n.labels(),
	)
	if err != nil {
		return err
	}
	return n.await(ctx, "the node to be ready", func() error { return n.ready(ctx, started) },
		cluster.Containerd.String(), name)
}

// ready reports whether the node said since then that it is ready, and whether pods may
// come to it.
func (n *Node) ready(ctx context.Context, since time.Time) error {
	node, err := n.client.CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range node.Status.Conditions {
		switch {
		case c.Type != corev1.NodeReady:
		case c.LastHeartbeatTime.Time.Before(since):
			return fmt.Errorf("it has not said so since %s", c.LastHeartbeatTime)
		case c.Status != corev1.ConditionTrue:
			return fmt.Errorf("%s: %s", c.Reason, c.Message)
		case len(node.Spec.Taints) > 0:
			return fmt.Errorf("taints: %v", node.Spec.Taints)
		default:
			return nil
		}
	}
	return errors.New("it has not said so yet")
}

// StopKubelet ends the kubelet. Pods go on, as they do while a node's kubelet is updated.
func (n *Node) StopKubelet() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.machine.stop(cluster.Kubelet.String(), stopGrace)
}

// RestartKubelet is [Node.StopKubelet] and [Node.StartKubelet].
func (n *Node) RestartKubelet(ctx context.Context) error {
	if err := n.StopKubelet(); err != nil {
		return err
	}
	return n.StartKubelet(ctx)
}

// await waits for something while these programs run.
func (n *Node) await(ctx context.Context, what string, check func() error, programs ...string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		for _, name := range programs {
			if running, e := n.machine.running(name); e != nil || !running {
				return fmt.Errorf("%s ended (%w); its log:\n%s", name, errors.Join(err, e), n.tail(name))
			}
		}
		select {
		case <-ctx.Done():
			last := programs[len(programs)-1]
			return fmt.Errorf("waiting for %s: %w: %w; the log of %s:\n%s", what, context.Cause(ctx), err, last, n.tail(last))
		case <-time.After(poll):
		}
	}
}

// tail is the end of a program's log.
func (n *Node) tail(name string) string {
	text, err := os.ReadFile(filepath.Join(n.dir, name+".log"))
	if err != nil {
		return err.Error()
	}
	const most = 4 << 10
	if len(text) > most {
		_, text, _ = bytes.Cut(text[len(text)-most:], []byte("\n"))
	}
	return string(text)
}

// Printed is what a container has printed, with the runtime's stamps, as it is on the node's
// disk: the API server has it from the kubelet alone.
func (n *Node) Printed(namespace, pod, container string) (string, error) {
	logs, err := filepath.Glob(filepath.Join(n.dir, "pods", namespace+"_"+pod+"_*", container, "*.log")) // uid, and times started
	if err != nil {
		return "", err
	}
	if len(logs) == 0 {
		return "", fmt.Errorf("%s of pod %s/%s has no log", container, namespace, pod)
	}
	var printed strings.Builder
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			return "", err
		}
		printed.Write(text)
	}
	return printed.String(), nil
}

// CopyLogs copies the logs of all components, the audit log among them, into a directory.
func (n *Node) CopyLogs(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, pattern := range []string{filepath.Join(n.Dir(), "*.log"), filepath.Join(n.dir, "*.log")} {
		logs, err := filepath.Glob(pattern)
		errs = append(errs, err)
		for _, log := range logs {
			text, err := os.ReadFile(log)
			errs = append(errs, err)
			if err == nil {
				errs = append(errs, os.WriteFile(filepath.Join(dir, filepath.Base(log)), text, 0o644))
			}
		}
	}
	return errors.Join(errs...)
}
