package charts

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
)

// TestServer has a real API server look at everything that is rendered, as a dry run of
// server-side apply, in a namespace of the restricted Pod Security Standard.
func TestServer(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t)
	const namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {pod-security.kubernetes.io/enforce: restricted}\n"
	apply(t, c, namespace)
	definitions := filepath.Join(operatorDir(t), "example/prometheus-operator-crd")

	// Helm itself asks the server what it serves: first nothing of the operator.
	for _, tool := range helms {
		if _, wrong := server(t, c, tool, "--set", "podMonitor.enabled=true"); !strings.Contains(wrong, "install the Prometheus operator first") {
			t.Errorf("%s does not miss the operator: %s", tool, wrong)
		}
	}
	for _, name := range []string{"podmonitors", "prometheusrules"} {
		apply(t, c, filepath.Join(definitions, "monitoring.coreos.com_"+name+".yaml"))
	}
	await(t, c, "podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com")

	rendered := map[string]string{"kustomize": kustomize(t), "example": readFile(t, "../../examples/helm/rendered.yaml")}
	for _, values := range matrix(t) {
		for _, tool := range helms {
			out, wrong := server(t, c, tool, "--values", values)
			if wrong != "" {
				t.Errorf("%s %s: %s", tool, values, wrong)
			}
			rendered[tool.String()+" "+values] = out
		}
	}
	// Not before, since Helm finds what others have made.
	for _, account := range []string{"default", "web-podfacts", "facts", "web"} { // pods are not let in without
		apply(t, c, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: "+account+", namespace: shop}\n")
	}
	for name, manifests := range rendered {
		dryRun(t, c, name, manifests)
	}

	// And the server does look: what it would not take is no success.
	if _, err := kubectl(t, c, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\ndata: {a: {b: c}}\n", dry()...); err == nil {
		t.Error("a ConfigMap that is none passes the dry run")
	}
}

// server renders the chart for the server as it is.
func server(t *testing.T, c *cluster.Cluster, tool cluster.Tool, args ...string) (out, wrong string) {
	t.Helper()
	ask := "--dry-run=server"
	if tool == cluster.Helm3 {
		ask = "--validate" // with the other it asks nothing but what lookup wants
	}
	return helm(t, tool, append([]string{"template", "web", chart, "--namespace", "shop", ask, "--kubeconfig", c.Kubeconfig()}, args...)...)
}

func dry() []string {
	return []string{"apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func dryRun(t *testing.T, c *cluster.Cluster, name, manifests string) {
	t.Helper()
	out, err := kubectl(t, c, manifests, dry()...)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if strings.Contains(out, "Warning") {
		t.Errorf("%s: the server warns:\n%s", name, out)
	}
}

func apply(t *testing.T, c *cluster.Cluster, source string) {
	t.Helper()
	if _, err := c.Apply(t.Context(), source); err != nil {
		t.Fatal(err)
	}
}

// await waits until the server says that it has what was defined, which it does a moment after
// that is established.
func await(t *testing.T, c *cluster.Cluster, definitions ...string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		out, err := c.Kubectl(t.Context(), "api-resources", "--cached=false", "--output=name") // an error tells of any group
		served := strings.Fields(out)
		missing := slices.DeleteFunc(slices.Clone(definitions), func(name string) bool { return slices.Contains(served, name) })
		if len(missing) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not served: %v, %v", missing, err)
		}
	}
}

// kubectl returns all that it says.
func kubectl(t *testing.T, c *cluster.Cluster, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd, err := cluster.Command(t.Context(), os.Stderr, cluster.Kubectl, append([]string{"--kubeconfig", c.Kubeconfig()}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	out, errs, err := command(t, cmd, stdin)
	if err != nil {
		return out, &failure{err, errs}
	}
	return out + errs, nil
}

type failure struct {
	error
	said string
}

func (f *failure) Error() string { return f.error.Error() + ": " + f.said }

// operatorDir is the source of the Prometheus operator, which a go.mod names.
func operatorDir(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/prometheus-operator/prometheus-operator")
	cmd.Dir = "../helm"
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	return module.Dir
}
