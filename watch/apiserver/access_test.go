package apiserver

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{key: newKey(t)}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test CA " + t.Name()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// leaf makes a certificate for 127.0.0.1 with its key.
func (a authority) leaf(t *testing.T, until time.Time) (cert, key []byte) {
	t.Helper()
	k := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "leaf"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
}

// secure starts a server with a certificate that can be replaced.
func secure(t *testing.T, h http.Handler, ca authority) (server *httptest.Server, replace func(authority)) {
	t.Helper()
	var current atomic.Pointer[tls.Certificate]
	replace = func(ca authority) {
		cert, key := ca.leaf(t, time.Now().Add(time.Hour))
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		current.Store(&pair)
	}
	replace(ca)
	server = httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil }}
	server.StartTLS()
	server.TLS.Certificates = nil // StartTLS puts in one of its own, which would win
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server, replace
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// bearer answers /version to those who bring the right token.
func bearer(token *atomic.Value) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token.Load().(string) {
			refuse(w, 401, "Unauthorized", "")
			return
		}
		fmt.Fprint(w, `{"gitVersion":"v1.36.3"}`)
	}
}

func environ(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// inCluster is what a pod sees of an API server.
func inCluster(t *testing.T, server *httptest.Server, ca authority, token string) Access {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), []byte(token+"\n"))
	write(t, filepath.Join(dir, "ca.crt"), ca.pem)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return Access{ServiceAccountDir: dir, Getenv: environ(map[string]string{
		"KUBERNETES_SERVICE_HOST": u.Hostname(), "KUBERNETES_SERVICE_PORT": u.Port()})}
}

