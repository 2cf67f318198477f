package cluster

import (
	"errors"
	"path/filepath"
)

// startControllers starts what makes pods of workloads, tokens, and nodes for pods. None
// of it listens: what it does shows in the API server. It wants c.mu.
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
		c.controllers = append(c.controllers, p)
	}
	return nil
}

// RestartControllers replaces the controllers by new ones. After an outage of the API
// server they would take up to a minute to be back, since they ask it ever less often.
func (c *Cluster) RestartControllers() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.etcd == nil {
		return errors.New("this cluster is stopped")
	}
	if !c.options.Controllers {
		return errors.New("this cluster has no controllers: see Options.Controllers")
	}
	var errs []error
	for _, p := range c.controllers {
		errs = append(errs, p.kill())
	}
	if err := errors.Join(errs...); err != nil {
		return err // two of a kind would work against each other
	}
	c.controllers = nil
	return c.startControllers()
}
