package cluster

import (
	"errors"
	"path/filepath"
)

// startControllers starts what makes pods of workloads, tokens, and nodes for pods. None
// of it listens: what it does shows in the API server.
func (c *Cluster) startControllers() error {
	in := func(name string) string { return filepath.Join(c.dir, name) }
	common := []string{
		"--kubeconfig=" + c.Kubeconfig(),
		"--leader-elect=false", // and so it outlives an API server that stops
		"--secure-port=0",
	}
	for tool, flags := range map[Tool][]string{
		ControllerManager: {
			"--service-account-private-key-file=" + in("account.key"),
			"--root-ca-file=" + in("ca.crt"),
		},
		Scheduler: nil,
	} {
		p, err := startProcess(c.dir, filepath.Join(c.bin, tool.String()), append(flags, common...)...)
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.controllers = append(c.controllers, p)
		c.mu.Unlock()
	}
	return nil
}

// RestartControllers replaces the controllers by new ones. After an outage of the API
// server they would take up to a minute to be back, since they ask it ever less often.
func (c *Cluster) RestartControllers() error {
	c.mu.Lock()
	old := c.controllers
	c.controllers = nil
	c.mu.Unlock()
	if old == nil {
		return errors.New("this cluster has no controllers: see Options.Controllers")
	}
	var errs []error
	for _, p := range old {
		errs = append(errs, p.kill())
	}
	return errors.Join(append(errs, c.startControllers())...)
}
