package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/watch"
)

func (p *program) renderCommand() *cobra.Command {
	var o outputFlags
	var dry dryFlags
	var access accessFlags
	var out, against string
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Render the outputs without touching their files",
		Long: `render writes the outputs to standard output, or with --out below a directory,
or with --diff compares them with the files below a directory.

With --pod the facts come from a manifest (Pod, Deployment, StatefulSet,
DaemonSet, Job, CronJob): its volumes and variables are projected as the kubelet
would do it, and dumped objects stand in for the cluster. What only a running
pod has can be given by --set. Without -c and other output flags, those of the
podfacts container in the manifest count, with files out of its ConfigMaps.
Without --pod the facts are those of the container that podfacts runs in.`,
		Example: `  podfacts render --pod deploy.yaml
  podfacts render -c podfacts.yaml --pod deploy.yaml
  podfacts render -c podfacts.yaml --pod deploy.yaml --objects dump/ --set pod.ip=10.0.0.7
  podfacts render -c podfacts.yaml --pod deploy.yaml --diff golden/`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out != "" && against != "" {
				return errors.New("--out and --diff exclude each other")
			}
			world, c, err := p.loadDry(cmd, &dry, &access, &o)
			if err != nil {
				return err
			}
			sources, err := world.sources(cmd.Context(), p, c, &access, needsOf(c))
			if err != nil {
				return err
			}
			files, err := rendered(cmd.Context(), c.Outputs, sources, p)
			if err != nil {
				return failed(err)
			}
			switch {
			case out != "":
				return failed(writeBelow(cmd.Context(), out, files))
			case against != "":
				return compare(p.stdout, against, files)
			}
			return failed(printFiles(p.stdout, files))
		},
	}
	p.registerFacts(cmd.Flags())
	o.register(cmd.Flags())
	dry.register(cmd.Flags())
	dry.registerNamespace(cmd.Flags())
	access.register(cmd.Flags())
	cmd.Flags().StringVar(&out, "out", "", "write the outputs below this `directory`")
	cmd.Flags().StringVar(&against, "diff", "", "compare the outputs with the files below this `directory`; exit 3 where they differ")
	p.forPods(cmd, &dry, &access, false, `  podfacts render -n shop web-0
  podfacts render -n shop deploy/web -c podfacts.yaml
  podfacts render --pod deploy.yaml --diff golden/`)
	return cmd
}

// renderedFile is an output's target and content.
type renderedFile struct {
	publish.File
	content []byte
}

// rendered collects once and renders everything, or says all that is wrong.
func rendered(ctx context.Context, outputs []agent.Output, sources []watch.Source, p *program) ([]renderedFile, error) {
	snapshot, err := watch.Collect(ctx, sources...)
	for _, e := range watch.Errors(err) {
		p.log().Warn("source failed", "error", e)
	}
	var errs []error
	var files []renderedFile
	for _, o := range outputs {
		var b bytes.Buffer
		for _, e := range watch.Errors(o.Renderer.Render(ctx, &b, snapshot)) {
			errs = append(errs, fmt.Errorf("%s: %w", o.File.Path, e))
		}
		for _, e := range o.Skipped(snapshot) {
			p.log().Warn("variable left out", "error", e)
		}
		files = append(files, renderedFile{o.File, b.Bytes()})
	}
	if len(errs) > 0 && knowsNothing(snapshot) {
		errs = append(errs, nothingKnown(snapshot))
	}
	return files, watch.Join(errs...)
}

// printFiles writes one file as it is, and several under headings as head(1)
// and tail(1) do.
func printFiles(w io.Writer, files []renderedFile) error {
	for i, f := range files {
		if len(files) > 1 {
			gap := "\n"
			if i == 0 {
				gap = ""
			}
			if _, err := fmt.Fprintf(w, "%s==> %s <==\n", gap, f.Path); err != nil {
				return err
			}
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return nil
}

// below is where an output's file lies under a directory that stands for the
// root: its whole path, so that no two outputs meet.
func below(dir, path string) string {
	return filepath.Join(dir, filepath.Join(string(filepath.Separator), path))
}

func writeBelow(ctx context.Context, dir string, files []renderedFile) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		target := publish.File{Path: below(dir, f.Path), Mode: f.Mode, MakeDirs: true}
		if _, err := target.Publish(ctx, f.content); err != nil {
			errs = append(errs, err)
		}
	}
	return watch.Join(errs...)
}

// compare prints a unified diff from the files below dir to the outputs.
func compare(w io.Writer, dir string, files []renderedFile) error {
	var errs []error
	differs := false
	for _, f := range files {
		name := below(dir, f.Path)
		have, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		if d := diff.Diff(name, have, f.Path, f.content); len(d) > 0 || err != nil {
			differs = true
			if err != nil {
				fmt.Fprintf(w, "%s does not exist\n", name)
			}
			if _, err := w.Write(d); err != nil {
				return failed(err)
			}
		}
	}
	if err := watch.Join(errs...); err != nil {
		return failed(err)
	}
	if differs {
		return errDifference
	}
	return nil
}
