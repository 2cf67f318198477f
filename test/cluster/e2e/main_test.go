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
	if err := flag.Set("test.parallel", "32"); err != nil { // they wait more than they compute
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
	// Of one kind, which no other test asks for, history is etcd's alone.
	if shared, err = cluster.New(ctx, cluster.Options{Flags: []string{"--watch-cache-sizes=limitranges#0"}}); err != nil {
		return fail(err)
	}
	defer func() {
		if err := shared.Stop(); err != nil {
			code = fail(err)
		}
	}()
	return m.Run()
}

// patience outlasts the two longest pauses between tries of a process under test, half a
// minute each, on a machine that is busy.
const patience = 2 * time.Minute

// eventually waits until check succeeds.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	within(t, patience, what, check)
}

// within waits until check succeeds, as long as a bound allows.
func within(t *testing.T, bound time.Duration, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(bound)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) || t.Context().Err() != nil {
			t.Fatalf("%s, within %s: %v", what, bound, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
