// Up starts a control plane to try things with, says how to reach it, and ends it on
// ^C. With -build it only builds the servers, which takes minutes the first time, with
// -node too what a node is made of, and with -helm Helm.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	build := flag.Bool("build", false, "build the servers and kubectl, and start nothing")
	node := flag.Bool("node", false, "with -build: build what a node is made of, too")
	helm := flag.Bool("helm", false, "with -build: build Helm, too")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go run ./up [-build [-node] [-helm]] [manifest or directory …]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(ctx, *build, *node, *helm, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "up:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, build, node, helm bool, manifests []string) error {
	tools := []cluster.Tool{cluster.Etcd, cluster.APIServer, cluster.Kubectl}
	if node {
		tools = append(tools, cluster.ControllerManager, cluster.Scheduler,
			cluster.Kubelet, cluster.Containerd, cluster.ContainerdShim, cluster.Ctr)
	}
	if helm {
		tools = append(tools, cluster.Helm, cluster.Helm3)
	}
	dir, err := cluster.Build(ctx, os.Stderr, tools...)
	if err != nil || build {
		return err
	}
	start := time.Now()
	c, err := cluster.New(ctx, cluster.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if err := c.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "up:", err)
		}
	}()
	fmt.Fprintf(os.Stderr, "ready after %.1f s, until ^C\n", time.Since(start).Seconds())
	if _, err := c.Apply(ctx, manifests...); err != nil {
		return err
	}
	fmt.Printf("export KUBECONFIG=%s\nexport PATH=$PATH:%s\n", c.Kubeconfig(), dir)
	<-ctx.Done()
	return nil
}
