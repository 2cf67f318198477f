package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/test/cluster/node"
)

const (
	poll     = 50 * time.Millisecond
	patience = 2 * time.Minute // two cores may have many pods to start
)

// Options say where tests run.
type Options struct {
	Node       node.Options      // of the node to start
	Kubeconfig string            // leads to a cluster that is there, in place of a node; as $KUBECONFIG
	Images     map[string]string // what images of manifests are called there; others keep their names
	Tools      []cluster.Tool    // built before tests, as kubectl is: see [Suite.Command]
	Logs       string            // where failed tests leave a directory; empty means a new one
	Output     io.Writer         // for progress and the table; nil means stderr
	Hold       bool              // keep the cluster, and what failed tests made, until ^C
}

// A Suite is a cluster that tests share.
type Suite struct {
	options    Options
	bin        string     // directory of the tools
	node       *node.Node // nil on a cluster that was there
	kubeconfig string
	config     *rest.Config
	client     kubernetes.Interface
	objects    *cluster.Client
	report     report
}

// Open starts a node, or connects to the cluster of a kubeconfig. The caller runs tests
// with [Suite.Run], or closes it.
func Open(ctx context.Context, options Options) (*Suite, error) {
	if options.Output == nil {
		options.Output = os.Stderr
	}
	if options.Logs == "" {
		dir, err := os.MkdirTemp("", "suite-logs-")
		if err != nil {
			return nil, err
		}
		options.Logs = dir
	}
	s := &Suite{options: options, kubeconfig: options.Kubeconfig}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Suite) connect(ctx context.Context) (err error) {
	tools := append([]cluster.Tool{cluster.Kubectl}, s.options.Tools...)
	if s.bin, err = cluster.Build(ctx, s.options.Output, tools...); err != nil { // not in the middle of a test
		return err
	}
	if s.kubeconfig == "" {
		start := time.Now()
		o := s.options.Node
		o.Progress = s.options.Output
		if s.node, err = node.Start(ctx, o); err != nil {
			return err
		}
		s.kubeconfig = s.node.Kubeconfig()
		fmt.Fprintf(s.options.Output, "a node is ready, after %.1f s\n", time.Since(start).Seconds())
	}
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(s.kubeconfig)}
	if len(rules.Precedence) == 1 { // which must be there, as one of several need not
		rules.ExplicitPath = s.kubeconfig
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("reading the kubeconfig %s: %w", s.kubeconfig, err)
	}
	config.QPS = -1
	s.config = config
	if s.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if s.objects, err = cluster.Connect(config); err != nil {
		return err
	}
	version, err := s.client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("asking the API server: %w", err)
	}
	if s.node == nil {
		fmt.Fprintf(s.options.Output, "testing on the cluster at %s, Kubernetes %s\n", config.Host, version)
	}
	return nil
}

// Run runs the tests, prints the table and closes the suite, also when it is interrupted.
// It returns the exit code.
func (s *Suite) Run(m *testing.M) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	codes := make(chan int)
	go func() { codes <- m.Run() }()
	code := 1
	select {
	case <-signals:
	case code = <-codes:
		s.report.print(s.options.Output)
		if s.options.Hold {
			fmt.Fprintf(s.options.Output, "\nexport KUBECONFIG=%s\nuntil ^C\n", s.kubeconfig)
			<-signals
		}
	}
	if err := s.Close(); err != nil {
		fmt.Fprintln(s.options.Output, "closing:", err)
		return max(code, 1)
	}
	return code
}

// Close stops the node, if it is ours.
func (s *Suite) Close() error {
	if s.node == nil {
		return nil
	}
	return s.node.Stop()
}

// Client is the admin's.
func (s *Suite) Client() kubernetes.Interface { return s.client }

// Config is how the admin reaches the API server.
func (s *Suite) Config() *rest.Config { return rest.CopyConfig(s.config) }

// Kubeconfig is the admin's, as $KUBECONFIG takes it.
func (s *Suite) Kubeconfig() string { return s.kubeconfig }

// Node is the node that the suite started, whose parts may be stopped. On a cluster that
// was there the test is left out.
func (s *Suite) Node(t testing.TB) *node.Node {
	t.Helper()
	if s.node == nil {
		s.report.leftOut(t.Name())
		t.Skip("stops parts of a cluster, and so takes one of its own: run it without KUBECONFIG")
	}
	return s.node
}

// Command is exec.CommandContext for a tool of [Options.Tools], or kubectl, as the admin.
func (s *Suite) Command(ctx context.Context, tool cluster.Tool, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, tool.String()), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig)
	return cmd
}

// Kubectl runs kubectl as the admin and returns what it prints, without space around it.
func (s *Suite) Kubectl(ctx context.Context, args ...string) (string, error) {
	out, err := s.Command(ctx, cluster.Kubectl, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
