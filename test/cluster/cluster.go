// Package cluster starts a real control plane for tests: etcd and kube-apiserver,
// built from source, on loopback, gone when the test ends. Unless asked for it has no
// controllers and no scheduler, and no kubelet: what a test applies is all that there is.
// The package node adds a node, with real pods.
//
//	c := cluster.Start(t)                                        // ready in seconds
//	_, err := c.Apply(t.Context(), "testdata/objects", manifest) // files, directories, YAML
//	account, err := c.ServiceAccount(t.Context(), "shop", "web")
//	err = account.Grant(t.Context(), "shop", rbacv1.PolicyRule{…})
//	token, err := account.Token(t.Context(), cluster.TokenOptions{Pod: "web-1"})
//
// # A process under test
//
// [InCluster] writes a service-account directory as the kubelet lays it out, and
// [Cluster.Env] holds the variables that lead a process in a pod to the API server.
// [Cluster.Kubeconfig] is for a process on a laptop, [Cluster.WriteKubeconfig] makes
// another for any token.
//
// # What goes wrong
//
// [Cluster.StopServer], [Cluster.StartServer] and [Cluster.Restart] make an outage
// that keeps the data and the address, after which [Cluster.RestartControllers] has the
// controllers back at once; [Cluster.RotateCertificate] replaces the
// certificate authority; [Cluster.Compact] makes it forget its history; deleting what a
// token is bound to revokes the token. Package faultproxy does what happens on the way.
//
// # What was asked
//
// The audit log knows every request: [Cluster.Requests] counts them, tells refused
// from granted, and shows which watches are open.
//
// # Building
//
// The first start on a machine builds the servers, which takes minutes, and longer
// than the ten that `go test` allows a test: `go run ./up -build` builds them first.
// They are kept in test/bin until go.mod changes.
package cluster

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/podfacts/podfacts/test/cluster/internal/port"
)

// Options say how to start a cluster. The zero value is right for most tests.
type Options struct {
	Flags       []string  // more kube-apiserver flags, such as --feature-gates=…
	Controllers bool      // start kube-controller-manager and kube-scheduler, too
	Progress    io.Writer // where a build says what it does; nil means stderr

	// Prepare is called before anything starts, with the directory that the cluster is
	// going to live in, see [Cluster.Dir]. It returns more kube-apiserver flags.
	Prepare func(dir string) (flags []string, err error)
}

// A Cluster is one etcd and one kube-apiserver. Its methods may be used by several
// goroutines at once.
type Cluster struct {
	options Options
	bin     string   // directory of the executables
	dir     string   // everything that this cluster writes
	hold    *os.File // the lock that marks dir as in use
	port    int
	reserve io.Closer       // keeps the port ours while the server is down
	key     *rsa.PrivateKey // signs service account tokens
	token   string          // the admin's

	mu          sync.Mutex
	etcd        *process
	server      *process   // nil while stopped
	controllers []*process // none unless asked for
	clients     *Client    // nil until asked for, and after the certificate changed
}

// Start starts a cluster that ends with the test.
func Start(tb testing.TB) *Cluster {
	tb.Helper()
	c, err := New(tb.Context(), Options{})
	if err != nil {
		tb.Fatalf("starting a cluster: %v", err)
	}
	tb.Cleanup(func() {
		if err := c.Stop(); err != nil {
			tb.Errorf("stopping the cluster: %v", err)
		}
	})
	return c
}

// New builds what is not built yet, stops what a killed run left behind, and starts
// a cluster. It returns when the API server is ready; from then on ctx means nothing
// to it. The caller stops it.
func New(ctx context.Context, options Options) (*Cluster, error) {
	if options.Progress == nil {
		options.Progress = os.Stderr
	}
	tools := []Tool{Etcd, APIServer}
	if options.Controllers {
		tools = append(tools, ControllerManager, Scheduler)
	}
	bin, err := Build(ctx, options.Progress, tools...)
	if err != nil {
		return nil, err
	}
	dir, hold, err := newDir(ctx)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: options, bin: bin, dir: dir, hold: hold}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	var err error
	if c.reserve, c.port, err = port.Reserve(); err != nil {
		return fmt.Errorf("reserving a port: %w", err)
	}
	if err := c.writeCredentials(); err != nil {
		return err
	}
	if c.options.Prepare != nil {
		flags, err := c.options.Prepare(c.dir)
		if err != nil {
			return err
		}
		c.options.Flags = slices.Concat(c.options.Flags, flags)
	}
	if err := c.startEtcd(); err != nil {
		return err
	}
	if err := c.StartServer(ctx); err != nil {
		return err
	}
	if err := c.awaitNamespaces(ctx); err != nil || !c.options.Controllers {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.startControllers()
}

// Dir is where the cluster keeps all that it writes, the servers' logs among it. What is
// put there is removed with it, by [Cluster.Stop] or, when the run is killed, by the next
// start. That ends the processes, too, whose ids stand in NAME.pid there and that have the
// directory in their arguments.
func (c *Cluster) Dir() string { return c.dir }

// Stop ends the processes and removes what they wrote.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, p := range append(c.controllers, c.server, c.etcd) {
		if p != nil {
			errs = append(errs, p.kill())
		}
	}
	c.controllers, c.server, c.etcd, c.clients = nil, nil, nil, nil
	if c.reserve != nil {
		errs = append(errs, c.reserve.Close())
		c.reserve = nil
	}
	if c.hold != nil {
		errs = append(errs, removeDir(c.dir, c.hold))
		c.hold = nil
	}
	return errors.Join(errs...)
}

// URL is the API server's address.
func (c *Cluster) URL() string {
	return "https://" + net.JoinHostPort(loopback, strconv.Itoa(c.port))
}

// Env holds the variables that the kubelet sets for the API server's address, as
// os/exec takes them.
func (c *Cluster) Env() []string {
	return []string{"KUBERNETES_SERVICE_HOST=" + loopback, "KUBERNETES_SERVICE_PORT=" + strconv.Itoa(c.port)}
}

// CAFile names the file with the authority that signed the serving certificate.
func (c *Cluster) CAFile() string { return filepath.Join(c.dir, "ca.crt") }

// CA returns the contents of [Cluster.CAFile].
func (c *Cluster) CA() ([]byte, error) { return os.ReadFile(c.CAFile()) }

// Kubeconfig names the admin's kubeconfig.
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

// Config is the admin's client configuration, without a limit on requests. It trusts
// the authority of now, not one that [Cluster.RotateCertificate] makes later.
func (c *Cluster) Config() (*rest.Config, error) { return c.ConfigFor(c.token) }

// ConfigFor is the client configuration of whoever has this token.
func (c *Cluster) ConfigFor(token string) (*rest.Config, error) {
	ca, err := c.CA()
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host:            c.URL(),
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAData: ca},
		QPS:             -1,
	}, nil
}
