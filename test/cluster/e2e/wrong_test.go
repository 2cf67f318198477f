package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/util/cert"

	"github.com/podfacts/podfacts/test/cluster"
)

// TestSaysWhatIsWrong makes the mistakes that people make, and reads what they are told.
func TestSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	const s = shop("wrong")
	apply(t, shared, s.objects()+"---\n"+deployment().pod(s, "web-1"))
	account, err := shared.ServiceAccount(t.Context(), string(s), "web-1")
	if err != nil {
		t.Fatal(err)
	}
	all := rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}
	if err := account.Grant(t.Context(), "", all); err != nil {
		t.Fatal(err)
	}
	object := func(object, fact string) string {
		return "api: {objects: [" + object + "]}\n" + rendering(fact)
	}
	label := rendering("pod.labels['app']")
	for name, test := range map[string]struct {
		config string
		spoil  func(t *testing.T, p *pod)
		code   int
		says   []string
		output string
	}{
		"unknown kind": {
			config: object("{id: a, apiVersion: apps/v1, kind: Deploymnt, name: web}", "objects.a.metadata.name"),
			code:   1, says: []string{"objects.a.metadata.name", "kind Deploymnt of apps/v1: not found", "did you mean Deployment?"},
		},
		"unknown group": {
			config: object("{id: a, apiVersion: apps.example.com/v1, kind: Deployment, name: web}", "objects.a.metadata.name"),
			code:   1, says: []string{"apiVersion apps.example.com/v1: not found", "did you mean apiVersion: apps/v1?"},
		},
		"wrong authority": {
			config: label,
			spoil:  func(t *testing.T, p *pod) { p.distrust(t) },
			code:   1, says: []string{"pod.labels['app']", "not trusted", "is not signed by /var/run/secrets/kubernetes.io/serviceaccount/ca.crt"},
		},
		"expired token": {
			config: label,
			spoil:  func(t *testing.T, p *pod) { p.renew(t, cluster.TokenOptions{Lifetime: -time.Hour}) },
			code:   1, says: []string{"pod.labels['app']", "expired on", "serviceaccount/token"},
		},
		"no pod of that name": {
			config: label,
			spoil: func(t *testing.T, p *pod) {
				token, err := p.account.Token(t.Context(), cluster.TokenOptions{}) // bound to no pod
				if err != nil {
					t.Fatal(err)
				}
				p.mount(t, token)
				p.env = []string{"POD_NAME=ghost"}
			},
			code: 1, says: []string{"pods wrong/ghost: not found", "environment"},
		},
		"no name": {
			config: label,
			spoil: func(t *testing.T, p *pod) {
				token, err := p.account.Token(t.Context(), cluster.TokenOptions{})
				if err != nil {
					t.Fatal(err)
				}
				p.mount(t, token)
			},
			code: 1, says: []string{"POD_NAME", "metadata.name"},
		},
		"one id twice": {
			config: object("{id: a, apiVersion: v1, kind: Secret, name: x}, {id: a, apiVersion: v1, kind: ConfigMap, name: y}", "objects.a.data.b"),
			code:   2, says: []string{"podfacts.yaml:1", "two objects have the id a"},
		},
		"selector that does not parse": {
			config: object("{id: a, apiVersion: v1, kind: ConfigMap, labelSelector: 'app in web'}", "objects.a"),
			code:   2, says: []string{"podfacts.yaml:1", `labelSelector "app in web"`},
		},
		"required and missing": {
			config: object("{id: a, apiVersion: v1, kind: ConfigMap, name: none}", "objects.a.data.b"),
			code:   1, says: []string{"objects.a.data.b is missing", "configmaps wrong/none: not found", "check its name and namespace"},
		},
		"optional and missing": {
			config: "api: {objects: [{id: a, apiVersion: v1, kind: ConfigMap, name: none, optional: true}]}\n" +
				"outputs:\n- path: /run/podfacts/out\n  text: |\n    {{ fact \"objects.a.data.b\" \"nothing\" }}\n",
			output: "nothing\n",
		},
		"a secret is decoded": {
			config: object("{id: a, apiVersion: v1, kind: Secret, name: password}", "objects.a.data.password"),
			output: "\"correct horse\"\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := enter(t, shared, account, "web-1")
			if test.spoil != nil {
				test.spoil(t, p)
			}
			process := p.run(t, append([]string{"init", "--timeout", "0s"}, p.configure(t, test.config)...)...)
			process.wants(t, test.code)
			process.says(t, test.says...)
			if got := p.read(t, output); got != test.output {
				t.Errorf("output %q, want %q", got, test.output)
			}
			if strings.Contains(process.stderr.String(), "correct horse") {
				t.Errorf("a secret is logged:\n%s", &process.stderr)
			}
			if token := p.read(t, serviceAccountDir+"/token"); strings.Contains(process.stderr.String(), token) {
				t.Errorf("the token is logged:\n%s", &process.stderr)
			}
		})
	}
	t.Run("a secret is hidden", func(t *testing.T) {
		t.Parallel()
		p := enter(t, shared, account, "web-1")
		args := append(p.configure(t, object("{id: a, apiVersion: v1, kind: Secret, name: password}", "objects.a.data.password")), "view")
		for _, format := range []string{"table", "json", "yaml"} {
			hidden, shown := p.run(t, append(args, "-o", format)...), p.run(t, append(args, "-o", format, "--show-secrets")...)
			hidden.wants(t, 0)
			shown.wants(t, 0)
			if strings.Contains(hidden.stdout.String()+hidden.stderr.String(), "correct horse") {
				t.Errorf("%s: view shows a secret:\n%s", format, &hidden.stdout)
			}
			if format != "table" && !strings.Contains(shown.stdout.String(), "correct horse") { // a table cuts long values
				t.Errorf("%s: view --show-secrets does not show it:\n%s", format, &shown.stdout)
			}
		}
	})
	t.Run("kubeconfig", func(t *testing.T) { testKubeconfig(t, s) })
}