func TestInCluster(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	var token atomic.Value
	token.Store("first")
	server, replace := secure(t, bearer(&token), ca)
	access := inCluster(t, server, ca, "first")
	c := connectTo(t, access)
	if err := c.Available(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "service account " + access.ServiceAccountDir; c.Origin != want {
		t.Errorf("origin %q", c.Origin)
	}

	t.Run("token is replaced", func(t *testing.T) {
		token.Store("second")
		if err := c.Available(t.Context()); reasonOf(err) != Unauthorized || !strings.Contains(err.Error(), access.ServiceAccountDir) {
			t.Errorf("with the old token: %v", err)
		}
		write(t, filepath.Join(access.ServiceAccountDir, "token"), []byte("second"))
		if err := c.Available(t.Context()); err != nil {
			t.Errorf("with the new token: %v", err)
		}
	})
	t.Run("token is expired", func(t *testing.T) {
		old := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp":1700000000}`)) + ".c2ln"
		write(t, filepath.Join(access.ServiceAccountDir, "token"), []byte(old))
		err := c.Available(t.Context())
		if reasonOf(err) != Expired || !strings.Contains(err.Error(), "2023-11-14T22:13:20Z") || strings.Contains(err.Error(), "e30") {
			t.Errorf("%v", err)
		}
		write(t, filepath.Join(access.ServiceAccountDir, "token"), []byte("second"))
	})
	t.Run("CA is replaced", func(t *testing.T) {
		next := newAuthority(t)
		replace(next)
		server.CloseClientConnections()
		err := c.Available(t.Context())
		if reasonOf(err) != Untrusted || !strings.Contains(err.Error(), filepath.Join(access.ServiceAccountDir, "ca.crt")) {
			t.Errorf("with the old CA: %v", err)
		}
		write(t, filepath.Join(access.ServiceAccountDir, "ca.crt"), next.pem)
		if err := c.Available(t.Context()); err != nil {
			t.Errorf("with the new CA: %v", err)
		}
	})
	t.Run("insecure", func(t *testing.T) {
		access := access
		access.InsecureSkipTLSVerify = true
		if _, err := access.Client(); err == nil || !strings.Contains(err.Error(), "refusing") {
			t.Errorf("%v", err)
		}
	})
}

// TestProjectedToken is in a pod that mounts nothing by itself, but a token and a CA in a
// volume of its own.
func TestProjectedToken(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	var token atomic.Value
	token.Store("projected")
	server, _ := secure(t, bearer(&token), ca)
	access := inCluster(t, server, ca, "projected")
	dir := access.ServiceAccountDir
	access.ServiceAccountDir = filepath.Join(dir, "none")
	access.TokenFile = filepath.Join(dir, "token")
	if _, err := access.Client(); err == nil || !strings.Contains(err.Error(), "--certificate-authority") {
		t.Errorf("without a CA: %v", err)
	}
	access.CAFile = filepath.Join(dir, "ca.crt")
	if err := connectTo(t, access).Available(t.Context()); err != nil {
		t.Error(err)
	}
	access.TokenFile = ""
	if _, err := access.Client(); !errors.Is(err, ErrNoAccess) {
		t.Errorf("without a token: %v", err)
	}
}

const kubeconfigText = `apiVersion: v1
kind: Config
current-context: %s
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: u, user: {token: secret-token}}]
contexts: [{name: dev, context: {cluster: c, user: u}}]
`

func TestKubeconfig(t *testing.T) {
	// What takes long the first time is not to be done amid a handshake.
	if _, err := x509.SystemCertPool(); err != nil {
		t.Fatal(err)
	}
	t.Parallel()
	ca := newAuthority(t)
	var token atomic.Value
	token.Store("secret-token")
	server, _ := secure(t, bearer(&token), ca)
	home := t.TempDir()
	data := base64.StdEncoding.EncodeToString(ca.pem)
	file := write(t, filepath.Join(home, ".kube/config"), fmt.Appendf(nil, kubeconfigText, "dev", server.URL, data))
	// Two files, of which the first only chooses the context.
	choice := write(t, filepath.Join(home, "choice"), []byte("apiVersion: v1\nkind: Config\ncurrent-context: dev\n"))
	rest := write(t, filepath.Join(home, "rest"), fmt.Appendf(nil, kubeconfigText, "nothing", server.URL, data))
	none := filepath.Join(home, "none")
	broken := write(t, filepath.Join(home, "broken"), []byte("apiVersion: v1\nkind: Config\nclusters: {"))
	blank := write(t, filepath.Join(home, "blank"), nil)
	other := newAuthority(t)
	wrong := write(t, filepath.Join(home, "wrong"), fmt.Appendf(nil, kubeconfigText, "dev", server.URL, base64.StdEncoding.EncodeToString(other.pem)))
	nowhere := write(t, filepath.Join(home, "nowhere"), fmt.Appendf(nil, kubeconfigText, "dev", "https://127.0.0.1:1", data))
	caFile := write(t, filepath.Join(home, "ca.crt"), ca.pem)
	tokenFile := write(t, filepath.Join(home, "token"), []byte("secret-token"))
	cert, key := ca.leaf(t, time.Now().Add(-time.Hour))
	expired := write(t, filepath.Join(home, "expired"), fmt.Appendf(nil, strings.Replace(kubeconfigText, "token: secret-token",
		"client-certificate-data: "+base64.StdEncoding.EncodeToString(cert)+", client-key-data: "+base64.StdEncoding.EncodeToString(key), 1), "dev", server.URL, data))

	for _, tt := range []struct {
		name   string
		access Access
		want   string // the origin, or what the error says
		err    bool
	}{
		{"home", Access{}, "kubeconfig " + file + ", context dev", false},
		{"named", Access{Kubeconfig: rest, Context: "dev"}, "kubeconfig " + rest + ", context dev", false},
		{"several", Access{Getenv: environ(map[string]string{"KUBECONFIG": strings.Join([]string{choice, none, rest}, string(os.PathListSeparator))})},
			"kubeconfig " + rest + ", context dev", false},
		{"server, token and CA", Access{Server: server.URL, Token: "secret-token", CAFile: caFile}, server.URL, false},
		{"server, token file and CA", Access{Server: server.URL, TokenFile: tokenFile, CAFile: caFile}, server.URL, false},
		{"insecure", Access{Server: server.URL, Token: "secret-token", InsecureSkipTLSVerify: true}, server.URL, false},
		{"token beside a client certificate", Access{Kubeconfig: expired, Token: "secret-token"}, "kubeconfig " + expired + ", context dev", false},
		{"points nowhere", Access{Kubeconfig: none}, "does not exist", true},
		{"broken", Access{Kubeconfig: broken}, broken, true},
		{"blank", Access{Kubeconfig: blank}, "no contexts", true},
		{"unknown context", Access{Context: "dve"}, `no context "dve"; did you mean "dev"?`, true},
		{"unknown current context", Access{Kubeconfig: rest}, `no context "nothing"; it has dev`, true},
		{"wrong CA", Access{Kubeconfig: wrong}, "certificate-authority-data of cluster c in " + wrong, true},
		{"nobody listens", Access{Kubeconfig: nowhere}, "unreachable", true},
		{"expired certificate", Access{Kubeconfig: expired}, "client-certificate-data expired on", true},
		{"wrong token", Access{Server: server.URL, Token: "wrong", CAFile: caFile}, "unauthorized", true},
		{"no CA", Access{Server: server.URL, Token: "secret-token"}, "the system's certificate authorities", true},
		{"token over HTTP", Access{Server: "http://192.0.2.1:8080", Token: "secret-token"}, "refusing to send a token over plain HTTP", true},
		{"no URL", Access{Server: "127.0.0.1:8001"}, "write https://HOST:PORT", true},
		{"two tokens", Access{Server: server.URL, Token: "x", TokenFile: tokenFile}, "exclude each other", true},
		{"no CA file", Access{Server: server.URL, Token: "x", CAFile: none}, none, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			access := tt.access
			if access.Getenv == nil {
				access.Getenv = environ(nil)
			}
			access.Home, access.Timeout = home, time.Minute
			var logged bytes.Buffer
			access.Log = slog.New(slog.NewTextHandler(&logged, nil))
			c, err := access.Client()
			got := ""
			if err == nil {
				t.Cleanup(c.Close)
				got, err = c.Origin, c.Available(t.Context())
			}
			if err != nil {
				got = err.Error()
			}
			if (err != nil) != tt.err || !strings.Contains(got, tt.want) || strings.Contains(got, "secret-token") {
				t.Errorf("%q (%v), want %q", got, err, tt.want)
			}
			if warned := strings.Contains(logged.String(), "not verified"); warned != access.InsecureSkipTLSVerify {
				t.Errorf("logged %q", logged.String())
			}
		})
	}
}

