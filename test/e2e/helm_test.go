package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/test/cluster/suite"
)

// restrictedNamespace is what a namespace says that lets in what gives nothing away.
const restrictedNamespace = "pod-security.kubernetes.io/enforce=restricted"

// TestHelm takes a release of the chart through its life, in a namespace that is
// restricted: with permissions for facts of the node, without them, back again, and gone.
func TestHelm(t *testing.T) {
	t.Parallel()
	policies.Lock()
	t.Cleanup(policies.Unlock)
	ns := shared.Namespace(t, restrictedNamespace)
	h := newHelm(t, ns, cluster.Helm)
	values := append(chartImage(), "--set", "demo.enabled=true", "--set", "injection.enabled=true", "--set", "injection.name="+ns.Name)
	base := h.values(`config:
  api: {mode: auto}
  outputs:
  - {path: /run/podfacts/pod.env, env: [{name: NAME, from: pod.name}, {name: ARCH, from: node.arch}]}
`)
	start := time.Now()
	h.run(append([]string{"install", "web", chartDir, "--values", base, "--wait", "--timeout", "3m"}, values...)...)
	ns.Measure("helm install --wait", time.Since(start))
	first := ns.AwaitPod("app.kubernetes.io/component=demo", suite.Ready)
	if arch := ns.Exec(first.Name, "podfacts", "/podfacts", "view", "node.arch", "-c", "/etc/podfacts/podfacts.yaml"); arch == "" {
		t.Error("the demo does not know its node")
	}
	start = time.Now()
	h.run("test", "web", "--timeout", "2m")
	ns.Measure("helm test", time.Since(start))
	ns.AwaitPod("app.kubernetes.io/component=test", suite.Succeeded)

	// Pods that ask for it get the configuration, and the account's permissions.
	ns.Await("the policies to be in force", func() error {
		ns.Apply(`apiVersion: v1
kind: Pod
metadata:
  name: injected
  labels: {podfacts.dev/inject: init}
  annotations: {podfacts.dev/config: web-podfacts}
spec:
  serviceAccountName: web-podfacts
  containers:
  - name: main
    image: busybox:1.37
    command: [sh, -c, cat /run/podfacts/pod.env]
    securityContext: &locked {runAsNonRoot: true, runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}
  restartPolicy: Never
`)
		if ns.Pod("injected").Annotations["podfacts.dev/injected"] != "init" {
			ns.Kubectl("delete", "pod", "injected", "--now")
			return errors.New("the pod is not injected")
		}
		return nil
	})
	ns.AwaitPod("podfacts.dev/inject=init", suite.Succeeded)
	ns.AwaitLine("injected", "main", "ARCH='", time.Time{})

	// Another configuration replaces the pods. Without permissions the test fails, and says why.
	changed := h.values("config:\n  outputs:\n  - {path: /run/podfacts/other.env, env: [{name: UNIQUE, from: cluster.uid}]}\n")
	h.run("upgrade", "web", chartDir, "--reuse-values", "--values", changed, "--set", "demo.enabled=false", "--set", "rbac.create=false", "--wait", "--timeout", "3m")
	if said := h.fail("test", "web", "--logs", "--timeout", "2m"); !strings.Contains(said, "cluster.uid") {
		t.Errorf("helm test without permissions does not name the fact:\n%s", said)
	}
	h.run("upgrade", "web", chartDir, "--reuse-values", "--set", "rbac.create=true", "--set", "demo.enabled=true", "--wait", "--timeout", "3m")
	h.run("test", "web", "--timeout", "2m")
	second := ns.AwaitPod("app.kubernetes.io/component=demo", suite.Ready)

	h.run("rollback", "web", "1", "--wait", "--timeout", "3m")
	ns.Await("the demo of the first revision", func() error {
		for _, pod := range ns.Pods("app.kubernetes.io/component=demo") {
			if pod.Annotations["checksum/config"] == first.Annotations["checksum/config"] && suite.Ready(&pod) == nil {
				return nil
			}
		}
		return errors.New("there is none")
	})
	if first.Annotations["checksum/config"] == second.Annotations["checksum/config"] {
		t.Error("two configurations have one checksum")
	}
	h.run("test", "web", "--timeout", "2m")

	h.run("uninstall", "web", "--wait", "--timeout", "2m")
	const kinds = "deployments,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,mutatingadmissionpolicies,validatingadmissionpolicies"
	if left := ns.Kubectl("get", kinds, "--selector", "app.kubernetes.io/instance=web,app.kubernetes.io/managed-by=Helm", "-o", "name"); left != "" {
		t.Errorf("uninstall leaves\n%s", left)
	}
}

