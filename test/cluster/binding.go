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

// AwaitBinding returns when the API server acts on a RoleBinding or a ClusterRoleBinding,
// which it does a moment after it stored it: its authorizer watches, and refuses who asks
// before. The role is there already.
func (c *Client) AwaitBinding(ctx context.Context, u *unstructured.Unstructured) error {
	var binding rbacv1.RoleBinding // which has the fields of a ClusterRoleBinding
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &binding); err != nil {
		return err
	}
	rules, err := c.rules(ctx, binding.RoleRef, binding.Namespace)
	if err != nil {
		return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
	}
	for _, subject := range binding.Subjects {
		spec := asking(subject)
		for _, rule := range rules {
			for _, what := range resourceAttributes(binding.Namespace, rule) {
				spec.ResourceAttributes = &what
				if err := c.awaitAllowed(ctx, spec); err != nil {
					return fmt.Errorf("%s %s: %s %s may not yet %+v: %w", u.GetKind(), u.GetName(), subject.Kind, subject.Name, what, err)
				}
			}
		}
	}
	return nil
}

// rules are those of a Role in a namespace, or of a ClusterRole.
func (c *Client) rules(ctx context.Context, ref rbacv1.RoleRef, namespace string) ([]rbacv1.PolicyRule, error) {
	if ref.Kind == "ClusterRole" {
		namespace = ""
	}
	resource, err := c.resource(rbacv1.SchemeGroupVersion.WithKind(ref.Kind), namespace)
	if err != nil {
		return nil, err
	}
	u, err := resource.Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	var role rbacv1.Role // which has the rules where a ClusterRole has them
	err = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &role)
	return role.Rules, err
}

// asking has a subject ask.
func asking(subject rbacv1.Subject) authorizationv1.SubjectAccessReviewSpec {
	switch subject.Kind {
	case rbacv1.GroupKind:
		return authorizationv1.SubjectAccessReviewSpec{Groups: []string{subject.Name}}
	case rbacv1.ServiceAccountKind:
		return authorizationv1.SubjectAccessReviewSpec{
			User:   username(subject.Namespace, subject.Name),
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + subject.Namespace, "system:authenticated"},
		}
	default:
		return authorizationv1.SubjectAccessReviewSpec{User: subject.Name}
	}
}

func (c *Client) awaitAllowed(ctx context.Context, spec authorizationv1.SubjectAccessReviewSpec) error {
	for {
		if allowed, err := c.allowed(ctx, spec); err != nil || allowed {
			return err
		}
		time.Sleep(poll) // allowed ends with ctx
	}
}

func (c *Client) allowed(ctx context.Context, spec authorizationv1.SubjectAccessReviewSpec) (bool, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&authorizationv1.SubjectAccessReview{Spec: spec})
	if err != nil {
		return false, err
	}
	review := &unstructured.Unstructured{Object: fields}
	review.SetGroupVersionKind(authorizationv1.SchemeGroupVersion.WithKind("SubjectAccessReview"))
	resource, err := c.resource(review.GroupVersionKind(), "")
	if err != nil {
		return false, err
	}
	if review, err = resource.Create(ctx, review, metav1.CreateOptions{}); err != nil {
		return false, err
	}
	allowed, _, err := unstructured.NestedBool(review.Object, "status", "allowed")
	return allowed, err
}

// resourceAttributes is all that a rule allows of resources, one by one.
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
