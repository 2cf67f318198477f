package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/serviceaccount"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
)

const pod = `apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: NAMESPACE}
spec:
  serviceAccountName: web
  containers: [{name: main, image: example.com/web:1}]
`

func TestAccountMayWhatItIsGranted(t *testing.T) {
	t.Parallel()
	account, client := newAccount(t, "grants", TokenOptions{})
	if _, err := shared.Apply(t.Context(), configMap("grants", "a", "v1"), configMap("grants", "b", "v1"),
		configMap("grants-elsewhere", "a", "v1")); err != nil {
		t.Fatal(err)
	}
	get := func(namespace, name string) error {
		_, err := client.Resource(configMaps).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
		return err
	}
	if err := get("grants", "a"); !apierrors.IsForbidden(err) {
		t.Errorf("before a grant: %v; want it forbidden", err)
	}
	rule := read("configmaps")
	rule.ResourceNames = []string{"a"}
	if err := account.Grant(t.Context(), "grants", rule); err != nil {
		t.Fatal(err)
	}
	if err := get("grants", "a"); err != nil {
		t.Errorf("granted by name: %v", err)
	}
	if err := get("grants", "b"); !apierrors.IsForbidden(err) {
		t.Errorf("another name: %v; want it forbidden", err)
	}
	// RBAC knows the name of a list by its field selector.
	_, err := client.Resource(configMaps).Namespace("grants").List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=a"})
	if err != nil {
		t.Errorf("listing the granted name: %v", err)
	}
	if err := get("grants-elsewhere", "a"); !apierrors.IsForbidden(err) {
		t.Errorf("another namespace: %v; want it forbidden", err)
	}
	if err := account.Grant(t.Context(), "", read("configmaps")); err != nil {
		t.Fatal(err)
	}
	if err := get("grants-elsewhere", "a"); err != nil {
		t.Errorf("granted in the cluster: %v", err)
	}
}

func TestExpiredTokenIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lifetime time.Duration
		refused  bool
	}{
		"granted by the server": {time.Hour, false},
		"signed here":           {time.Minute, false},
		"over":                  {-5 * time.Minute, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newAccount(t, "tokens", TokenOptions{Lifetime: test.lifetime})
			_, err := client.Resource(configMaps).Namespace("tokens").Get(t.Context(), "none", metav1.GetOptions{})
			// Known, it is forbidden; unknown, it is unauthorized.
			if apierrors.IsUnauthorized(err) != test.refused || apierrors.IsForbidden(err) == test.refused {
				t.Errorf("refused is to be %t: %v", test.refused, err)
			}
		})
	}
}

func TestTokenEndsWithItsPod(t *testing.T) {
	t.Parallel()
	if _, err := shared.Apply(t.Context(), strings.ReplaceAll(pod, "NAMESPACE", "bound")); err != nil {
		t.Fatal(err)
	}
	_, client := newAccount(t, "bound", TokenOptions{Pod: "web-1"})
	get := func() error {
		_, err := client.Resource(configMaps).Namespace("bound").Get(t.Context(), "none", metav1.GetOptions{})
		return err
	}
	if err := get(); !apierrors.IsForbidden(err) {
		t.Fatalf("while the pod lives: %v; want the token known", err)
	}
	if _, err := shared.Kubectl(t.Context(), "delete", "pod", "web-1", "-n", "bound", "--force", "--grace-period=0"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if err := get(); !apierrors.IsUnauthorized(err) {
			return errors.Join(errors.New("the token is still known"), err)
		}
		return nil
	})
}

func TestInClusterIsReadAndReplaced(t *testing.T) {
	t.Parallel()
	if _, err := shared.Apply(t.Context(), strings.ReplaceAll(pod, "NAMESPACE", "mounted")); err != nil {
		t.Fatal(err)
	}
	account, err := shared.ServiceAccount(t.Context(), "mounted", "web")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := shared.CA()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "serviceaccount")
	for _, bound := range []string{"", "web-1"} {
		token, err := account.Token(t.Context(), TokenOptions{Pod: bound})
		if err != nil {
			t.Fatal(err)
		}
		if err := (InCluster{Token: token, CA: ca, Namespace: "mounted"}).Write(dir); err != nil {
			t.Fatal(err)
		}
		snapshot, err := watch.Collect(t.Context(), &serviceaccount.Source{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if fact, err := snapshot.Lookup(watch.PodNamespace); err != nil || fact.Value != "mounted" {
			t.Errorf("pod.namespace is %v: %v", fact.Value, err)
		}
		// Only a bound token names a pod.
		fact, err := snapshot.Lookup(watch.PodName)
		if bound == "" && err == nil || bound != "" && fact.Value != bound {
			t.Errorf("pod.name is %v (%v), the token is bound to %q", fact.Value, err, bound)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		if entry.Type()&os.ModeSymlink == 0 {
			continue
		}
		names = append(names, entry.Name())
	}
	if want := []string{"..data", "ca.crt", "namespace", "token"}; !slices.Equal(names, want) || len(entries) != len(want)+1 {
		t.Errorf("links %v and %d entries; want %v and one directory", names, len(entries), want)
	}
}

// newAccount makes the account web, and a client that has its token.
func newAccount(t *testing.T, namespace string, o TokenOptions) (*ServiceAccount, dynamic.Interface) {
	t.Helper()
	account, err := shared.ServiceAccount(t.Context(), namespace, "web")
	if err != nil {
		t.Fatal(err)
	}
	token, err := account.Token(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return account, as(t, shared, token)
}
