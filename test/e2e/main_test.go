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
	"syscall"
	"testing"

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
	// binary is podfacts as it is released, which is also in the image.
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
	if err := flag.Set("test.parallel", "4"); err != nil {
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
	o := suite.Options{Kubeconfig: os.Getenv("KUBECONFIG"), Logs: os.Getenv("E2E_LOGS")}
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
	o.Node.Images = []node.Image{app, {
		Name:       podfactsImage,
		Entrypoint: []string{"/podfacts"},
		User:       "65532:65532",
		Files:      map[string]node.File{"podfacts": {Source: binary}},
	}}
	return o, build(ctx)
}

// build builds podfacts as it is released.
func build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/podfacts")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building podfacts: %w\n%s", err, out)
	}
	return nil
}
