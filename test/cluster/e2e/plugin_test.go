package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/test/cluster"
)

// TestPlugin runs podfacts as a plugin of the real kubectl: the first word is a pod, or what
// has pods, in the namespace of -n or of the kubeconfig's context, and all that comes of it
// is what --live says of the pod.
func TestPlugin(t *testing.T) {
	t.Parallel()
	const s = shop("plugins")
	pending := strings.NewReplacer("phase: Running", "phase: Pending", `type: Ready, status: "True"`, `type: Ready, status: "False"`).
		Replace(deployment().pod(s, "web-0"))
	apply(t, shared, s.objects()+"---\n"+pending+"---\n"+deployment().pod(s, "web-1")+"---\n"+strings.ReplaceAll(statefulSet().pod(s, "db-0"), "app: web", "app: db")+`---
apiVersion: v1
kind: ConfigMap
metadata: {name: podfacts, namespace: plugins}
data: {a: b}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: plugins}
spec: {selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody, namespace: plugins}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
`)
	k := plugin(t)
	k.write(t, "podfacts.yaml", "outputs:\n- path: /run/podfacts/pod.env\n  format: docker\n  env:\n  - {name: POD, from: pod.name}\n  - {name: ZONE, from: node.zone}\n  - {name: TEAM, from: \"namespace.labels['team']\"}\n")

	live := outsideIn(t, k.dir, "view", "--live", "plugins/web-1", "-o", "yaml", "--kubeconfig", shared.Kubeconfig())
	live.wants(t, 0)
	for _, args := range []string{
		"view -n plugins web-1 -o yaml",
		"view web-1 -o yaml --namespace=plugins",
		"view pod/web-1 -n plugins -o yaml",
		"view pods/web-1 -n plugins -o yaml --kubeconfig own",
		"view web-1 -o yaml --kubeconfig own --context shop",
		"view web-1 -o yaml --kubeconfig own", // its current context has the namespace
		"view -n plugins deploy/web -o yaml",  // web-0 is not ready
		"view -n plugins deployments.apps/web -o yaml",
		"view -n plugins svc/web -o yaml",
		"view --live plugins/web-1 -o yaml",
		"view --live plugins/deploy/web -o yaml",
		"view --live deploy/web -n plugins -o yaml",
	} {
		p := k.run(t, args)
		p.wants(t, 0)
		if got, want := p.stdout.String(), live.stdout.String(); got != want || want == "" {
			t.Errorf("kubectl podfacts %s\n%swant\n%s", args, got, want)
		}
	}
	for args, want := range map[string]string{
		"view -n plugins web-1 node.zone":                         "zone-a",
		"view -n plugins db-0 workload.kind":                      "StatefulSet",
		"view -n plugins svc/db pod.name":                         "db-0",
		"render -n plugins web-1 -c podfacts.yaml":                "POD=web-1\nZONE=zone-a\nTEAM=blue",
		"render -n plugins deploy/web -c podfacts.yaml":           "POD=web-1\nZONE=zone-a\nTEAM=blue",
		"render -n plugins db-0 --env-file a --env KIND=pod.name": "KIND='db-0'",
	} {
		p := k.run(t, args)
		p.wants(t, 0)
		if got := strings.TrimSpace(p.stdout.String()); got != want {
			t.Errorf("kubectl podfacts %s prints\n%s\nwant\n%s", args, got, want)
		}
	}
	p := k.run(t, "rbac -n plugins deploy/web -c podfacts.yaml --for init")
	p.wants(t, 0)
	if got := p.stdout.String(); !strings.Contains(got, "name: podfacts-web-1\n  namespace: plugins\n") {
		t.Errorf("kubectl podfacts rbac prints\n%s", got)
	}
	k.run(t, "view -n plugins deploy/web pod.name").says(t, "looking at one pod of several", "pods=2", "pod=web-1")
	for _, test := range []struct {
		args string
		code int
		says string
	}{
		{"view -n plugins ghost", 1, "pods plugins/ghost: not found"},
		{"view -n plugins deploy/ghost", 1, "deployments.apps plugins/ghost: not found"},
		{"view web-1", 1, "pods default/web-1: not found"},
		{"view -n plugins svc/nobody", 1, "Service plugins/nobody has no pods; kubectl get pods -n plugins -l 'app=nobody' shows them"},
		{"view -n plugins cm/podfacts", 2, "pods are not found by cm"},
		{"view", 2, "see kubectl podfacts view --help"},
		{"view -n plugins web-1 --context none", 2, `has no context "none"`},
	} {
		p := k.run(t, test.args)
		p.wants(t, test.code)
		p.says(t, test.says)
	}

	list := k.start(t, []string{"plugin", "list"}) // which fails where it would warn
	list.wants(t, 0)
	if got := list.stdout.String(); !strings.Contains(got, filepath.Join(k.path, "kubectl-podfacts")) {
		t.Errorf("kubectl plugin list prints\n%s", got)
	}

	// kubectl completes by asking kubectl_complete-podfacts.
	for args, want := range map[string][]string{
		"view -n plugins web-1 node.z": {"node.zone\t", ":4"},
		"view -n plugins ":             {"db-0", "web-0", "web-1", ":4"},
		"view -n plugins deploy/":      {"deploy/web", ":4"},
		"view --kubeconfig own ":       {"web-1", ":4"},
		"view -n plug":                 {"plugins", ":4"},
		"view --live plug":             {"plugins/", ":6"},
		"view --live plugins/sts/":     {"plugins/sts/db", ":4"},
		"init --preset p":              {"pod", ":6"},
		"render -n plugins web-1 -c ":  {"yaml", ":8"},
	} {
		eventually(t, "kubectl podfacts "+args+"<TAB>", func() error { // which waits two seconds for the server, and no longer
			p := k.complete(t, args)
			p.wants(t, 0)
			for _, want := range want {
				if got := p.stdout.String(); !strings.Contains("\n"+got, "\n"+want) {
					return fmt.Errorf("gives\n%swant %q", got, want)
				}
			}
			return nil
		})
	}
}

