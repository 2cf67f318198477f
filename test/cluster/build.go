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
	"path/filepath"
	"strings"
	"time"
)

const modulePath = "github.com/podfacts/podfacts/test/cluster"

// Build builds those tools that are missing or older than their go.mod says, and returns
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
	builders := map[string]*builder{}
	for _, tool := range tools {
		origin := tool.origin()
		b := builders[origin.main]
		if b == nil {
			b = &builder{origin: origin, module: filepath.Join(module, origin.dir), dir: dir, progress: progress}
			if err := b.describe(ctx); err != nil {
				return "", err
			}
			builders[origin.main] = b
		}
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
	origin      origin
	module, dir string
	progress    io.Writer
	version     string // of the origin's main module, as in v1.36.3
	inputs      []byte // what decides about the executables, tool and flags apart
}

func (b *builder) describe(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", b.origin.main)
	cmd.Dir = b.module
	var err error
	if b.version, err = output(cmd); err != nil {
		return fmt.Errorf("finding the version of %s: %w", b.origin.main, err)
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
		args   = append(append([]string{"build", "-trimpath"}, b.origin.flags(b.version)...), "-o")
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

	fmt.Fprintf(b.progress, "building %s %s (%s the first time)\n", tool, b.about(tool), tool.takes())
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

func (b *builder) about(tool Tool) string {
	if tool == Etcd {
		return "for Kubernetes " + b.version
	}
	return b.version
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