// TestHelmLibrary installs the chart that uses the library, by Helm 4 and by Helm 3.
func TestHelmLibrary(t *testing.T) {
	t.Parallel()
	for _, tool := range []cluster.Tool{cluster.Helm, cluster.Helm3} {
		t.Run(tool.String(), func(t *testing.T) {
			t.Parallel()
			ns := shared.Namespace(t, restrictedNamespace)
			h := newHelm(t, ns, tool)
			dir := t.TempDir()
			for _, name := range []string{"examples/helm", "charts"} {
				if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("../..", name))); err != nil {
					t.Fatal(err)
				}
			}
			example := filepath.Join(dir, "examples/helm")
			h.run("dependency", "update", example)
			h.run("install", "shop", example, "--set", "podfacts.image="+imageName(), "--set", "podfacts.imagePullPolicy=IfNotPresent", "--wait", "--timeout", "3m")
			pod := ns.AwaitPod("app.kubernetes.io/instance=shop", suite.Ready)
			for _, line := range []string{"TIER='gold'", "MEMORY='64Mi'", "REPLICAS='1'"} {
				ns.AwaitLine(pod.Name, "main", line, time.Time{})
			}
			h.run("uninstall", "shop", "--wait")
		})
	}
}

// TestKustomize applies the overlay of the example.
func TestKustomize(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t, restrictedNamespace)
	manifests, err := shared.Kubectl(t.Context(), "kustomize", "../../examples/kustomize/overlay")
	if err != nil {
		t.Fatal(err)
	}
	ns.Apply(manifests + "\n")
	for name, tier := range map[string]string{"web": "gold", "db": "silver"} {
		pod := ns.AwaitPod("app.kubernetes.io/name="+name, suite.Ready)
		ns.AwaitLine(pod.Name, "main", "NAME='"+pod.Name+"'", time.Time{})
		ns.AwaitLine(pod.Name, "main", "TIER='"+tier+"'", time.Time{})
	}
}

const chartDir = "../../charts/podfacts"

// helm runs Helm in a namespace.
type helm struct {
	t    *testing.T
	ns   *suite.Namespace
	tool cluster.Tool
	home string
}

func newHelm(t *testing.T, ns *suite.Namespace, tool cluster.Tool) *helm {
	t.Helper()
	h := &helm{t: t, ns: ns, tool: tool, home: t.TempDir()}
	t.Cleanup(func() { // what of a failed test has no namespace
		if !t.Failed() {
			return
		}
		if out, err := h.try("list", "--short"); err == nil {
			for name := range strings.FieldsSeq(out) {
				_, _ = h.try("uninstall", name)
			}
		}
	})
	return h
}

func (h *helm) try(args ...string) (string, error) {
	ctx := context.WithoutCancel(h.t.Context()) // which is over when a failed test clears up
	cmd := shared.Command(ctx, h.tool, append([]string{"--namespace", h.ns.Name}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.home, "KUBECONFIG=" + shared.Kubeconfig()}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (h *helm) run(args ...string) {
	h.t.Helper()
	if out, err := h.try(args...); err != nil {
		h.t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// fail runs what must not succeed, and returns what it says.
func (h *helm) fail(args ...string) string {
	h.t.Helper()
	out, err := h.try(args...)
	if err == nil {
		h.t.Errorf("helm %s succeeds:\n%s", strings.Join(args, " "), out)
	}
	return out
}

func (h *helm) values(text string) string {
	h.t.Helper()
	name := filepath.Join(h.t.TempDir(), "values.yaml")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	return name
}

// chartImage has the chart use the image of the suite.
func chartImage() []string {
	repository, tag := imageName(), "latest"
	if i := strings.LastIndex(repository, ":"); i > strings.LastIndex(repository, "/") { // else a port
		repository, tag = repository[:i], repository[i+1:]
	}
	return []string{"--set", "image.repository=" + repository, "--set", "image.tag=" + tag, "--set", "image.pullPolicy=IfNotPresent"}
}

func imageName() string {
	if other := os.Getenv("E2E_IMAGE"); other != "" {
		return other
	}
	return podfactsImage
}
