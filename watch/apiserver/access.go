package apiserver

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/podfacts/podfacts/watch"
)

// Access says how to reach an API server. The zero Access does what Kubernetes
// users expect; the first of these that is there is taken:
//
//  1. Server, Kubeconfig or Context, which somebody named
//  2. the files that KUBECONFIG lists, merged
//  3. the service account of the pod
//  4. ~/.kube/config
//
// Server alone uses no credentials but Token or TokenFile; beside Kubeconfig or
// Context it replaces the server that they name.
type Access struct {
	Kubeconfig string // a file, or several as in KUBECONFIG
	Context    string // empty means the current one
	Server     string // a URL; that of a proxy on loopback may be plain HTTP

	// Token and TokenFile replace other credentials. The file is read for every
	// request, so that it may be replaced at any time.
	Token, TokenFile string
	// CAFile replaces the certificate authority. It is read again when a
	// certificate is refused.
	CAFile string
	// InsecureSkipTLSVerify trusts any server. It warns, and is refused with the
	// credentials of a pod.
	InsecureSkipTLSVerify bool

	// Timeout bounds every request but watches. Default 5 s.
	Timeout time.Duration
	// UserAgent is what the API server's audit log shows. Default podfacts.
	UserAgent string
	// Log gets warnings. Nil means slog.Default.
	Log *slog.Logger

	// Getenv, Home and ServiceAccountDir replace the environment, the home
	// directory and the directory of the service account.
	Getenv            func(string) string
	Home              string
	ServiceAccountDir string
}

// ErrNoAccess says that nothing names an API server: neither a flag nor a
// kubeconfig nor a pod's service account.
var ErrNoAccess = errors.New("no API server is known")

// noAccess is an [ErrNoAccess] with its reason and what to do.
type noAccess struct{ reason, hint string }

func (e *noAccess) Error() string { return e.short() + "; " + e.hint }
func (e *noAccess) short() string { return ErrNoAccess.Error() + ": " + e.reason }
func (*noAccess) Unwrap() error   { return ErrNoAccess }

const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// found is an API server and how it was found.
type found struct {
	config    *rest.Config
	origin    string
	ca        string // what says which certificates are trusted
	tokenFile string
	inCluster bool
	namespace string // where names without one are; empty means default
}

// Client makes a client and asks nothing yet. The error wraps [ErrNoAccess]
// where no API server is known; everything else that is wrong with the access
// is an error too, and no reason to go on without.
func (a Access) Client() (*Client, error) {
	f, err := a.find()
	if err != nil {
		return nil, err
	}
	if err := a.override(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", f.origin, err)
	}
	f.config.UserAgent = cmp.Or(a.UserAgent, "podfacts")
	c, err := newClient(f, a.Timeout)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.origin, err)
	}
	if f.config.Insecure {
		a.log().Warn("the certificate of the API server is not verified", "server", f.config.Host, "access", f.origin)
	}
	return c, nil
}

func (a Access) find() (found, error) {
	list := a.getenv("KUBECONFIG")
	switch {
	case a.Kubeconfig != "":
		return a.kubeconfig(a.Kubeconfig)
	case a.Context != "" && list == "":
		return a.kubeconfig(a.homeConfig())
	case a.Context != "":
		return a.kubeconfig(list)
	case a.Server != "":
		return found{config: &rest.Config{Host: a.Server}, origin: a.Server, ca: "the system's certificate authorities"}, nil
	case list != "":
		return a.kubeconfig(list)
	}
	f, err := a.serviceAccount()
	if err == nil {
		return f, nil
	}
	if file := a.homeConfig(); exists(file) {
		return a.kubeconfig(file)
	}
	return f, err
}

