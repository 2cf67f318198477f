package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	loopback = "127.0.0.1"
	issuer   = "https://kubernetes.default.svc"

	readyTimeout = 2 * time.Minute // seconds are normal; two cores may be building
	stopGrace    = 5 * time.Second
	poll         = 20 * time.Millisecond
)

// startEtcd needs no port: its clients come through a socket in the directory.
func (c *Cluster) startEtcd() error {
	p, err := startProcess(c.dir, filepath.Join(c.bin, Etcd.String()),
		"--name=test",
		"--data-dir="+filepath.Join(c.dir, "data"),
		"--listen-client-urls="+c.etcdURL(),
		"--listen-peer-urls=unix://"+filepath.Join(c.dir, "peer.sock"),
		// Nobody follows these two, but etcd wants a host and a port to announce.
		"--advertise-client-urls=http://localhost:2379",
		"--initial-advertise-peer-urls=http://localhost:2380",
		"--initial-cluster=test=http://localhost:2380",
		"--unsafe-no-fsync", // what is lost with the machine was going to be removed
		"--log-level=warn",
	)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.etcd = p
	c.mu.Unlock()
	return nil
}

func (c *Cluster) etcdURL() string { return "unix://" + filepath.Join(c.dir, "etcd.sock") }

// StartServer starts the API server, where the last one was and with its data, and
// returns when it is ready. It does nothing when one runs.
func (c *Cluster) StartServer(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.etcd == nil {
		return errors.New("this cluster is stopped")
	}
	if c.server != nil && !c.server.ended() {
		return nil
	}
	in := func(name string) string { return filepath.Join(c.dir, name) }
	args := []string{
		"--etcd-servers=" + c.etcdURL(),
		"--bind-address=" + loopback,
		"--advertise-address=" + loopback,
		"--secure-port=" + strconv.Itoa(c.port),
		"--permit-port-sharing", // with our reservation
		"--cert-dir=" + in("certificates"),
		"--tls-cert-file=" + in("server.crt"),
		"--tls-private-key-file=" + in("server.key"),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + in("account.key"),
		"--service-account-signing-key-file=" + in("account.key"),
		"--authorization-mode=Node,RBAC",
		"--token-auth-file=" + in("tokens.csv"),
		"--audit-policy-file=" + in("audit.yaml"),
		"--audit-log-path=" + in("audit.log"),
		"--audit-log-mode=blocking", // logged before the client has its answer
		"--audit-log-maxsize=10000", // MB; one file, since marks are places in it
		// It would taint each new node as not ready, and no controller lifts that.
		"--disable-admission-plugins=TaintNodesByCondition",
		"--endpoint-reconciler-type=none", // a Service has no endpoints on loopback
		"--profiling=false",
	}
	p, err := startProcess(c.dir, filepath.Join(c.bin, APIServer.String()), append(args, c.options.Flags...)...)
	if err != nil {
		return err
	}
	c.server = p
	return c.awaitReady(ctx)
}

// awaitReady wants c.mu.
func (c *Cluster) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	clients, err := c.connect()
	if err != nil {
		return err
	}
	for {
		_, err := clients.discovery.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		for _, p := range []*process{c.etcd, c.server} {
			if p.ended() {
				return fmt.Errorf("%s ended; its log:\n%s", p.name, p.tail())
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API server is not ready: %w; its log:\n%s", err, c.server.tail())
		case <-time.After(poll):
		}
	}
}

// awaitNamespaces waits for what the API server makes after it says that it is ready.
func (c *Cluster) awaitNamespaces(ctx context.Context) error {
	clients, err := c.client()
	if err != nil {
		return err
	}
	for _, name := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem} {
		for {
			_, err := clients.dynamic.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
			if err == nil {
				break
			}
			if !apierrors.IsNotFound(err) {
				return fmt.Errorf("waiting for namespace %s: %w", name, err)
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting for namespace %s: %w", name, context.Cause(ctx))
			case <-time.After(poll):
			}
		}
	}
	return nil
}

// StopServer ends the API server, as an upgrade would: watches end, and connections
// are refused until [Cluster.StartServer].
func (c *Cluster) StopServer() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	err := c.server.stop(stopGrace)
	c.server = nil
	return err
}

// KillServer ends the API server without a last word to anybody.
func (c *Cluster) KillServer() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	err := c.server.kill()
	c.server = nil
	return err
}

// Restart is [Cluster.StopServer] and [Cluster.StartServer].
func (c *Cluster) Restart(ctx context.Context) error {
	if err := c.StopServer(); err != nil {
		return err
	}
	return c.StartServer(ctx)
}
