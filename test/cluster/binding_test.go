package cluster

import (
	"fmt"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// TestAwaitBinding has subjects of each kind use what a binding gives them as soon as it
// has been waited for: first in a namespace, then everywhere. It does so several times,
// since the server is late by no more than a moment.
func TestAwaitBinding(t *testing.T) {
	t.Parallel()
	const namespace = "bindings"
	clients, err := shared.client()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Apply(t.Context(), configMap(namespace, "a", "v1")); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		name := fmt.Sprintf("bound-%d", i)
		for subject, who := range map[rbacv1.Subject]rest.ImpersonationConfig{
			{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: namespace}: {UserName: "system:serviceaccount:" + namespace + ":" + name},
			{Kind: rbacv1.UserKind, Name: name}:                                 {UserName: name},
			{Kind: rbacv1.GroupKind, Name: name}:                                {UserName: "anybody", Groups: []string{name}},
		} {
			client := impersonate(t, who)
			for _, scope := range []string{namespace, ""} {
				if err := clients.grantTo(t.Context(), subject, scope, []rbacv1.PolicyRule{read("configmaps")}); err != nil {
					t.Fatal(err)
				}
				if _, err := client.Resource(configMaps).Namespace(scope).List(t.Context(), metav1.ListOptions{}); err != nil {
					t.Errorf("the %s %s in %q: %v", subject.Kind, name, scope, err)
				}
			}
		}
	}
}

func impersonate(t *testing.T, who rest.ImpersonationConfig) dynamic.Interface {
	t.Helper()
	config, err := shared.Config()
	if err != nil {
		t.Fatal(err)
	}
	config.Impersonate = who
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
