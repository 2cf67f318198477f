package release

import (
	"bytes"
	goversion "go/version"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// stages reads the Dockerfile as BuildKit does: the one that builds, and the image.
func stages(t *testing.T) (build, final instructions.Stage) {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range file.Warnings {
		t.Errorf("Dockerfile: %s", w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, message string, at []parser.Range) {
		t.Errorf("Dockerfile:%v: %s: %s", at, rule, message)
	}})
	stages, _, err := instructions.Parse(file.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 {
		t.Fatalf("%d stages, want one that builds and the image", len(stages))
	}
	return stages[0], stages[1]
}

// step is the last command of a kind in a stage.
func step[T any](t *testing.T, s instructions.Stage) (last T) {
	t.Helper()
	found := false
	for _, c := range s.Commands {
		if c, ok := c.(T); ok {
			last, found = c, true
		}
	}
	if !found {
		t.Fatalf("stage %q has no %T", s.Name+s.BaseName, last)
	}
	return last
}

// TestDockerfile: what it makes is what the release makes without it.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	build, final := stages(t)
	index := open(t, released(t, "*_image.oci.tar"))
	config, err := platform(t, index, v1.Platform{OS: "linux", Architecture: runtime.GOARCH}).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if final.BaseName != "scratch" {
		t.Errorf("the image is based on %s", final.BaseName)
	}
	if got, want := step[*instructions.UserCommand](t, final).User, config.Config.User; got != want {
		t.Errorf("USER is %s, the released image has %s", got, want)
	}
	entrypoint := step[*instructions.EntrypointCommand](t, final)
	if got, want := entrypoint.CmdLine, config.Config.Entrypoint; !slices.Equal(got, want) || entrypoint.PrependShell {
		t.Errorf("ENTRYPOINT is %q, the released image has %q", got, want)
	}
	copied := step[*instructions.CopyCommand](t, final)
	if copied.From != build.Name || copied.DestPath != config.Config.Entrypoint[0] || !slices.Equal(copied.SourcePaths, []string{"/podfacts"}) {
		t.Errorf("COPY is %+v", copied)
	}
	labels := maps.Clone(config.Config.Labels)
	delete(labels, "org.opencontainers.image.created") // which BuildKit says itself
	for _, l := range step[*instructions.LabelCommand](t, final).Labels {
		value := strings.Trim(l.Value, `"`)
		if want := labels[l.Key]; value != want && !strings.HasPrefix(value, "$") || want == "" {
			t.Errorf("LABEL %s is %q, the released image has %q", l.Key, value, want)
		}
		delete(labels, l.Key)
	}
	if len(labels) > 0 {
		t.Errorf("no LABEL says %v", labels)
	}
}

// TestDockerfileBuilds runs what the first stage runs, with what it has copied, and gets
// the released binary.
func TestDockerfileBuilds(t *testing.T) {
	t.Parallel()
	build, _ := stages(t)
	work := t.TempDir()
	env := append(os.Environ(), "TARGETOS=linux", "TARGETARCH="+runtime.GOARCH, "VERSION="+version(t))
	script := ""
	for _, c := range build.Commands {
		switch c := c.(type) {
		case *instructions.CopyCommand:
			for _, source := range c.SourcePaths {
				if out, err := exec.CommandContext(t.Context(), "cp", "-r", filepath.Join(repository, source), work).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
		case *instructions.EnvCommand:
			for _, kv := range c.Env {
				env = append(env, kv.String())
			}
		case *instructions.RunCommand:
			script = strings.Join(c.CmdLine, " ")
		}
	}
	target := filepath.Join(work, "made")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(script, "-o /podfacts ", "-o "+target+" ", 1))
	cmd.Dir, cmd.Env = work, env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	made, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, binary(t)) {
		t.Error("the Dockerfile makes another binary than the release")
	}
}

// TestDockerfileGo: the image of Go is one version, and new enough for go.mod.
func TestDockerfileGo(t *testing.T) {
	t.Parallel()
	build, _ := stages(t)
	pinned := regexp.MustCompile(`^golang:(\d+\.\d+\.\d+)$`).FindStringSubmatch(build.BaseName)
	wanted := regexp.MustCompile(`(?m)^go (.*)$`).FindStringSubmatch(read(t, repository)["/go.mod"])
	if pinned == nil || wanted == nil || goversion.Compare("go"+pinned[1], "go"+wanted[1]) < 0 {
		t.Errorf("the first stage is FROM %s; want one version of Go, not older than %q of go.mod", build.BaseName, wanted)
	}
}

// version is the released one.
func version(t *testing.T) string {
	t.Helper()
	name := filepath.Base(released(t, "*.spdx.json"))
	return "v" + strings.TrimSuffix(strings.TrimPrefix(name, "podfacts_"), ".spdx.json")
}
