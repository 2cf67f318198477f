package apiserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// Resolve returns the plan with the names under which the API server serves
// the kinds that are not Kubernetes' own. A kind that it does not serve is an
// error that names the nearest one that it does, unless whoever asks for it can do
// without.
func (p Plan) Resolve(ctx context.Context, c *Client) (Plan, error) {
	p.Served = maps.Clone(p.Served)
	if p.Served == nil {
		p.Served = make(map[object.Kind]object.Resource)
	}
	var errs []error
	resolve := func(k object.Kind, optional bool, what string) {
		r, err := c.resource(ctx, k.APIVersion, k.Kind)
		switch {
		case err == nil:
			p.Served[k] = object.Resource{Name: r.name, Namespaced: r.namespaced}
		case !optional || reasonOf(err) != NotFound:
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	for _, o := range p.objects {
		resolve(object.Kind{APIVersion: o.APIVersion, Kind: o.Kind}, o.Optional, fmt.Sprintf("object %q", o.ID))
	}
	if p.asks(partOwners) {
		for _, k := range p.Controllers {
			resolve(k, false, "workload")
		}
	}
	return p, watch.Join(errs...)
}

// resource is how a kind is served, as far as that is known.
func (p Plan) resource(apiVersion, kind string) resource {
	r := guess(apiVersion, kind)
	if served, ok := p.Served[object.Kind{APIVersion: apiVersion, Kind: kind}]; ok && r.guessed {
		r.name, r.namespaced, r.guessed = served.Name, served.Namespaced, false
	}
	return r
}

// resource finds how a kind is served: by the table, else by one request for
// its group and version, whose answer is kept.
func (c *Client) resource(ctx context.Context, apiVersion, kind string) (resource, error) {
	if r, ok := known(apiVersion, kind); ok {
		return r, nil
	}
	return c.find(ctx, apiVersion, kind)
}

// find is resource without the table.
func (c *Client) find(ctx context.Context, apiVersion, kind string) (resource, error) {
	c.mu.Lock()
	served, asked := c.served[apiVersion]
	c.mu.Unlock()
	if !asked {
		var err error
		if served, err = c.discover(ctx, apiVersion); err != nil {
			if e, ok := errors.AsType[*Error](err); ok && e.Reason == NotFound {
				e.Hint = c.suggest(ctx, apiVersion, kind, nil)
			}
			return resource{}, err
		}
	}
	for _, r := range served {
		if r.kind == kind {
			if !asked {
				c.mu.Lock()
				c.served[apiVersion] = served
				c.mu.Unlock()
			}
			return r, nil
		}
	}
	// What is missing may be installed later, so that this is not kept.
	c.mu.Lock()
	delete(c.served, apiVersion)
	c.mu.Unlock()
	return resource{}, &Error{Reason: NotFound, Verb: "get", Resource: "kind " + kind + " of " + apiVersion, Hint: c.suggest(ctx, apiVersion, kind, served)}
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
	if err := c.path(ctx, path, "", &list); err != nil {
		if reasonOf(err) == NotFound {
			err = c.without(ctx, gv)
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

// without is the error that a version of a group is not served, if the API server says
// so: that a path is not found is what load balancers say, too.
func (c *Client) without(ctx context.Context, gv schema.GroupVersion) error {
	e := &Error{Reason: NotFound, Verb: "get", Resource: "apiVersion " + gv.String()}
	var all struct {
		Versions []string   // of the core group
		Groups   []struct { // the others
			Versions []struct{ GroupVersion string }
		}
	}
	path := "/apis"
	if gv.Group == "" {
		path = "/api"
	}
	err := c.path(ctx, path, "", &all)
	switch reason := reasonOf(err); {
	case reason == Forbidden || reason == Unauthorized: // who may ask for it is a matter of roles
		return e
	case reason == NotFound:
		return c.notThere(e)
	case err != nil:
		return err
	}
	served := all.Versions
	for _, group := range all.Groups {
		for _, v := range group.Versions {
			served = append(served, v.GroupVersion)
		}
	}
	if slices.Contains(served, gv.String()) {
		return c.notThere(e)
	}
	return e
}

// unserved turns the refusal of a kind, which was taken to be served, into what discovery
// says on that. Where it serves the kind, a refusal that is not the API server's was
// another's, such as a load balancer's that has found its server since.
func (c *Client) unserved(ctx context.Context, q question, refusal *Error, unexpected bool) error {
	c.mu.Lock()
	delete(c.served, q.apiVersion) // it was served, perhaps
	c.mu.Unlock()
	_, err := c.find(ctx, q.apiVersion, q.kind)
	switch reason := reasonOf(err); {
	case err == nil && unexpected:
		return c.notThere(refusal)
	case err == nil || reason == Forbidden || reason == Unauthorized: // who may ask for it is a matter of roles
		return refusal
	}
	return err
}
