package cluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/util/cert"
)

// writeCredentials writes all that a server reads when it starts.
func (c *Cluster) writeCredentials() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	c.key, c.token = key, rand.Text()
	account := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	for name, text := range map[string]string{
		"account.key": string(account),
		"tokens.csv":  c.token + ",admin,admin,system:masters\n",
		"audit.yaml":  auditPolicy,
	} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := c.WriteKubeconfig(c.Kubeconfig(), c.token, "default"); err != nil {
		return err
	}
	_, err = c.writeCertificate()
	return err
}

// WriteKubeconfig writes a kubeconfig for whoever has this token. It names
// [Cluster.CAFile], and so outlives a change of the certificate.
func (c *Cluster) WriteKubeconfig(path, token, namespace string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts:
- name: test
  context: {cluster: test, user: test, namespace: %q}
clusters:
- name: test
  cluster: {server: %q, certificate-authority: %q}
users:
- name: test
  user: {token: %q}
`, namespace, c.URL(), c.CAFile(), token)
	return os.WriteFile(path, []byte(text), 0o600)
}

// RotateCertificate replaces the serving certificate and the authority behind it, in
// [Cluster.CAFile] and in the running server, which reads it anew: connections stay
// open, and new ones have to trust the new authority. While the server is stopped this
// holds from its next start.
func (c *Cluster) RotateCertificate(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ca, err := c.writeCertificate()
	if err != nil {
		return err
	}
	c.clients = nil
	if c.server == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: pool}}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(c.port)))
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API server does not take its new certificate: %w", err)
		case <-time.After(poll):
		}
	}
}

// writeCertificate returns the authority.
func (c *Cluster) writeCertificate() ([]byte, error) {
	chain, key, err := cert.GenerateSelfSignedCertKey(loopback, []net.IP{net.IPv4(10, 0, 0, 1)},
		[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"})
	if err != nil {
		return nil, err
	}
	// The server's own certificate comes first, its authority last.
	ca := chain[bytes.LastIndex(chain, []byte("-----BEGIN CERTIFICATE-----")):]
	for name, text := range map[string][]byte{"ca.crt": ca, "server.crt": chain, "server.key": key} {
		if err := os.WriteFile(filepath.Join(c.dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	return ca, nil
}
