package injection

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/podfacts/podfacts/test/cluster"
)

const label = "podfacts.dev/inject"

// settings are those of the tests of agent/inject, whose inputs are used here.
const settings = "image: example.com/podfacts:v1\n"

// injector is podfacts as it is released.
type injector struct {
	binary   string
	settings string // a file
}

func newInjector(t *testing.T, binary, settings string) *injector {
	t.Helper()
	i := &injector{binary: binary, settings: filepath.Join(t.TempDir(), "settings.yaml")}
	if err := os.WriteFile(i.settings, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	return i
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "podfacts")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/podfacts")
	cmd.Dir = filepath.Join("..", "..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building podfacts: %v\n%s", err, out)
	}
	return binary
}

// run runs podfacts inject. What is wrong with the input comes as problems, in the
// words of a policy.
func (i *injector) run(t *testing.T, input string, args ...string) (out, problems string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), i.binary, append([]string{"inject", "--settings", i.settings}, args...)...)
	cmd.Env = []string{}
	cmd.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.String(), ""
	}
	var wrong []string
	for line := range strings.Lines(stderr.String()) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ": ", 4) // podfacts, file:line, object
		if len(parts) < 4 || cmd.ProcessState.ExitCode() != 2 {
			t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
		}
		wrong = append(wrong, parts[3])
	}
	return "", strings.Join(wrong, "; ")
}

// Namespaces by what they ask for; none asks for nothing.
var namespaces = map[string]string{"": "plain", "init": "asks-init", "sidecar": "asks-sidecar"}

// server is an API server that is asked what it would make of objects.
type server struct {
	*cluster.Cluster
	client dynamic.Interface
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{Cluster: cluster.Start(t)}
	config, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	config.WarningHandler = rest.NoWarnings{}
	if s.client, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	for mode, name := range namespaces {
		labels := ""
		if mode != "" {
			labels = "\n  labels: {" + label + ": " + mode + "}"
		}
		s.apply(t, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: "+name+labels+"\n---\n"+
			"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: "+name+"}\n")
	}
	return s
}

func (s *server) apply(t *testing.T, text string) {
	t.Helper()
	if _, err := s.Apply(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

// install applies the policies, and waits until they are in force: until a pod is
// injected with the image of the settings, and a wrong one refused by them.
func (s *server) install(t *testing.T, i *injector, image string) {
	t.Helper()
	policies, _ := i.run(t, "", "--policy")
	s.apply(t, policies)
	pod := object(t, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"podfacts.dev/inject": "init"}},
		"spec": {"containers": [{"name": "main", "image": "web"}]}}`)
	wrong := pod.DeepCopy()
	wrong.SetAnnotations(map[string]string{"podfacts.dev/image": "wrong"})
	_, problems := i.run(t, text(wrong.Object), "-f", "-")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		made, err := s.create(t.Context(), namespaces[""], pod)
		if err != nil {
			t.Fatal(err)
		}
		_, refused := s.create(t.Context(), namespaces[""], wrong)
		if refused != nil && refusal(t, refused) == problems && strings.Contains(text(made), image) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the policies are not in force: %s, %v", text(made), refused)
		}
	}
}

// create asks what the server would make of an object; nothing is kept.
func (s *server) create(ctx context.Context, namespace string, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	o = o.DeepCopy()
	o.SetNamespace(namespace)
	return s.resource(o, namespace).Create(ctx, o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

func (s *server) resource(o *unstructured.Unstructured, namespace string) dynamic.ResourceInterface {
	gvk := o.GroupVersionKind()
	plural := schema.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: strings.ToLower(gvk.Kind) + "s"}
	if gvk.Kind == "Namespace" {
		return s.client.Resource(plural)
	}
	return s.client.Resource(plural).Namespace(namespace)
}

// made is what counts of a pod that the server made: without what it draws by lot, and
// without its own volume and mounts for the token, whose place among others depends on
// when they came.
func made(o *unstructured.Unstructured) map[string]any {
	spec, _ := o.Object["spec"].(map[string]any)
	ours := func(list any, key string) []any {
		items, _ := list.([]any)
		var kept []any
		for _, item := range items {
			if name, _ := item.(map[string]any)[key].(string); !strings.HasPrefix(name, "kube-api-access-") {
				kept = append(kept, item)
			}
		}
		return kept
	}
	spec["volumes"] = ours(spec["volumes"], "name")
	for _, list := range []string{"containers", "initContainers"} {
		containers, _ := spec[list].([]any)
		for _, c := range containers {
			c := c.(map[string]any)
			c["volumeMounts"] = ours(c["volumeMounts"], "name")
		}
	}
	return map[string]any{"labels": o.GetLabels(), "annotations": o.GetAnnotations(), "spec": spec}
}

// refusal is what a policy says.
func refusal(t *testing.T, err error) string {
	t.Helper()
	var status interface{ Status() metav1.Status }
	if !errors.As(err, &status) {
		t.Fatalf("no refusal: %v", err)
	}
	_, message, ok := strings.Cut(status.Status().Message, "denied request: ")
	if !ok {
		t.Fatalf("refused by no policy: %v", err)
	}
	return message
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}
