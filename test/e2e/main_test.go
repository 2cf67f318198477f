package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/podfacts/podfacts/cmd/release/image"
	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/test/cluster/node"
	"github.com/podfacts/podfacts/test/cluster/suite"
)

// What the examples name.
const (
	podfactsImage = "podfacts/podfacts:latest"
	appImage      = "busybox:1.37"
)

var (
	// shared is for all scenarios.
	shared *suite.Suite
	// binary is podfacts as it is released, out of the archive.
	binary string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv(helperNode) != "" {
		return ownNode()
	}
	hold := flag.Bool("hold", false, "keep the cluster, and what failed tests made, until ^C")
	flag.Parse()
	// Scenarios wait more than they compute.
	if err := flag.Set("test.parallel", "6"); err != nil {
		return fail(err)
	}
	// ^C ends the start; what is interrupted later, Run closes.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "podfacts-e2e-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "podfacts")
	options, err := options(ctx)
	if err != nil {
		return fail(err)
	}
	options.Hold = *hold
	if shared, err = suite.Open(ctx, options); err != nil {
		return fail(err)
	}
	stop()
	return shared.Run(m)
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

func options(ctx context.Context) (suite.Options, error) {
	o := suite.Options{
		Kubeconfig: os.Getenv("KUBECONFIG"),
		Logs:       os.Getenv("E2E_LOGS"),
		Tools:      []cluster.Tool{cluster.Helm, cluster.Helm3},
	}
	if o.Kubeconfig != "" {
		image := os.Getenv("E2E_IMAGE")
		if image == "" {
			return o, errors.New("with KUBECONFIG, E2E_IMAGE names podfacts' image as that cluster knows it; unset KUBECONFIG for a node of our own")
		}
		o.Images = map[string]string{podfactsImage: image}
		if image := os.Getenv("E2E_APP_IMAGE"); image != "" {
			o.Images[appImage] = image
		}
		return o, build(ctx)
	}
	app, err := node.Busybox(appImage)
	if err := node.Check(err); err != nil {
		return o, err
	}
	o.Node.Images = []image.Image{app}
	if err := build(ctx); err != nil {
		return o, err
	}
	// Both have the same names: the layout, which comes last, is what pods run.
	for _, pattern := range []string{"*.docker.tar", "*.oci.tar"} {
		archives, err := filepath.Glob(filepath.Join(filepath.Dir(binary), "dist", pattern))
		if err != nil || len(archives) != 1 {
			return o, fmt.Errorf("the release has not one %s, but %q", pattern, archives)
		}
		o.Node.Archives = append(o.Node.Archives, archives...)
	}
	return o, nil
}

// build makes a release and unpacks the binary for this machine.
func build(ctx context.Context) error {
	dir := filepath.Dir(binary)
	dist := filepath.Join(dir, "dist")
	here := runtime.GOOS + "/" + runtime.GOARCH
	script := `go run ./cmd/release -snapshot -platforms "$1" -out "$2" && tar -xzf "$2"/*"$3" -C "$4" podfacts`
	cmd := exec.CommandContext(ctx, "sh", "-c", script, "sh",
		"linux/"+runtime.GOARCH+","+here, dist, strings.ReplaceAll(here, "/", "_")+".tar.gz", dir)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making a release: %w\n%s", err, out)
	}
	return nil
}
