package cluster

import (
	"context"
	"io"
	"os/exec"
	"path/filepath"
)

// Kubectl runs kubectl as the admin and returns what it prints, without space around
// it. The first use builds it. It is another's word on what the cluster holds.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	cmd, err := Command(ctx, c.options.Progress, Kubectl, append([]string{
		"--kubeconfig=" + c.Kubeconfig(),
		"--cache-dir=" + filepath.Join(c.dir, "kubectl"),
	}, args...)...)
	if err != nil {
		return "", err
	}
	return output(cmd)
}

// Command is exec.CommandContext for a tool, which it builds where needed.
func Command(ctx context.Context, progress io.Writer, tool Tool, args ...string) (*exec.Cmd, error) {
	bin, err := Build(ctx, progress, tool)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, filepath.Join(bin, tool.String()), args...), nil
}
