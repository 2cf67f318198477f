package apiserver

import (
	"errors"
	"log/slog"
	"time"
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
	Server     string // a URL; that of a proxy may be plain HTTP

	// Token and TokenFile replace other credentials. The file is read for every
	// request, so that it may be replaced at any time.
	Token, TokenFile string
	// CAFile replaces the certificate authority. When a certificate is refused,
	// it is read again.
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
