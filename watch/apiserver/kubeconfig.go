package apiserver

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfig reads files as kubectl does: what the first file says wins, and
// of several, those that do not exist are passed over.
func (a Access) kubeconfig(list string) (found, error) {
	files := slices.DeleteFunc(filepath.SplitList(list), func(file string) bool { return file == "" })
	if !slices.ContainsFunc(files, exists) {
		return found{}, fmt.Errorf("kubeconfig %s does not exist; check KUBECONFIG and --kubeconfig", strings.Join(files, ", "))
	}
	files = slices.DeleteFunc(files, func(file string) bool { return !exists(file) })
	config, err := (&clientcmd.ClientConfigLoadingRules{Precedence: files}).Load()
	if err != nil {
		return found{}, fmt.Errorf("kubeconfig %s: %w; kubectl config view shows what it holds", strings.Join(files, ", "), err)
	}
	name, err := a.context(config, files)
	if err != nil {
		return found{}, err
	}
	chosen := config.Contexts[name]
	file := cmp.Or(chosen.LocationOfOrigin, files[0])
	f := found{origin: fmt.Sprintf("kubeconfig %s, context %s", file, name), namespace: chosen.Namespace}
	f.config, err = clientcmd.NewNonInteractiveClientConfig(*config, name, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return found{}, fmt.Errorf("%s: %w", f.origin, err)
	}
	switch cluster := config.Clusters[chosen.Cluster]; {
	case f.config.CAFile != "":
		f.ca = f.config.CAFile
	case len(f.config.CAData) > 0:
		f.ca = fmt.Sprintf("certificate-authority-data of cluster %s in %s", chosen.Cluster, cmp.Or(cluster.LocationOfOrigin, file))
	default:
		f.ca = "the system's certificate authorities"
	}
	if err := trustworthy(f.config); err != nil && a.CAFile == "" {
		return found{}, fmt.Errorf("%s: %s %w", f.origin, f.ca, err)
	}
	if err := unexpired(f.config); err != nil && a.Token == "" && a.TokenFile == "" {
		return found{}, fmt.Errorf("%s: user %s: %w", f.origin, chosen.AuthInfo, err)
	}
	return f, nil
}

// context chooses the context.
func (a Access) context(config *api.Config, files []string) (string, error) {
	name := cmp.Or(a.Context, config.CurrentContext)
	names := slices.Sorted(maps.Keys(config.Contexts))
	at := strings.Join(files, ", ")
	switch {
	case len(names) == 0:
		return "", fmt.Errorf("kubeconfig %s has no contexts; is it a kubeconfig?", at)
	case name == "":
		return "", fmt.Errorf("kubeconfig %s names no current-context; choose one with --context: %s", at, strings.Join(names, ", "))
	case config.Contexts[name] != nil:
		return name, nil
	}
	return "", fmt.Errorf("kubeconfig %s has no context %q%s", at, name, cmp.Or(nearest(name, names), "; it has "+strings.Join(names, ", ")))
}

// trustworthy reports a CA that holds no certificate.
func trustworthy(c *rest.Config) error {
	data := c.CAData
	if len(data) == 0 && c.CAFile != "" {
		var err error
		if data, err = os.ReadFile(c.CAFile); err != nil {
			return err
		}
	}
	if len(data) > 0 && !x509.NewCertPool().AppendCertsFromPEM(data) {
		return errors.New("holds no certificate; it must be PEM")
	}
	return nil
}

// unexpired says before any request is made that a client certificate is too
// old; a server only says that it is bad.
func unexpired(c *rest.Config) error {
	data, at := c.CertData, "client-certificate-data"
	if len(data) == 0 && c.CertFile != "" {
		var err error
		if data, err = os.ReadFile(c.CertFile); err != nil {
			return err
		}
		at = c.CertFile
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if time.Now().After(cert.NotAfter) {
		return &Error{Reason: Expired, Err: fmt.Errorf("the client certificate in %s expired on %s; renew it",
			at, cert.NotAfter.UTC().Format(time.RFC3339))}
	}
	return nil
}
