package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

const checksums = "checksums.txt"

// replaceable reports whether a directory may be replaced: if there is none, or nothing in
// it, or a release.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) == 0:
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, checksums)); err != nil {
		return fmt.Errorf("%s holds something that is no release; remove it, or choose another directory with -out", dir)
	}
	return nil
}

// replace puts a directory in the place of another. Whatever goes wrong, one of them is
// there, and whole; if out is not, then beside it.
func replace(made, out string) error {
	if err := os.Chmod(made, 0o755); err != nil { // MkdirTemp keeps it from others
		return err
	}
	old := made + ".old"
	err := os.Rename(out, old)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Rename(made, out)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(made, out); err != nil {
		return errors.Join(err, os.Rename(old, out))
	}
	return os.RemoveAll(old)
}

// writeChecksums writes what `sha256sum -c` reads, for the files that are downloaded.
func (r *release) writeChecksums(context.Context) error {
	var b strings.Builder
	err := r.files(func(name string, _ int64) error {
		sum, err := sum(filepath.Join(r.dir, name))
		fmt.Fprintf(&b, "%s  %s\n", sum, name)
		return err
	})
	return errors.Join(err, r.write(checksums, []byte(b.String())))
}

// files calls a function with each file that is downloaded, by name.
func (r *release) files(visit func(name string, size int64) error) error {
	entries, err := os.ReadDir(r.dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "podfacts") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if err := visit(e.Name(), info.Size()); err != nil {
			return err
		}
	}
	return err
}

// table closes what was said.
func (r *release) table() error {
	r.dir = r.out
	t := tabwriter.NewWriter(r.progress, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n%s\tSIZE\tSHA256\n", filepath.Join(r.out, ""))
	err := r.files(func(name string, size int64) error {
		sum, err := sum(filepath.Join(r.dir, name))
		fmt.Fprintf(t, "  %s\t%s\t%s\n", name, human(size), sum)
		return err
	})
	for _, name := range []string{checksums, "release-notes.md", "krew/podfacts.yaml"} {
		fmt.Fprintf(t, "  %s\n", name)
	}
	return errors.Join(err, t.Flush())
}

// human is a size as people read it, in powers of ten.
func human(size int64) string {
	if size < megabyte {
		return fmt.Sprintf("%.1f kB", float64(size)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(size)/megabyte)
}

// output runs a program and returns what it prints.
func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{} // nothing of PODFACTS_
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", filepath.Base(program), strings.Join(args, " "), err)
	}
	return out, nil
}
