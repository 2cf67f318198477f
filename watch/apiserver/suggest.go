package apiserver

import (
	"context"
	"fmt"
	"slices"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// suggest says which of the kinds that the API server serves was most likely meant
// by one that it does not. It looks at all of them once; served are those that are
// known already.
func (c *Client) suggest(ctx context.Context, apiVersion, kind string, served []resource) string {
	k := object.Kind{APIVersion: apiVersion, Kind: kind}
	c.mu.Lock()
	hint, known := c.suggested[k]
	c.mu.Unlock()
	if known {
		return hint
	}
	all := c.kinds(ctx)
	for _, r := range served {
		all = append(all, object.Kind{APIVersion: apiVersion, Kind: r.kind})
	}
	hint = "the API server does not serve it; see kubectl api-resources"
	switch near, found := nearestKind(k, all); {
	case !found:
	case near.APIVersion == apiVersion:
		hint = fmt.Sprintf("did you mean %s?", near.Kind)
	case near.Kind == kind:
		hint = fmt.Sprintf("did you mean apiVersion: %s?", near.APIVersion)
	default:
		hint = fmt.Sprintf("did you mean %s of %s?", near.Kind, near.APIVersion)
	}
	if len(all) > 0 { // else it is asked again
		c.mu.Lock()
		c.suggested[k] = hint
		c.mu.Unlock()
	}
	return hint
}

// nearestKind looks for the same kind elsewhere, in its own group before others,
// then for one of a name like it, in its own version, group, and anywhere.
func nearestKind(k object.Kind, all []object.Kind) (object.Kind, bool) {
	sameGroup := func(o object.Kind) bool { return object.Group(o.APIVersion) == object.Group(k.APIVersion) }
	sameVersion := func(o object.Kind) bool { return o.APIVersion == k.APIVersion }
	anywhere := func(object.Kind) bool { return true }
	for _, within := range []func(object.Kind) bool{sameGroup, anywhere} {
		i := slices.IndexFunc(all, func(o object.Kind) bool { return o.Kind == k.Kind && within(o) })
		if i >= 0 {
			return all[i], true
		}
	}
	for _, within := range []func(object.Kind) bool{sameVersion, sameGroup, anywhere} {
		var names []string
		for _, o := range all {
			if within(o) {
				names = append(names, o.Kind)
			}
		}
		if name := watch.Nearest(k.Kind, names); name != "" {
			i := slices.IndexFunc(all, func(o object.Kind) bool { return o.Kind == name && within(o) })
			return all[i], true
		}
	}
	return object.Kind{}, false
}

// kinds lists what the API server serves, the preferred version of each group first.
// Where it cannot be had, there is nothing to suggest.
func (c *Client) kinds(ctx context.Context) []object.Kind {
	const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
	var all []object.Kind
	for _, path := range []string{"/api", "/apis"} {
		var list struct { // apidiscovery.k8s.io/v2
			Items []struct {
				Metadata struct{ Name string }
				Versions []struct {
					Version   string
					Resources []struct {
						ResponseKind struct{ Kind string }
						Verbs        []string
					}
				}
			}
		}
		if c.path(ctx, path, aggregated, &list) != nil {
			continue
		}
		for _, group := range list.Items {
			for _, version := range group.Versions {
				apiVersion := version.Version
				if group.Metadata.Name != "" {
					apiVersion = group.Metadata.Name + "/" + apiVersion
				}
				for _, r := range version.Resources {
					if slices.Contains(r.Verbs, "get") {
						all = append(all, object.Kind{APIVersion: apiVersion, Kind: r.ResponseKind.Kind})
					}
				}
			}
		}
	}
	return all
}
