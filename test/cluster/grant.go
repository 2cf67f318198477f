package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

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
	if err != nil {
		return err
	}
	role, binding := "Role", "RoleBinding"
	if namespace == "" {
		role, binding = "ClusterRole", "ClusterRoleBinding"
	}
	// The kinds for the cluster have the same fields.
	made, err := clients.grant(ctx, role, namespace, &rbacv1.Role{Rules: rules})
	if err != nil {
		return fmt.Errorf("granting to %s: %w", a.Username(), err)
	}
	_, err = clients.grant(ctx, binding, namespace, &rbacv1.RoleBinding{
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role, Name: made.GetName()},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: a.Namespace, Name: a.Name}},
	})
	if err != nil {
		return fmt.Errorf("granting to %s: %w", a.Username(), err)
	}
	for _, rule := range rules {
		for _, attributes := range resourceAttributes(namespace, rule) {
			for {
				allowed, err := a.Allowed(ctx, attributes)
				if err != nil {
					return err
				}
				if allowed {
					break
				}
				time.Sleep(poll) // Allowed ends with ctx
			}
		}
	}
	return nil
}

func (c *Client) grant(ctx context.Context, kind, namespace string, object any) (*unstructured.Unstructured, error) {
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
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User:               a.Username(),
			Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + a.Namespace, "system:authenticated"},
			ResourceAttributes: &what,
		},
	})
	if err != nil {
		return false, err
	}
	review := &unstructured.Unstructured{Object: fields}
	review.SetGroupVersionKind(authorizationv1.SchemeGroupVersion.WithKind("SubjectAccessReview"))
	resource, err := clients.resource(review.GroupVersionKind(), "")
	if err != nil {
		return false, err
	}
	if review, err = resource.Create(ctx, review, metav1.CreateOptions{}); err != nil {
		return false, fmt.Errorf("asking what %s may do: %w", a.Username(), err)
	}
	allowed, _, err := unstructured.NestedBool(review.Object, "status", "allowed")
	return allowed, err
}

// resourceAttributes is all that a rule allows, one by one.
func resourceAttributes(namespace string, rule rbacv1.PolicyRule) []authorizationv1.ResourceAttributes {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	var all []authorizationv1.ResourceAttributes
	for _, verb := range rule.Verbs {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				resource, subresource, _ := strings.Cut(resource, "/")
				for _, name := range names {
					all = append(all, authorizationv1.ResourceAttributes{
						Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: subresource, Name: name,
					})
				}
			}
		}
	}
	return all
}
