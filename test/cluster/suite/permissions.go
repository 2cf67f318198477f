package suite

import (
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// awaitPermissions waits until a binding gives what its role says. The API server notices
// a moment after it has stored it (its authorizer watches), and refuses who asks before.
func (n *Namespace) awaitPermissions(u object) error {
	var binding rbacv1.RoleBinding // which has the fields of a ClusterRoleBinding
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &binding); err != nil {
		return err
	}
	rules, err := n.rules(n.t.Context(), binding.RoleRef)
	if err != nil {
		return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
	}
	for _, subject := range binding.Subjects {
		for _, rule := range rules {
			spec, ok := review(rule, binding.Namespace)
			if !ok {
				continue
			}
			as(&spec, subject)
			n.Await(fmt.Sprintf("%s %s to be in force", u.GetKind(), u.GetName()), func() error {
				answer, err := n.suite.client.AuthorizationV1().SubjectAccessReviews().
					Create(n.t.Context(), &authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
				if err == nil && !answer.Status.Allowed {
					err = fmt.Errorf("%s %s may not %v: %s", subject.Kind, subject.Name, rule, answer.Status.Reason)
				}
				return err
			})
		}
	}
	return nil
}

func (n *Namespace) rules(ctx context.Context, ref rbacv1.RoleRef) ([]rbacv1.PolicyRule, error) {
	client := n.suite.client.RbacV1()
	if ref.Kind == "ClusterRole" {
		role, err := client.ClusterRoles().Get(ctx, ref.Name, metav1.GetOptions{})
		return role.Rules, err
	}
	role, err := client.Roles(n.Name).Get(ctx, ref.Name, metav1.GetOptions{})
	return role.Rules, err
}

// review asks for one of the things that a rule allows, in a namespace, or in all. In a
// namespace, a rule for paths allows nothing.
func review(rule rbacv1.PolicyRule, namespace string) (spec authorizationv1.SubjectAccessReviewSpec, ok bool) {
	switch {
	case len(rule.Verbs) == 0:
		return spec, false
	case len(rule.Resources) > 0 && len(rule.APIGroups) > 0:
		spec.ResourceAttributes = &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: rule.Verbs[0], Group: rule.APIGroups[0],
		}
		attributes := spec.ResourceAttributes
		attributes.Resource, attributes.Subresource, _ = strings.Cut(rule.Resources[0], "/")
		if len(rule.ResourceNames) > 0 {
			attributes.Name = rule.ResourceNames[0]
		}
		return spec, true
	case len(rule.NonResourceURLs) > 0 && namespace == "":
		spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Path: rule.NonResourceURLs[0], Verb: rule.Verbs[0]}
		return spec, true
	default:
		return spec, false
	}
}

// as has a subject ask.
func as(spec *authorizationv1.SubjectAccessReviewSpec, subject rbacv1.Subject) {
	switch subject.Kind {
	case rbacv1.GroupKind:
		spec.Groups = []string{subject.Name}
	case rbacv1.ServiceAccountKind:
		spec.User = "system:serviceaccount:" + subject.Namespace + ":" + subject.Name
	default:
		spec.User = subject.Name
	}
}
