package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKubeconfigs looks at a pod from outside, with kubeconfigs that are no good: those
// that say nothing sensible are wrong usage, those that do not get an answer fail.
func TestKubeconfigs(t *testing.T) {
	t.Parallel()
	const s = shop("kubeconfigs")
	apply(t, shared, s.objects()+"---\n"+deployment().pod(s, "web-1"))
	k := kubeconfigs{dir: t.TempDir()}
	k.write(t, "broken", "clusters: [\n")
	k.write(t, "pod", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n")
	k.write(t, "empty", "")
	old, foreign := k.certificate(t, "old", time.Now().Add(-time.Hour)), k.certificate(t, "foreign", time.Now().Add(time.Hour))
	server := fmt.Sprintf("server: %q, ", shared.URL())
	trusted := server + fmt.Sprintf("certificate-authority: %q", shared.CAFile())
	k.config(t, "nowhere", "server: https://127.0.0.1:1", "token: x")
	k.config(t, "wrongca", server+fmt.Sprintf("certificate-authority: %q", k.path("old.crt")), "token: x")
	k.config(t, "noca", server+fmt.Sprintf("certificate-authority: %q", k.path("none")), "token: x")
	k.config(t, "badca", server+fmt.Sprintf("certificate-authority: %q", k.path("broken")), "token: x")
	k.config(t, "system", strings.TrimSuffix(server, ", "), "token: x")
	k.config(t, "old", trusted, old)
	k.config(t, "foreign", trusted, foreign)
	k.config(t, "badtoken", trusted, "token: wrong")
	k.config(t, "nobody", trusted, "")
	k.config(t, "plugin", trusted, "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}")

	for _, test := range []struct {
		flags string
		code  int
		says  []string
	}{
		{"--kubeconfig broken", 2, []string{"kubeconfig broken", "kubectl config view"}},
		{"--kubeconfig pod", 2, []string{"kubeconfig pod"}},
		{"--kubeconfig empty", 2, []string{"kubeconfig empty has no contexts"}},
		{"--kubeconfig none", 2, []string{"kubeconfig none does not exist"}},
		{"--kubeconfig nowhere --context b", 2, []string{`no context "b"`, `did you mean "a"?`}},
		{"--kubeconfig nowhere", 1, []string{"https://127.0.0.1:1: unreachable", "refused"}},
		{"--kubeconfig wrongca", 1, []string{"not trusted", "is not signed by " + k.path("old.crt")}},
		{"--kubeconfig noca", 2, []string{k.path("none")}},
		{"--kubeconfig badca", 2, []string{k.path("broken") + " holds no certificate"}},
		{"--kubeconfig system", 1, []string{"is not signed by the system's certificate authorities"}},
		{"--kubeconfig old", 1, []string{"kubeconfig old, context a", "user a", "the client certificate in " + k.path("old.crt") + " expired on", "renew it"}},
		{"--kubeconfig foreign", 1, []string{"unauthorized", "system:anonymous", "kubeconfig foreign, context a"}},
		{"--kubeconfig badtoken", 1, []string{"unauthorized", "check the credentials of kubeconfig badtoken, context a"}},
		{"--kubeconfig nobody", 1, []string{"unauthorized", "system:anonymous"}},
		{"--kubeconfig plugin", 1, []string{"unauthorized", "no-such-plugin", "credential plugin"}},
		{"--kubeconfig badtoken --certificate-authority old.crt", 1, []string{"is not signed by old.crt"}},
		{"--kubeconfig badtoken --certificate-authority none", 2, []string{"certificate authority", "none"}},
		{"--kubeconfig badtoken --certificate-authority empty", 2, []string{"certificate authority empty holds no certificate"}},
		{"--kubeconfig badtoken --insecure-skip-tls-verify", 1, []string{"the certificate of the API server is not verified", "unauthorized"}},
		{"", 2, []string{"no API server is known", "KUBECONFIG"}},
	} {
		for _, command := range []string{"view", "rbac --env-file out --env A=node.arch"} {
			p := outsideIn(t, k.dir, strings.Fields(command+" --live "+string(s)+"/web-1 "+test.flags)...)
			p.wants(t, test.code)
			p.says(t, test.says...)
			if out := p.stdout.String(); out != "" {
				t.Errorf("%s: prints:\n%s", p, out)
			}
			if lines := strings.Count(p.stderr.String(), "\n"); lines > 1+strings.Count(test.flags, "insecure") {
				t.Errorf("%s: says more than one thing:\n%s", p, &p.stderr)
			}
		}
	}
	p := outside(t, "view", "--live", string(s)+"/ghost", "--kubeconfig", shared.Kubeconfig())
	p.wants(t, 1)
	p.says(t, "pods kubeconfigs/ghost: not found")
}

// kubeconfigs are files in a directory.
type kubeconfigs struct{ dir string }

func (k kubeconfigs) path(name string) string { return filepath.Join(k.dir, name) }

func (k kubeconfigs) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(k.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (k kubeconfigs) config(t *testing.T, name, cluster, user string) {
	t.Helper()
	k.write(t, name, fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
  clusters: [{name: a, cluster: {%s}}], users: [{name: a, user: {%s}}]}`, cluster, user))
}

// certificate writes one that signs itself, and returns the user who has it.
func (k kubeconfigs) certificate(t *testing.T, name string, until time.Time) (user string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	k.write(t, name+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	k.write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})))
	return fmt.Sprintf("client-certificate: %q, client-key: %q", k.path(name+".crt"), k.path(name+".key"))
}
