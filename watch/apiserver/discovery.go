package apiserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// Resolve returns the plan with the names under which the API server serves
// the kinds that are not Kubernetes' own. A kind that it does not serve is an
// error that names the nearest one that it does.
func (p Plan) Resolve(ctx context.Context, c *Client) (Plan, error) {
	var errs []error
	p.served = make(map[object.Kind]resource)
	for _, o := range p.objects {
		r, err := c.resource(ctx, o.APIVersion, o.Kind)
		if err != nil {
			errs = append(errs, fmt.Errorf("object %q: %w", o.ID, err))
			continue
		}
		p.served[object.Kind{APIVersion: o.APIVersion, Kind: o.Kind}] = r
	}
	return p, watch.Join(errs...)
}

// resource is how the kind of an object is served.
func (p Plan) resource(o Object) resource {
	if r, ok := p.served[object.Kind{APIVersion: o.APIVersion, Kind: o.Kind}]; ok {
		return r
	}
	return guess(o.APIVersion, o.Kind)
}

// resource finds how a kind is served: by the table, else by one request for
// its group and version, whose answer is kept.
func (c *Client) resource(ctx context.Context, apiVersion, kind string) (resource, error) {
	if r, ok := known(apiVersion, kind); ok {
		return r, nil
	}
	c.mu.Lock()
	served, asked := c.served[apiVersion]
	c.mu.Unlock()
	if !asked {
		var err error
		if served, err = c.discover(ctx, apiVersion); err != nil {
			return resource{}, err
		}
	}
	var kinds []string
	for _, r := range served {
		if r.kind == kind {
			if !asked {
				c.mu.Lock()
				c.served[apiVersion] = served
				c.mu.Unlock()
			}
			return r, nil
		}
		kinds = append(kinds, r.kind)
	}
	// What is missing may be installed later, so that this is not kept.
	c.mu.Lock()
	delete(c.served, apiVersion)
	c.mu.Unlock()
	hint := "check apiVersion and kind with kubectl api-resources"
	if n := watch.Nearest(kind, kinds); n != "" {
		hint = fmt.Sprintf("did you mean %s?", n)
	}
	return resource{}, &Error{Reason: NotFound, Verb: "get", Resource: "kind " + kind + " of " + apiVersion, Hint: hint}
}

// discover asks what a group serves in one version.
func (c *Client) discover(ctx context.Context, apiVersion string) ([]resource, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, &Error{Reason: Invalid, Verb: "get", Resource: apiVersion, Err: err}
	}
	path := "/apis/" + apiVersion
	if gv.Group == "" {
		path = "/api/" + gv.Version
	}
	var list metav1.APIResourceList
	if err := c.path(ctx, path, &list); err != nil {
		if reasonOf(err) == NotFound {
			return nil, &Error{Reason: NotFound, Verb: "get", Resource: "apiVersion " + apiVersion,
				Hint: "the API server does not serve it; see kubectl api-versions"}
		}
		return nil, err
	}
	var served []resource
	for _, r := range list.APIResources {
		if !strings.Contains(r.Name, "/") && slices.Contains(r.Verbs, "get") {
			served = append(served, resource{group: gv.Group, version: gv.Version, name: r.Name, kind: r.Kind, namespaced: r.Namespaced})
		}
	}
	return served, nil
}
