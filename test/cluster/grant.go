package cluster

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Grant allows the account what the rules say: in one namespace by a Role, or in all of
// the cluster by a ClusterRole when namespace is empty. It returns when the API server
// acts on it, which it does a moment after it stored it.
func (a *ServiceAccount) Grant(ctx context.Context, namespace string, rules ...rbacv1.PolicyRule) error {
	clients, err := a.cluster.client()
	if err == nil {
		err = clients.grantTo(ctx, a.subject(), namespace, rules)
	}
	if err != nil {
		return fmt.Errorf("granting to %s: %w", a.Username(), err)
	}
	return nil
}

func (c *Client) grantTo(ctx context.Context, subject rbacv1.Subject, namespace string, rules []rbacv1.PolicyRule) error {
	role, binding := "Role", "RoleBinding"
	if namespace == "" {
		role, binding = "ClusterRole", "ClusterRoleBinding"
	}
	// The kinds for the cluster have the same fields.
	made, err := c.create(ctx, role, namespace, &rbacv1.Role{Rules: rules})
	if err != nil {
		return err
	}
	bound, err := c.create(ctx, binding, namespace, &rbacv1.RoleBinding{
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role, Name: made.GetName()},
		Subjects: []rbacv1.Subject{subject},
	})
	if err != nil {
		return err
	}
	return c.AwaitBinding(ctx, bound)
}

func (a *ServiceAccount) subject() rbacv1.Subject {
	return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: a.Namespace, Name: a.Name}
}

func (c *Client) create(ctx context.Context, kind, namespace string, object any) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind(kind))
	u.SetGenerateName("grant-")
	resource, err := c.resource(u.GroupVersionKind(), namespace)
	if err != nil {
		return nil, err
	}
	return resource.Create(ctx, u, metav1.CreateOptions{})
}

// Allowed asks the API server whether the account may do something.
func (a *ServiceAccount) Allowed(ctx context.Context, what authorizationv1.ResourceAttributes) (bool, error) {
	clients, err := a.cluster.client()
	if err != nil {
		return false, err
	}
	spec := asking(a.subject())
	spec.ResourceAttributes = &what
	allowed, err := clients.allowed(ctx, spec)
	if err != nil {
		return false, fmt.Errorf("asking what %s may do: %w", a.Username(), err)
	}
	return allowed, nil
}
