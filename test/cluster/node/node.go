package node

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/podfacts/podfacts/cmd/release/image"
	"github.com/podfacts/podfacts/test/cluster"
)

const (
	// Name is the node's.
	Name = "n0"

	apiServerIP = "10.0.0.1" // the first of cluster's range for Services
	nodeIP      = "10.0.1.1"
	podNetwork  = "10.0.2.0/24"
	kubeletPort = "10250"

	pauseImage = "localhost/pause:test"

	readyTimeout = 2 * time.Minute // ten seconds are normal; two cores may be building
	stopGrace    = 10 * time.Second
	poll         = 50 * time.Millisecond
)

// Options say how to start a node. The zero value is a node without images to run.
type Options struct {
	Images   []image.Image     // loaded before it is ready
	Archives []string          // files with images, imported before it is ready: see [Node.Import]
	Labels   map[string]string // of the node; nil means region r1 and zone zone-a
	Flags    []string          // more kube-apiserver flags, such as --feature-gates=…
	Progress io.Writer         // where a build says what it does; nil means stderr
}

// A Node is a whole cluster with one node. Its methods may be used by several goroutines
// at once.
type Node struct {
	*cluster.Cluster
	options Options
	bin     string // directory of the executables
	dir     string // everything that the node writes
	machine *machine
	client  kubernetes.Interface

	mu sync.Mutex // held while the kubelet stops or starts
}

// Start builds what is not built yet, removes what a killed run left behind, and starts a
// control plane and a node. It returns when pods can run. The caller stops it.
func Start(ctx context.Context, options Options) (*Node, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	if options.Progress == nil {
		options.Progress = os.Stderr
	}
	if options.Labels == nil {
		options.Labels = map[string]string{"topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": "zone-a"}
	}
	bin, err := cluster.Build(ctx, options.Progress, cluster.Kubelet, cluster.Containerd, cluster.ContainerdShim, cluster.Ctr)
	if err != nil {
		return nil, err
	}
	n := &Node{options: options, bin: bin}
	n.Cluster, err = cluster.New(ctx, cluster.Options{
		Flags:       options.Flags,
		Controllers: true,
		Progress:    options.Progress,
		Prepare:     n.prepare,
	})
	if err == nil {
		err = n.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	return n, nil
}

// prepare makes what the API server wants to be there.
func (n *Node) prepare(dir string) (flags []string, err error) {
	n.dir = filepath.Join(dir, "node")
	if err := os.Mkdir(n.dir, 0o700); err != nil {
		return nil, err
	}
	n.machine, err = newMachine(n.dir, netip.MustParseAddr(apiServerIP), netip.MustParseAddr(nodeIP))
	if err != nil {
		return nil, err
	}
	if err := n.configure(); err != nil {
		return nil, err
	}
	return []string{
		"--egress-selector-config-file=" + filepath.Join(n.dir, "egress.yaml"),
		"--kubelet-preferred-address-types=InternalIP",
	}, nil
}

//go:embed config
var configs embed.FS

// configure writes the files in config, filled in.
func (n *Node) configure() error {
	plugins, err := plugins()
	if err != nil {
		return err
	}
	templates, err := template.ParseFS(configs, "config/*")
	if err != nil {
		return err
	}
	for name, target := range map[string]string{
		"egress.yaml":     "egress.yaml",
		"containerd.toml": "containerd.toml",
		"kubelet.yaml":    "kubelet.yaml",
		"cni.conflist":    "cni/pods.conflist",
	} {
		target = filepath.Join(n.dir, target)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		f, err := os.Create(target)
		if err != nil {
			return err
		}
		err = templates.ExecuteTemplate(f, name, map[string]string{
			"Dir": n.dir, "Plugins": plugins, "Cgroup": n.machine.cgroup,
			"IP": nodeIP, "Pods": podNetwork, "Pause": pauseImage,
		})
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) start(ctx context.Context) error {
	config, err := n.Config()
	if err != nil {
		return err
	}
	if n.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	server, err := url.Parse(n.URL())
	if err != nil {
		return err
	}
	// For pods, and for the kubelet, which has the same kubeconfig as everybody.
	for _, address := range []string{net.JoinHostPort(apiServerIP, "443"), server.Host} {
		if err := n.machine.forward(address, server.Host); err != nil {
			return err
		}
	}
	pid1, err := n.compile(ctx, "pid1")
	if err != nil {
		return err
	}
	pause, err := n.compile(ctx, "pause")
	if err != nil {
		return err
	}
	if err := n.machine.boot(pid1, filepath.Join(n.Dir(), "node.pid")); err != nil {
		return fmt.Errorf("starting the first process: %w", err)
	}
	if err := n.startContainerd(ctx); err != nil {
		return err
	}
	images := append([]image.Image{{
		Names:      []string{pauseImage},
		Entrypoint: []string{"/pause"},
		User:       "65535:65535",
		Files:      map[string]image.File{"pause": {Source: pause}},
	}}, n.options.Images...)
	if err := n.Load(ctx, images...); err != nil {
		return err
	}
	for _, archive := range n.options.Archives {
		if err := n.Import(ctx, archive); err != nil {
			return err
		}
	}
	return n.StartKubelet(ctx)
}

// compile builds a program of ours, without a word: it is a matter of a second.
func (n *Node) compile(ctx context.Context, name string) (string, error) {
	target := filepath.Join(n.dir, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", target,
		"github.com/podfacts/podfacts/test/cluster/node/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return target, nil
}

// labels is how the kubelet takes them.
func (n *Node) labels() string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(n.options.Labels)) {
		pairs = append(pairs, key+"="+n.options.Labels[key])
	}
	return strings.Join(pairs, ",")
}

// Client is the admin's.
func (n *Node) Client() kubernetes.Interface { return n.client }

// DialContext connects to an address in the node's network, a pod's or the kubelet's, by
// TCP. It is what an http.Transport dials with.
func (n *Node) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	return n.machine.dial(ctx, address)
}

// Stop ends the node and the control plane, with everything that runs there, and removes
// what they wrote.
func (n *Node) Stop() error {
	var errs []error
	if n.machine != nil {
		errs = append(errs, n.machine.close())
	}
	if n.Cluster != nil {
		errs = append(errs, n.Cluster.Stop())
	}
	return errors.Join(errs...)
}
