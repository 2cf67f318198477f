package apiserver

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/podfacts/podfacts/watch/object"
)

// TestSelectorOf: what is asked for is what Kubernetes' own conversion selects.
func TestSelectorOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{matchLabels: {b: '2', a: '1'}}":                                             "a=1,b=2",
		"{matchLabels: {a: ''}}":                                                      "a=",
		"{matchExpressions: [{key: a, operator: In, values: [x, y]}]}":                "a in (x,y)",
		"{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}":                "a notin (x)",
		"{matchExpressions: [{key: a, operator: NotIn, values: ['', x]}]}":            "a notin (,x)",
		"{matchExpressions: [{key: a, operator: NotIn, values: ['']}]}":               "a notin ()",
		"{matchExpressions: [{key: a/b.c, operator: Exists}]}":                        "a/b.c",
		"{matchLabels: {x: y}, matchExpressions: [{key: a, operator: DoesNotExist}]}": "x=y,!a",
	} {
		var selector map[string]any
		if err := yaml.Unmarshal([]byte(text), &selector); err != nil {
			t.Fatal(err)
		}
		got, err := selectorOf(map[string]any{"apiVersion": "apps/v1", "spec": map[string]any{"selector": selector}})
		if err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", text, got, err, want)
			continue
		}
		var theirs metav1.LabelSelector
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(selector, &theirs); err != nil {
			t.Fatal(err)
		}
		parsed, err := metav1.LabelSelectorAsSelector(&theirs)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := labels.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if ours.String() != parsed.String() {
			t.Errorf("%s is %s, Kubernetes makes %s of it", text, ours, parsed)
		}
	}
	for _, o := range []map[string]any{
		{"apiVersion": "v1", "kind": "Service", "spec": map[string]any{}},
		{"apiVersion": "batch/v1", "kind": "CronJob", "spec": map[string]any{}},
		{"apiVersion": "apps/v1", "spec": map[string]any{"selector": map[string]any{"matchExpressions": []any{map[string]any{"key": "a", "operator": "Gt"}}}}},
	} {
		if got, err := selectorOf(o); err == nil {
			t.Errorf("%v selects %q", o, got)
		}
	}
}

func TestSelected(t *testing.T) {
	t.Parallel()
	api := plainAPI(t)
	for _, text := range []string{
		"{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}}}",
		"{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: shop, labels: {app: web}}}",
		"{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, labels: {app: web, x: y}}}",
		"{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: shop, labels: {app: other}}}",
		"{apiVersion: v1, kind: Pod, metadata: {name: d, namespace: other, labels: {app: web}}}",
	} {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		api.put(o)
	}
	c, err := Access{Server: api.URL}.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	pods, selector, err := c.Selected(t.Context(), "v1", "Service", "shop", "web")
	if err != nil || selector != "app=web" || len(pods) != 2 || object.Text(pods[0], "metadata", "name") != "a" || object.Text(pods[1], "metadata", "name") != "b" {
		t.Errorf("by %s: %v, %v", selector, pods, err)
	}
	if _, _, err := c.Selected(t.Context(), "v1", "Service", "shop", "none"); err == nil {
		t.Error("a Service that is not there selects something")
	}
}

// TestNamespace: what is named without one is looked for where kubectl would.
func TestNamespace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), []byte("t"))
	write(t, filepath.Join(dir, "namespace"), []byte("shop\n"))
	pod := Access{ServiceAccountDir: dir, Getenv: environ(map[string]string{"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"})}
	write(t, filepath.Join(dir, "ca.crt"), newAuthority(t).pem)
	text := fmt.Sprintf(kubeconfigText, "dev", "http://127.0.0.1:1", "")
	plain := write(t, filepath.Join(dir, "plain"), []byte(text))
	named := write(t, filepath.Join(dir, "named"), []byte(strings.Replace(text, "user: u}}", "user: u, namespace: team}}", 1)))
	for want, access := range map[string]Access{
		"shop":    pod,
		"default": {Kubeconfig: plain},
		"team":    {Kubeconfig: named},
	} {
		c, err := access.Client()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if c.Namespace != want {
			t.Errorf("by %s it is %s, want %s", c.Origin, c.Namespace, want)
		}
	}
}
