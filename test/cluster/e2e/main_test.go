package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
)

var (
	// shared is for tests that keep to namespaces of their own and leave the server
	// alone.
	shared *cluster.Cluster
	// binary is podfacts as it is released.
	binary string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	ctx := context.Background()
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil { // they wait more than they compute
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "podfacts-e2e-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "podfacts")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/podfacts")
	build.Dir = filepath.Join("..", "..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fail(fmt.Errorf("building podfacts: %w\n%s", err, bytes.TrimSpace(out)))
	}
	if shared, err = cluster.New(ctx, cluster.Options{}); err != nil {
		return fail(err)
	}
	defer func() {
		if err := shared.Stop(); err != nil {
			code = fail(err)
		}
	}()
	return m.Run()
}

// eventually waits until check succeeds. Its patience outlasts the longest pause between
// two tries of a process under test, half a minute.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	const patience = 45 * time.Second
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) || t.Context().Err() != nil {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
