// Command release makes everything that a release of podfacts consists of, and needs nothing
// but Go and git:
//
//	go run ./cmd/release            # the version that HEAD is tagged with
//	go run ./cmd/release -snapshot  # what is here, to try it
//
// It writes archives of the binary for each platform, the container image as an OCI layout
// and as archives for `docker load`, the Helm charts, a bill of materials, a manifest for
// Krew, the notes of the release and checksums.txt to dist/, all of it or nothing. The same
// commit is always the same bytes, given the same version of Go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program. It returns the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	r := release{progress: stdout}
	var platforms string
	var snapshot bool
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&r.root, "root", ".", "`directory` of the repository")
	flags.StringVar(&r.out, "out", "dist", "`directory` to write; a release that is there is replaced")
	flags.StringVar(&platforms, "platforms", strings.Join(allPlatforms(), ","), "`os/architecture` of the binaries, several separated by commas")
	flags.StringVar(&r.repository, "image", "podfacts/podfacts", "`name` of the image, without a tag")
	flags.BoolVar(&snapshot, "snapshot", false, "release what is here, tagged or not, changed or not")
	flags.Float64Var(&r.maxSize, "max-size", 16, "how many `MB` the image may have unpacked; 0 means any number")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "release: takes no arguments, but got %q; see -help\n", flags.Arg(0))
		return 2
	}
	var err error
	if r.platforms, err = parsePlatforms(platforms); err != nil {
		fmt.Fprintf(stderr, "release: -platforms: %v\n", err)
		return 2
	}
	tree := git{r.root, getenv}
	if r.revision, err = tree.revision(ctx, snapshot); err == nil {
		err = r.make(ctx)
	}
	if err != nil {
		fmt.Fprintf(stderr, "release: %v\n", err)
		return 1
	}
	return 0
}
