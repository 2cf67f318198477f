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
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/podfacts/podfacts/agent/inject"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/watch"
)

// injection is what inject was asked for.
type injection struct {
	files    []string
	image    string
	mode     string
	settings string
	write    bool
	diff     bool
	policy   bool
}

func (p *program) injectCommand() *cobra.Command {
	var i injection
	cmd := &cobra.Command{
		Use:   "inject -f FILE",
		Short: "Add podfacts to the pods of manifests",
		Long: `inject adds podfacts to every pod and workload of a manifest that has the label
podfacts.dev/inject on the pod or its template: init writes files once, sidecar
(Kubernetes 1.29 and later) keeps them current, none says no. The same label on
a Namespace among the manifests is for all its pods, and --mode is for those
whose namespace is not among them.

A pod gets a container podfacts before its other init containers, a volume that
tells podfacts about the pod, and the output directory in every container.
Annotations of the pod say more (and without them):

` + annotationTable() + `
YAML and JSON are changed where they stand: comments, order and everything else
stay. What has been injected stays as it is, so that twice is once. --policy
prints what does the same to pods at admission, for Kubernetes 1.36 and later,
with nothing that must run.`,
		Example: `  podfacts inject -f deploy.yaml | kubectl apply -f -
  kustomize build . | podfacts inject -f - --mode sidecar
  podfacts inject -f manifests/ --write
  podfacts inject --policy --image registry.example.com/podfacts:v1.2.3 | kubectl apply -f -`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := i.check(); err != nil {
				return err
			}
			settings, err := i.load()
			if err != nil {
				return err
			}
			if i.policy {
				_, err := p.stdout.Write(settings.Policies())
				return failed(err)
			}
			return p.inject(cmd.Context(), &i, settings)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&i.files, "filename", "f", nil, "manifest `file` or directory, repeatable; - is standard input")
	flags.StringVar(&i.mode, "mode", "", "`init` or sidecar, for pods without the label whose namespace is not among the manifests")
	flags.StringVar(&i.image, "image", "", "`image` of podfacts (default: "+inject.Default().Image+")")
	flags.StringVar(&i.settings, "settings", "", "YAML `file` with what pods get that do not say otherwise, as injection in the chart's values")
	flags.BoolVarP(&i.write, "write", "w", false, "write the files in place of printing them")
	flags.BoolVar(&i.diff, "diff", false, "print what would change; exit 3 if anything would")
	flags.BoolVar(&i.policy, "policy", false, "print admission policies that do the same in the cluster")
	_ = cmd.RegisterFlagCompletionFunc("mode", cobra.FixedCompletions([]cobra.Completion{"init", "sidecar"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func annotationTable() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, a := range inject.Annotations() {
		fmt.Fprintf(t, "  %s\t%s\n", a.Name, a.Doc)
	}
	_ = t.Flush() // a builder takes everything
	return b.String()
}

// check reports flags that do not go together.
func (i *injection) check() error {
	switch {
	case i.policy && (len(i.files) > 0 || i.mode != "" || i.write || i.diff):
		return errors.New("--policy is for the cluster, and goes only with --image and --settings")
	case !i.policy && len(i.files) == 0:
		return errors.New("nothing to inject into; name a manifest with -f FILE, or - for standard input")
	case i.write && i.diff:
		return errors.New("--write and --diff exclude each other")
	case i.write && slices.Contains(i.files, "-"):
		return errors.New("--write cannot write to standard input; leave --write out")
	case !slices.Contains([]string{"", "init", "sidecar"}, i.mode):
		return fmt.Errorf("--mode is %q, but must be init or sidecar", i.mode)
	}
	return nil
}

func (i *injection) load() (inject.Settings, error) {
	settings := inject.Default()
	if i.settings != "" {
		data, err := os.ReadFile(i.settings)
		if err != nil {
			return settings, fmt.Errorf("--settings: %w", err)
		}
		if settings, err = inject.ParseSettings(settings, i.settings, data); err != nil {
			return settings, err
		}
	}
	if i.image != "" {
		settings.Image = i.image
	}
	if err := settings.Validate(); err != nil {
		return settings, fmt.Errorf("--image: %w", err)
	}
	return settings, nil
}

func (p *program) inject(ctx context.Context, i *injection, settings inject.Settings) error {
	files, err := p.manifests(i.files)
	if err != nil {
		return err
	}
	result, err := inject.Injector{Settings: settings, Mode: i.mode}.Files(files)
	if err != nil {
		return err
	}
	log := p.log()
	for _, name := range result.Injected {
		log.Debug("injected", "object", name)
	}
	for _, name := range result.Already {
		log.Debug("injected before", "object", name)
	}
	if len(result.Injected)+len(result.Already) == 0 {
		log.Warn("nothing was injected", "reason", "no pod has the label podfacts.dev/inject; add it, or use --mode")
	}
	switch {
	case i.diff:
		return p.printDiff(files, result.Texts)
	case i.write:
		return failed(rewrite(ctx, files, result.Texts))
	}
	return failed(printManifests(p.stdout, files, result.Texts))
}

// manifests reads what -f names.
func (p *program) manifests(names []string) (files []inject.File, err error) {
	var errs []error
	read := func(name string) {
		data, err := os.ReadFile(name)
		if err != nil {
			errs = append(errs, err)
			return
		}
		files = append(files, inject.File{Name: name, Text: data})
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			errs = append(errs, fmt.Errorf("-f %s is given twice; leave one out", name))
			continue
		}
		seen[name] = true
		info, err := os.Stat(name)
		switch {
		case name == "-":
			data, err := io.ReadAll(p.stdin)
			errs = append(errs, err)
			files = append(files, inject.File{Name: "stdin", Text: data})
		case err != nil:
			errs = append(errs, err)
		case info.IsDir():
			found, err := manifestsBelow(name)
			errs = append(errs, err)
			if err == nil && len(found) == 0 {
				errs = append(errs, fmt.Errorf("-f %s: no file below it ends in .yaml, .yml or .json", name))
			}
			for _, name := range found {
				read(name)
			}
		default:
			read(name)
		}
	}
	return files, watch.Join(errs...)
}

func manifestsBelow(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// printManifests writes one stream of documents.
func printManifests(w io.Writer, files []inject.File, texts [][]byte) error {
	var b bytes.Buffer
	for n, text := range texts {
		if n > 0 && !startsDocument(text) {
			b.WriteString("---\n")
		}
		b.Write(text)
		if n < len(texts)-1 && len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
			b.WriteString("\n")
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// startsDocument reports whether a text begins with the mark of a document,
// after comments at most.
func startsDocument(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return bytes.HasPrefix(line, []byte("---"))
		}
	}
	return false
}

func (p *program) printDiff(files []inject.File, texts [][]byte) error {
	differs := false
	for n, f := range files {
		if d := diff.Diff(f.Name, f.Text, f.Name+" (injected)", texts[n]); len(d) > 0 {
			differs = true
			if _, err := p.stdout.Write(d); err != nil {
				return failed(err)
			}
		}
	}
	if differs {
		return errDifference
	}
	return nil
}

// rewrite replaces files that have changed.
func rewrite(ctx context.Context, files []inject.File, texts [][]byte) error {
	var errs []error
	for n, f := range files {
		if !bytes.Equal(f.Text, texts[n]) {
			info, err := os.Stat(f.Name)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			_, err = (publish.File{Path: f.Name, Mode: info.Mode().Perm()}).Publish(ctx, texts[n])
			errs = append(errs, err)
		}
	}
	return watch.Join(errs...)
}