// testKubeconfig looks at a pod from outside, with kubeconfigs that are no good.
func testKubeconfig(t *testing.T, s shop) {
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("clusters: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	const text = `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
  clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}], users: [{name: a, user: {token: x}}]}`
	if err := os.WriteFile(nowhere, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		says []string
	}{
		{[]string{"--kubeconfig", broken}, []string{broken}},
		{[]string{"--kubeconfig", filepath.Join(t.TempDir(), "none")}, []string{"none"}},
		{[]string{"--kubeconfig", nowhere}, []string{"127.0.0.1:1", "refused"}},
		{[]string{"--kubeconfig", shared.Kubeconfig(), "--context", "tset"}, []string{`"tset"`, `did you mean "test"?`}},
		{nil, []string{"no API server is known", "KUBECONFIG"}},
	} {
		p := outside(t, append([]string{"view", "--live", string(s) + "/web-1"}, test.args...)...)
		if p.code() == 0 || p.stdout.String() != "" {
			t.Errorf("%s: exit code %d, prints:\n%s", p, p.code(), &p.stdout)
		}
		p.says(t, test.says...)
	}
	p := outside(t, "view", "--live", string(s)+"/ghost", "--kubeconfig", shared.Kubeconfig())
	p.wants(t, 1)
	p.says(t, "pods wrong/ghost: not found")
}

// distrust puts another authority in the place of the cluster's.
func (p *pod) distrust(t *testing.T) {
	t.Helper()
	token := p.read(t, serviceAccountDir+"/token")
	other, _, err := cert.GenerateSelfSignedCertKey("elsewhere", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := cluster.InCluster{Token: token, CA: other, Namespace: p.account.Namespace}
	if err := f.Write(filepath.Join(p.root, serviceAccountDir)); err != nil {
		t.Fatal(err)
	}
}
