package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
)

const fieldManager = "test-cluster"

// UIDs tells what the cluster calls the applied objects: by Kind/name, or by
// Kind/namespace/name.
type UIDs map[string]types.UID

// Apply creates objects, or brings existing ones to what is said here, by server-side
// apply. Each source is a YAML or JSON file, a directory of such, or the text itself,
// which is told by its line breaks.
//
// What `kubectl get -o yaml` printed in another cluster can be applied as it stands.
// Fields that the server sets are left out, except status, which is set as given: no
// controller would. Where an object names the uid of another one here, as owner or
// otherwise, it will name the new uid; an owner reference without uid gets that of the
// owner. Namespaces that are missing are made, with the service accounts that pods use.
func (c *Cluster) Apply(ctx context.Context, sources ...string) (UIDs, error) {
	objects, err := Objects(sources...)
	if err != nil {
		return nil, err
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	return client.Apply(ctx, objects...)
}

// Apply is [Cluster.Apply] for objects that were read.
func (c *Client) Apply(ctx context.Context, objects ...*unstructured.Unstructured) (UIDs, error) {
	uids := UIDs{}
	renamed := map[string]string{} // old uid to new
	for _, u := range inOrder(objects) {
		old := string(u.GetUID())
		made, err := c.apply(ctx, u, renamed)
		if err != nil {
			return uids, fmt.Errorf("applying %s: %w", key(u), err)
		}
		uids[key(made)] = made.GetUID()
		if old != "" {
			renamed[old] = string(made.GetUID())
		}
	}
	return uids, nil
}

// Delete deletes an object, if it is there.
func (c *Client) Delete(ctx context.Context, u *unstructured.Unstructured) error {
	resource, err := c.resource(u.GroupVersionKind(), u.GetNamespace())
	if err != nil {
		return err
	}
	err = resource.Delete(ctx, u.GetName(), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting %s: %w", key(u), err)
	}
	return nil
}

func key(u *unstructured.Unstructured) string {
	if u.GetNamespace() == "" {
		return u.GetKind() + "/" + u.GetName()
	}
	return u.GetKind() + "/" + u.GetNamespace() + "/" + u.GetName()
}

func (c *Client) apply(ctx context.Context, u *unstructured.Unstructured, renamed map[string]string) (*unstructured.Unstructured, error) {
	u = forServer(u, renamed)
	resource, err := c.resource(u.GroupVersionKind(), u.GetNamespace())
	if err != nil {
		return nil, err
	}
	if err := c.prepare(ctx, u); err != nil {
		return nil, err
	}
	status, hasStatus := u.Object["status"]
	delete(u.Object, "status")
	made, err := resource.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil || !hasStatus {
		return made, err
	}
	// Not applied but replaced: lists in it may hold what apply takes for one key twice,
	// such as a node's two internal addresses.
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		made, err = resource.Get(ctx, u.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		made.Object["status"] = status
		made, err = resource.UpdateStatus(ctx, made, metav1.UpdateOptions{FieldManager: fieldManager})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	return made, nil
}

// prepare makes what an object needs to be let in: controllers would have made the
// default service account, users the others. And it finds owners.
func (c *Client) prepare(ctx context.Context, u *unstructured.Unstructured) error {
	if namespace := u.GetNamespace(); namespace != "" {
		account := "default"
		if name, _, _ := unstructured.NestedString(u.Object, "spec", "serviceAccountName"); name != "" {
			account = name
		}
		if err := c.ensureAccount(ctx, namespace, account); err != nil {
			return err
		}
	}
	owners := u.GetOwnerReferences()
	for i := range owners {
		if owners[i].UID != "" {
			continue
		}
		resource, err := c.resource(schema.FromAPIVersionAndKind(owners[i].APIVersion, owners[i].Kind), u.GetNamespace())
		if err != nil {
			return err
		}
		owner, err := resource.Get(ctx, owners[i].Name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("its owner: %w", err)
		}
		owners[i].UID = owner.GetUID()
	}
	if len(owners) > 0 {
		u.SetOwnerReferences(owners)
	}
	return nil
}

// ensureAccount makes a service account, and its namespace, unless they are there.
func (c *Client) ensureAccount(ctx context.Context, namespace, name string) error {
	if err := ensure(ctx, c.dynamic.Resource(namespaces), "Namespace", namespace); err != nil {
		return err
	}
	return ensure(ctx, c.dynamic.Resource(serviceAccounts).Namespace(namespace), "ServiceAccount", name)
}

func ensure(ctx context.Context, resource dynamic.ResourceInterface, kind, name string) error {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	u.SetName(name)
	_, err := resource.Create(ctx, u, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}