// serviceAccount is what rest.InClusterConfig does, with a directory and an
// environment of choice.
func (a Access) serviceAccount() (found, error) {
	dir := cmp.Or(a.ServiceAccountDir, serviceAccountDir)
	host, port := a.getenv("KUBERNETES_SERVICE_HOST"), cmp.Or(a.getenv("KUBERNETES_SERVICE_PORT"), a.getenv("KUBERNETES_SERVICE_PORT_HTTPS"))
	if host == "" || port == "" {
		return found{}, &noAccess{"this is no pod, and there is no kubeconfig", "name one with KUBECONFIG"}
	}
	f := found{
		origin:    "service account " + dir,
		ca:        filepath.Join(dir, "ca.crt"),
		tokenFile: filepath.Join(dir, "token"),
		inCluster: true,
	}
	if data, err := os.ReadFile(filepath.Join(dir, "namespace")); err == nil {
		f.namespace = strings.TrimSpace(string(data))
	}
	named := a.Token != "" || a.TokenFile != "" // a projected one, say, where nothing is mounted by itself
	switch {
	case !named && !exists(f.tokenFile):
		return found{}, &noAccess{fmt.Sprintf("the pod has no token, %s does not exist", f.tokenFile),
			"remove automountServiceAccountToken: false from the pod and its service account"}
	case named && a.CAFile == "" && !exists(f.ca):
		return found{}, fmt.Errorf("a token is named, but no certificate authority, and %s does not exist; project ca.crt of the ConfigMap kube-root-ca.crt beside the token, and name it with --certificate-authority", f.ca)
	}
	f.config = &rest.Config{Host: "https://" + net.JoinHostPort(host, port), TLSClientConfig: rest.TLSClientConfig{CAFile: f.ca}}
	return f, nil
}

// override puts in what was given explicitly, and checks what comes of it.
func (a Access) override(f *found) error {
	c := f.config
	if a.Server != "" {
		c.Host = a.Server
	}
	if a.Token != "" && a.TokenFile != "" {
		return errors.New("a token and a token file exclude each other; give one of them")
	}
	if a.Token != "" || a.TokenFile != "" {
		// What else may say who we are would compete with the token.
		c.Username, c.Password, c.BearerToken, c.BearerTokenFile = "", "", "", ""
		c.CertFile, c.KeyFile, c.CertData, c.KeyData = "", "", nil, nil
		c.ExecProvider, c.AuthProvider = nil, nil
		c.BearerToken, f.tokenFile = a.Token, a.TokenFile
	}
	if c.BearerTokenFile != "" {
		f.tokenFile, c.BearerTokenFile, c.BearerToken = c.BearerTokenFile, "", ""
	}
	if a.CAFile != "" {
		if data, err := os.ReadFile(a.CAFile); err != nil {
			return fmt.Errorf("certificate authority: %w", err)
		} else if !x509.NewCertPool().AppendCertsFromPEM(data) {
			return fmt.Errorf("certificate authority %s holds no certificate; it must be PEM", a.CAFile)
		}
		c.CAFile, c.CAData, f.ca = a.CAFile, nil, a.CAFile
	}
	if a.InsecureSkipTLSVerify {
		if f.inCluster {
			return errors.New("refusing to send the pod's token to a server that is not verified; mend ca.crt instead of skipping TLS verification")
		}
		c.Insecure, c.CAFile, c.CAData = true, "", nil
	}
	return a.checkServer(f)
}

func (a Access) checkServer(f *found) error {
	u, err := url.Parse(f.config.Host)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%q is not the URL of an API server; write https://HOST:PORT, or http://127.0.0.1:8001 for kubectl proxy", f.config.Host)
	}
	secret := f.config.BearerToken != "" || f.tokenFile != "" || f.config.Password != "" || f.config.ExecProvider != nil
	if u.Scheme == "http" && secret && !loopback(u.Hostname()) {
		return fmt.Errorf("refusing to send a token over plain HTTP to %s; use https", u.Host)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (a Access) getenv(name string) string {
	if a.Getenv == nil {
		return os.Getenv(name)
	}
	return a.Getenv(name)
}

func (a Access) homeConfig() string {
	home := a.Home
	if home == "" {
		home, _ = os.UserHomeDir() // without one, the file is not there either
	}
	return filepath.Join(home, ".kube", "config")
}

func (a Access) log() *slog.Logger {
	if a.Log == nil {
		return slog.Default()
	}
	return a.Log
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// nearest says which name was most likely meant.
func nearest(name string, candidates []string) string {
	if n := watch.Nearest(name, candidates); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}
