package charts

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/test/cluster"
)

var (
	update = flag.Bool("update", false, "write the golden files anew")
	// binary is podfacts as it is released.
	binary string
)

const root = "../.."

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "podfacts-charts-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "podfacts")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/podfacts")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building podfacts: %v\n%s", err, out)
		return 1
	}
	// Not in the middle of a test.
	if _, err := cluster.Build(context.Background(), os.Stderr, cluster.Helm, cluster.Helm3, cluster.Kubectl); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// helms are those that the charts are for.
var helms = []cluster.Tool{cluster.Helm, cluster.Helm3}

// command runs a program to its end. It knows no cluster but by its arguments.
func command(t *testing.T, cmd *exec.Cmd, stdin string) (stdout, stderr string, err error) {
	t.Helper()
	home := t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "KUBECONFIG=" + filepath.Join(home, "none")}
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// helm runs a Helm. What is wrong is what it says.
func helm(t *testing.T, tool cluster.Tool, args ...string) (stdout, wrong string) {
	t.Helper()
	cmd, err := cluster.Command(t.Context(), os.Stderr, tool, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, errs, err := command(t, cmd, "")
	if err != nil && strings.TrimSpace(errs) == "" {
		errs = out // lint says it there
	}
	if err == nil {
		errs = ""
	}
	return out, errs
}

// template renders a chart for Kubernetes 1.36.
func template(t *testing.T, tool cluster.Tool, chart string, args ...string) (out, wrong string) {
	t.Helper()
	return helm(t, tool, append([]string{"template", "web", chart, "--namespace", "shop", "--kube-version", "1.36.0"}, args...)...)
}

// podfacts runs podfacts, which has to succeed.
func podfacts(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, errs, err := command(t, exec.CommandContext(t.Context(), binary, args...), stdin)
	if err != nil {
		t.Fatalf("podfacts %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	return out
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(t.TempDir(), name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// golden compares a file with what it should be.
func golden(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		write(t, absolute(t, name), want)
		return
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) == want {
		return
	}
	i := 0
	for i < min(len(have), len(want)) && have[i] == want[i] {
		i++
	}
	line := 1 + bytes.Count(have[:i], []byte("\n"))
	t.Errorf("%s is not what is rendered, from line %d on; go test -update writes it anew:\n%s", name, line, want[strings.LastIndexByte(want[:i], '\n')+1:min(len(want), i+200)])
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	name, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return name
}
