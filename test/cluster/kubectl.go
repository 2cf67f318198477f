package cluster

import (
	"context"
	"os/exec"
	"path/filepath"
)

// Kubectl runs kubectl as the admin and returns what it prints, without space around
// it. The first use builds it. It is another's word on what the cluster holds.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	bin, err := Build(ctx, c.options.Progress, Kubectl)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, Kubectl.String()), append([]string{
		"--kubeconfig=" + c.Kubeconfig(),
		"--cache-dir=" + filepath.Join(c.dir, "kubectl"),
	}, args...)...)
	return output(cmd)
}
