package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// platform is what a binary runs on, as Go names it.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// file is the name of a program there.
func (p platform) file(name string) string {
	if p.os == "windows" {
		return name + ".exe"
	}
	return name
}

func allPlatforms() []string {
	return []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}
}

func parsePlatforms(list string) ([]platform, error) {
	var platforms []platform
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(allPlatforms(), name) {
			return nil, fmt.Errorf("%q is none of %s", name, strings.Join(allPlatforms(), ", "))
		}
		os, arch, _ := strings.Cut(name, "/")
		if p := (platform{os, arch}); !slices.Contains(platforms, p) {
			platforms = append(platforms, p)
		}
	}
	return platforms, nil
}

func here() platform { return platform{runtime.GOOS, runtime.GOARCH} }

// build compiles podfacts for a platform. What the machine that builds is like has no part
// in it: no path, no C library, no setting of Go's, no state of a repository. The
// Dockerfile builds with the same flags.
func (r *release) build(ctx context.Context, p platform, target string) error {
	target, err := filepath.Abs(target)
	if err != nil {
		return err
	}
	cmd := r.goCommand(ctx, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+r.version, "-o", target, "./cmd/podfacts")
	cmd.Env = append(cmd.Env, "GOOS="+p.os, "GOARCH="+p.arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building for %s: %w\n%s", p, err, bytes.TrimSpace(out))
	}
	return nil
}

func (r *release) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off", "GOAMD64=v1", "GOARM64=v8.0")
	return cmd
}