// A kubectlPlugin is a directory with a kubeconfig named own, and a PATH with the plugin in it.
type kubectlPlugin struct{ dir, path, kubectl string }

func plugin(t *testing.T) kubectlPlugin {
	t.Helper()
	bin, err := cluster.Build(t.Context(), io.Discard, cluster.Kubectl)
	if err != nil {
		t.Fatal(err)
	}
	k := kubectlPlugin{dir: t.TempDir(), path: t.TempDir(), kubectl: filepath.Join(bin, cluster.Kubectl.String())}
	for _, name := range []string{"kubectl-podfacts", "kubectl_complete-podfacts"} {
		if err := os.Symlink(binary, filepath.Join(k.path, name)); err != nil {
			t.Fatal(err)
		}
	}
	config, err := os.ReadFile(shared.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	k.write(t, "own", string(config))
	for _, args := range []string{"set-context shop --namespace=plugins", "use-context shop"} {
		current := exec.CommandContext(t.Context(), k.kubectl, "--kubeconfig", shared.Kubeconfig(), "config", "view", "--minify", "-o",
			"jsonpath=--cluster={.contexts[0].context.cluster} --user={.contexts[0].context.user}")
		who, err := current.Output()
		if err != nil {
			t.Fatal(err)
		}
		fields := append([]string{"--kubeconfig", filepath.Join(k.dir, "own"), "config"}, strings.Fields(args)...)
		if strings.HasPrefix(args, "set") {
			fields = append(fields, strings.Fields(string(who))...)
		}
		if out, err := exec.CommandContext(t.Context(), k.kubectl, fields...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return k
}

func (k kubectlPlugin) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs kubectl podfacts to its end.
func (k kubectlPlugin) run(t *testing.T, args string) *process {
	t.Helper()
	return k.start(t, append([]string{"podfacts"}, strings.Fields(args)...))
}

// complete has kubectl say what the last word may become, as a shell does.
func (k kubectlPlugin) complete(t *testing.T, line string) *process {
	t.Helper()
	return k.start(t, append([]string{"__complete", "podfacts"}, strings.Split(line, " ")...))
}

func (k kubectlPlugin) start(t *testing.T, args []string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), k.kubectl, args...)
	cmd.Dir = k.dir
	cmd.Env = []string{"HOME=" + k.dir, "PATH=" + k.path, "KUBECONFIG=" + shared.Kubeconfig()}
	p := begin(t, cmd)
	p.wait(t)
	return p
}
