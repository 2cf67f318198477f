package e2e

import (
	"cmp"
	"fmt"
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
		"unknown version": {
			config: object("{id: a, apiVersion: apps/v2, kind: Deployment, name: web}", "objects.a.metadata.name"),
			code:   1, says: []string{"objects.a.metadata.name", "apiVersion apps/v2: not found", "did you mean apiVersion: apps/v1?"},
		},
		"a kind of another group": {
			config: object("{id: a, apiVersion: v1, kind: Deployment, labelSelector: app=web}", "objects.a"),
			code:   1, says: []string{"objects.a is missing", "kind Deployment of v1: not found", "did you mean apiVersion: apps/v1?"},
		},
		"a field that selects nothing": {
			config: object("{id: a, apiVersion: v1, kind: Pod, fieldSelector: spec.hostname=a}", "objects.a"),
			code:   1, says: []string{"objects.a is missing", "list pods in wrong: invalid", "spec.hostname", "correct the selectors of the object"},
		},
		"wrong authority": {
			config: label,
			spoil:  func(t *testing.T, p *pod) { p.distrust(t) },
			code:   1, says: []string{"pod.labels['app']", "not trusted", "is not signed by /var/run/secrets/kubernetes.io/serviceaccount/ca.crt"},
		},
		"no authority": {
			config: label,
			spoil:  func(t *testing.T, p *pod) { p.write(t, serviceAccountDir+"/ca.crt", "nothing\n") },
			code:   1, says: []string{"pod.labels['app']", "not trusted", "put the certificate of the cluster's CA into /var/run/secrets/kubernetes.io/serviceaccount/ca.crt"},
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
			says:   []string{"output holds a Secret and can be read by everybody", "/run/podfacts/out", "objects.a", "0600"},
			output: "\"correct horse\"\n",
		},
		"required, and no server": {
			config: "api: {mode: required}\n" + label,
			spoil:  func(_ *testing.T, p *pod) { p.env = []string{"KUBERNETES_SERVICE_PORT=1"} },
			code:   1, says: []string{"api.mode is required", "127.0.0.1:1: unreachable"},
		},
		"a kubeconfig that is not there": {
			config: label,
			spoil:  func(_ *testing.T, p *pod) { p.env = []string{"PODFACTS_KUBECONFIG=/none"} },
			code:   2, says: []string{"kubeconfig /none does not exist"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := enter(t, shared, account, "web-1")
			if test.spoil != nil {
				test.spoil(t, p)
			}
			p.write(t, output, "as before")
			process := p.run(t, append([]string{"init", "--timeout", "0s"}, p.configure(t, test.config)...)...)
			process.wants(t, test.code)
			process.says(t, test.says...)
			if got, want := p.read(t, output), cmp.Or(test.output, "as before"); got != want {
				t.Errorf("output %q, want %q", got, want)
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

// TestNamespaceThatEnds: in a namespace that is being deleted, what is still there can be
// read, what is gone is said to be gone for that reason, and nothing written is lost.
func TestNamespaceThatEnds(t *testing.T) {
	t.Parallel()
	const s = shop("ending")
	apply(t, shared, s.objects()+"---\n"+deployment().pod(s, "web-1"))
	account, err := shared.ServiceAccount(t.Context(), string(s), "web-1")
	if err != nil {
		t.Fatal(err)
	}
	all := rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}
	if err := account.Grant(t.Context(), "", all); err != nil {
		t.Fatal(err)
	}
	config := "api: {objects: [{id: a, apiVersion: v1, kind: ConfigMap, name: settings}]}\noutputs:\n- path: /run/podfacts/out\n" +
		"  text: \"{{ .objects.a.data.colour }} {{ .namespace.labels.team }}\"\n"
	p := enter(t, shared, account, "web-1")
	if _, err := shared.Kubectl(t.Context(), "delete", "namespace", string(s), "--wait=false"); err != nil {
		t.Fatal(err)
	}
	sidecar := p.start(t, append([]string{"run"}, p.configure(t, config)...)...)
	wants := func() error {
		if got := p.read(t, output); got != "blue blue" {
			return fmt.Errorf("output %q; it says:\n%s", got, &sidecar.stderr)
		}
		return nil
	}
	eventually(t, "output", wants)
	if _, err := shared.Kubectl(t.Context(), "delete", "configmap", "settings", "-n", string(s)); err != nil {
		t.Fatal(err)
	}
	const says = "configmaps ending/settings: not found; the namespace is being deleted, and all that is in it"
	eventually(t, "a complaint", func() error {
		if said := sidecar.stderr.String(); !strings.Contains(said, says) || !strings.Contains(said, "objects.a") {
			return fmt.Errorf("says:\n%s", said)
		}
		return nil
	})
	init := p.run(t, append([]string{"init", "--timeout", "0s"}, p.configure(t, config)...)...)
	init.wants(t, 1)
	init.says(t, "objects.a is missing", says)
	if err := wants(); err != nil {
		t.Error(err)
	}
	sidecar.term(t)
}
