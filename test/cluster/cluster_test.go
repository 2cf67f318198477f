package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
)

// shared is for tests that keep to a namespace of their own and leave the server alone.
var shared *Cluster

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && helper(os.Args[1]) {
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if shared, err = New(context.Background(), Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := shared.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestServerIsTheVersionOfGoMod(t *testing.T) {
	t.Parallel()
	module, err := moduleDir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{origin: APIServer.origin(), module: module}
	if err := b.describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	config, err := shared.Config()
	if err != nil {
		t.Fatal(err)
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	version, err := client.ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if version.GitVersion != b.version || version.Major != "1" {
		t.Errorf("server %s (major %s), go.mod %s", version.GitVersion, version.Major, b.version)
	}
}

func TestOutageKeepsDataAndAddress(t *testing.T) {
	t.Parallel()
	c := Start(t)
	uids, err := c.Apply(t.Context(), configMap("shop", "settings", "v1"))
	if err != nil {
		t.Fatal(err)
	}
	url := c.URL()
	account, err := c.ServiceAccount(t.Context(), "shop", "web")
	if err != nil {
		t.Fatal(err)
	}
	token, err := account.Token(t.Context(), TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := account.Grant(t.Context(), "shop", read("configmaps")); err != nil {
		t.Fatal(err)
	}
	client := as(t, c, token)

	for name, stop := range map[string]func() error{"stopped": c.StopServer, "killed": c.KillServer} {
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		address := strings.TrimPrefix(c.URL(), "https://")
		if conn, err := net.DialTimeout("tcp", address, time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: dialing: connection %v, error %v; want it refused", name, conn, err)
		}
		if err := c.StartServer(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.URL() != url {
			t.Errorf("%s: address %s, was %s", name, c.URL(), url)
		}
		// The client of before, with the token of before.
		var found *unstructured.Unstructured
		eventually(t, func() (err error) {
			found, err = client.Resource(configMaps).Namespace("shop").Get(t.Context(), "settings", metav1.GetOptions{})
			return err
		})
		if found.GetUID() != uids["ConfigMap/shop/settings"] {
			t.Errorf("%s: uid %s, was %s", name, found.GetUID(), uids["ConfigMap/shop/settings"])
		}
	}
}

func TestRotateCertificate(t *testing.T) {
	t.Parallel()
	c := Start(t)
	first := authority(t, c)
	if err := connect(c, first); err != nil {
		t.Fatal(err)
	}
	if err := c.RotateCertificate(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := authority(t, c)
	if err := connect(c, first); !isUnknownAuthority(err) {
		t.Errorf("trusting the old authority: %v", err)
	}
	if err := connect(c, second); err != nil {
		t.Errorf("trusting the new authority: %v", err)
	}
	// The cluster's own methods do, and the kubeconfig does.
	if _, err := c.Apply(t.Context(), configMap("default", "settings", "v1")); err != nil {
		t.Error(err)
	}
	if out, err := c.Kubectl(t.Context(), "get", "configmap", "settings", "-o", "jsonpath={.data.version}"); err != nil || out != "v1" {
		t.Errorf("kubectl: %q, %v", out, err)
	}

	// While the server is down, too.
	if err := c.StopServer(); err != nil {
		t.Fatal(err)
	}
	if err := c.RotateCertificate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.StartServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := connect(c, second); !isUnknownAuthority(err) {
		t.Errorf("after another rotation, trusting the authority before: %v", err)
	}
	if err := connect(c, authority(t, c)); err != nil {
		t.Errorf("after another rotation: %v", err)
	}
}

func authority(t *testing.T, c *Cluster) *x509.CertPool {
	t.Helper()
	ca, err := c.CA()
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatalf("no certificate in %s", ca)
	}
	return pool
}

// connect makes a connection, where a client might have an open one.
func connect(c *Cluster, authority *x509.CertPool) error {
	conn, err := tls.Dial("tcp", strings.TrimPrefix(c.URL(), "https://"), &tls.Config{RootCAs: authority})
	if err != nil {
		return err
	}
	return conn.Close()
}

func isUnknownAuthority(err error) bool {
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return ok
}

func TestFlagsReachTheServer(t *testing.T) {
	t.Parallel()
	_, err := New(t.Context(), Options{Flags: []string{"--no-such-flag"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-flag") {
		t.Errorf("error %v does not hold what the server said", err)
	}
}

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

func configMap(namespace, name, version string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata: {version: %s}\n",
		name, namespace, version)
}

// read allows to get, list and watch core resources.
func read(resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: resources, Verbs: []string{"get", "list", "watch"}}
}

// as is a client for whoever has the token.
func as(t *testing.T, c *Cluster, token string) dynamic.Interface {
	t.Helper()
	config, err := c.ConfigFor(token)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// eventually retries for as long as it takes on a busy machine.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	const patience = 2 * time.Minute
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(poll) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("after %v: %v", patience, err)
}