func TestNoAccess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		env          map[string]string
		reason, hint string
	}{
		{nil, "no API server is known: this is no pod, and there is no kubeconfig", "name one with KUBECONFIG"},
		{map[string]string{"KUBERNETES_SERVICE_HOST": "192.0.2.1", "KUBERNETES_SERVICE_PORT": "443"},
			"no API server is known: the pod has no token, " + dir + "/token does not exist",
			"remove automountServiceAccountToken: false from the pod and its service account"},
	} {
		_, err := Access{Getenv: environ(tt.env), Home: dir, ServiceAccountDir: dir}.Client()
		if reason, hint := Explain(err); !errors.Is(err, ErrNoAccess) || reason != tt.reason || hint != tt.hint || err.Error() != reason+"; "+hint {
			t.Errorf("%v: %v", tt.env, err)
		}
	}
}

// TestPlainProxy is kubectl proxy, with a path before that of the API.
func TestPlainProxy(t *testing.T) {
	t.Parallel()
	a := plainAPI(t)
	a.put(label("one"))
	proxy := httptest.NewServer(http.StripPrefix("/k8s/clusters/c1", a))
	t.Cleanup(proxy.Close)
	c := connectTo(t, Access{Server: proxy.URL + "/k8s/clusters/c1"})
	s := &Source{Client: c, Pod: Target{Namespace: "shop", Name: "web-0"}, Plan: NewPlan(needs("pod.labels", "cluster.version"), nil, Once)}
	l, err := s.Read(t.Context())
	if err != nil || !l.Has("cluster.version") || !l.Has(appPath()) {
		t.Errorf("%v, %v", l.Paths(), err)
	}
}
