package apiserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch/object"
)

// Selected returns the pods that a controller or a Service selects, by name, and the
// selector by which it does. What has no selector, such as a CronJob or a Service without
// one, is an error.
func (c *Client) Selected(ctx context.Context, apiVersion, kind, namespace, name string) (pods []map[string]any, selector string, err error) {
	o, err := c.Get(ctx, apiVersion, kind, namespace, name)
	if err != nil {
		return nil, "", err
	}
	if selector, err = selectorOf(o); err != nil {
		return nil, "", fmt.Errorf("%s %s/%s: %w; name a pod of it", kind, namespace, name, err)
	}
	if pods, err = c.List(ctx, "v1", "Pod", namespace, selector); err != nil {
		return nil, "", err
	}
	slices.SortFunc(pods, func(a, b map[string]any) int {
		return strings.Compare(object.Text(a, "metadata", "name"), object.Text(b, "metadata", "name"))
	})
	return pods, selector, nil
}

// selectorOf writes spec.selector as requests have it. Services and
// ReplicationControllers have labels there, all others a LabelSelector.
func selectorOf(o map[string]any) (string, error) {
	spec := object.Map(o, "spec", "selector")
	labels := object.Strings(o, "spec", "selector")
	if object.Text(o, "apiVersion") != "v1" {
		labels = object.Strings(o, "spec", "selector", "matchLabels")
	}
	var terms []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		terms = append(terms, key+"="+labels[key])
	}
	for _, e := range object.List(spec, "matchExpressions") {
		key, list := object.Text(e, "key"), []string{}
		values, _ := e["values"].([]any)
		for _, v := range values {
			list = append(list, fmt.Sprint(v))
		}
		switch operator := object.Text(e, "operator"); operator {
		case "In", "NotIn":
			terms = append(terms, key+" "+strings.ToLower(operator)+" ("+strings.Join(list, ",")+")")
		case "Exists":
			terms = append(terms, key)
		case "DoesNotExist":
			terms = append(terms, "!"+key)
		default:
			return "", fmt.Errorf("its selector has the operator %q, which is not known", operator)
		}
	}
	if len(terms) == 0 {
		return "", errors.New("it has no selector")
	}
	return strings.Join(terms, ","), nil
}
