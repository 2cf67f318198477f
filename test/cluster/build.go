package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

const modulePath = "github.com/podfacts/podfacts/test/cluster"

// A Tool is a program that go.mod names as a tool, by its package.
type Tool string

// The tools that clusters are made of.
const (
	Etcd      Tool = "go.etcd.io/etcd/server/v3"
	APIServer Tool = "k8s.io/kubernetes/cmd/kube-apiserver"
	Kubectl   Tool = "k8s.io/kubernetes/cmd/kubectl"
)

// String is the name of the executable.
func (t Tool) String() string {
	if t == Etcd {
		return "etcd"
	}
	return path.Base(string(t))
}

// about says how long a build takes on two cores with nothing cached.
func (t Tool) about() string {
	switch t {
	case Etcd:
		return "about 2 minutes"
	case APIServer:
		return "about 6 minutes"
	default:
		return "about a minute"
	}
}

// Build builds those tools that are missing or older than go.mod says, and returns
// the directory that holds them. Of several processes one builds while the others
// wait. Each build is announced on progress.
func Build(ctx context.Context, progress io.Writer, tools ...Tool) (dir string, err error) {
	module, err := moduleDir(ctx)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(module, "..", "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	b := &builder{module: module, dir: dir, progress: progress}
	if err := b.describe(ctx); err != nil {
		return "", err
	}
	for _, tool := range tools {
		if err := b.ensure(ctx, tool); err != nil {
			return "", fmt.Errorf("building %s: %w", tool, err)
		}
	}
	return dir, nil
}

// moduleDir finds this module from any package of it, or of a module that requires it.
func moduleDir(ctx context.Context) (string, error) {
	out, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", modulePath))
	if err != nil {
		return "", fmt.Errorf("finding the source of %s (run this inside that module): %w", modulePath, err)
	}
	return out, nil
}

type builder struct {
	module, dir string
	progress    io.Writer
	kubernetes  string // version, as in v1.36.3
	inputs      []byte // what decides about the executables, tool and flags apart
}

func (b *builder) describe(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
	cmd.Dir = b.module
	var err error
	if b.kubernetes, err = output(cmd); err != nil {
		return fmt.Errorf("finding the version of Kubernetes: %w", err)
	}
	cmd = exec.CommandContext(ctx, "go", "version")
	cmd.Dir = b.module
	compiler, err := output(cmd)
	if err != nil {
		return err
	}
	b.inputs = append(b.inputs, compiler...)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(b.module, name))
		if err != nil {
			return err
		}
		b.inputs = append(b.inputs, text...)
	}
	return nil
}

// ensure builds a tool unless the stamp beside it says that it is the right one.
func (b *builder) ensure(ctx context.Context, tool Tool) error {
	var (
		target = filepath.Join(b.dir, tool.String())
		args   = []string{"build", "-trimpath", "-ldflags", b.ldflags(), "-o"}
		stamp  = fmt.Sprintf("%x\n", sha256.Sum256(fmt.Append(b.inputs, tool, args)))
	)
	if built(target, stamp) {
		return nil
	}
	lock, err := lockFile(ctx, filepath.Join(b.dir, ".lock"), func() {
		fmt.Fprintf(b.progress, "waiting for another process that builds %s or its like\n", tool)
	})
	if err != nil {
		return err
	}
	defer lock.Close()
	if built(target, stamp) {
		return nil // while we waited
	}

	fmt.Fprintf(b.progress, "building %s %s (%s the first time)\n", tool, b.version(tool), tool.about())
	start := time.Now()
	// Not in place: a running cluster keeps the executable that it started with.
	scratch, err := b.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	built := filepath.Join(scratch, tool.String())
	// Nice, since this occupies a machine for minutes.
	cmd := exec.CommandContext(ctx, "nice", append(append([]string{"-n", "10", "go"}, args...), built, string(tool))...)
	cmd.Dir = b.module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go ends its compilers
	cmd.WaitDelay = 10 * time.Second
	if _, err := output(cmd); err != nil {
		return err
	}
	if err := os.Rename(built, target); err != nil {
		return err
	}
	if err := os.WriteFile(target+".stamp", []byte(stamp), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(b.progress, "built %s in %.0f s\n", tool, time.Since(start).Seconds())
	return nil
}

// scratch makes a directory to build in, and removes what killed builds left. It wants
// the lock.
func (b *builder) scratch() (string, error) {
	left, err := filepath.Glob(filepath.Join(b.dir, ".build-*"))
	if err != nil {
		return "", err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(b.dir, ".build-")
}

// ldflags stamp the version, which the API server reports at /version and compares
// features with. From outside its tree it would be v0.0.0-master.
func (b *builder) ldflags() string {
	const version = "k8s.io/component-base/version."
	parts := strings.SplitN(strings.TrimPrefix(b.kubernetes, "v"), ".", 3)
	return fmt.Sprintf("-s -w -X %sgitVersion=%s -X %[1]sgitMajor=%[3]s -X %[1]sgitMinor=%[4]s",
		version, b.kubernetes, parts[0], parts[1])
}

func (b *builder) version(tool Tool) string {
	if tool == Etcd {
		return "for Kubernetes " + b.kubernetes
	}
	return b.kubernetes
}

func built(target, stamp string) bool {
	text, err := os.ReadFile(target + ".stamp")
	if err != nil || string(text) != stamp {
		return false
	}
	info, err := os.Stat(target)
	return err == nil && info.Mode().IsRegular()
}

// output runs a command and returns what it prints, without space around it. Its error
// holds what the command says on stderr.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(exit.Stderr))
	}
	return string(bytes.TrimSpace(out)), err
}
