package manifest

import (
	"context"
	"fmt"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// Pod is the pod of a dry run on its node. It is a [watch.Source] and a
// [watch.Explainer], and stands in for the API server. Get one from
// [Cluster.Pod].
type Pod struct {
	// Source names the source. Empty means "manifest".
	Source string
	// Queries are the objects that the configuration asks for.
	Queries []Query

	cluster *Cluster
	object  map[string]any
	at      string // where what it was made from is written
	made    bool   // no cluster has seen it
	node    map[string]any
	nodeAt  string
	// controllers were made, or completed, on the way to the pod.
	controllers []map[string]any
}

// Query asks for an object, or for a list of them, as objects.<ID>.
type Query struct {
	ID               string
	APIVersion, Kind string
	Namespace        string // empty: the pod's
	Name             string // empty: a list
	// Selects says which objects a list has. Nil selects everything.
	Selects func(o map[string]any) bool
}

// Object is a copy of the pod's object.
func (p *Pod) Object() map[string]any { return object.Copy(p.object) }

// Node is a copy of the node's object, or nil.
func (p *Pod) Node() map[string]any { return object.Copy(p.node) }

// Project computes what the kubelet would give the containers; see [Project].
// Errors begin with the place of what the pod was made from.
func (p *Pod) Project() (*Projection, error) {
	projection, err := Project(p.object, p.node)
	var placed mistakes
	for _, e := range watch.Errors(err) {
		placed.add(fmt.Errorf("%s: %w", p.at, e))
	}
	return projection, placed.ErrorOrNil()
}

// Controllers lists the kinds of the controllers above the pod, its own first and
// its workload last. known is false where not all of them were loaded, and for a pod
// that was made from a kind that is not Kubernetes' own: whether anything stands
// between the two is then not known.
func (p *Pod) Controllers() (kinds []object.Kind, known bool) {
	kinds, known = object.Controllers(p.object, p.find)
	if p.made && len(p.controllers) > 0 {
		_, builtin := object.Builtin(object.Text(p.controllers[0], "apiVersion"), object.Text(p.controllers[0], "kind"))
		known = known && builtin
	}
	return kinds, known
}

// String names the source.
func (p *Pod) String() string { return or(p.Source, "manifest") }

// Read states what the API server would.
func (p *Pod) Read(context.Context) (watch.Layer, error) {
	namespace := object.Text(p.object, "metadata", "namespace")
	from := fmt.Sprintf("%s (%s)", object.Name(p.object), p.at)

	l := object.Pod(p.object, from)
	l.Live = true
	l.Add(object.Unset(p.object, p.node, from))
	l.Add(object.Owner(p.object, from))
	l.Add(object.Workload(p.object, p.find))
	if p.node != nil {
		l.Add(object.Node(p.node, fmt.Sprintf("%s (%s)", object.Name(p.node), p.nodeAt)))
	}
	if o, ok := p.cluster.Find("v1", "Namespace", "", namespace, ""); ok {
		l.Add(object.Namespace(o, object.Name(o)))
	}
	if o, ok := p.cluster.Find("v1", "Namespace", "", "kube-system", ""); ok {
		l.Add(object.ClusterUID(o, object.Name(o)))
	}
	if services := p.all("v1", "Service", namespace); len(services) > 0 {
		l.Set("services", object.Services(p.object, services), "Services of "+namespace)
	}
	l.Set("peers", object.Peers(p.object, p.all("v1", "Pod", namespace), p.find), "Pods of "+namespace)
	for _, q := range p.Queries {
		p.answer(&l, q)
	}
	return l, nil
}

// all lists the objects of a namespace, each with its namespace.
func (p *Pod) all(apiVersion, kind, namespace string) []map[string]any {
	list := p.cluster.List(apiVersion, kind, namespace)
	for i, o := range list {
		if object.Text(o, "metadata", "namespace") == "" {
			list[i] = object.Copy(o)
			metadataOf(list[i])["namespace"] = namespace
		}
	}
	return list
}

// find also knows the controllers that were made.
func (p *Pod) find(apiVersion, kind, namespace, name, uid string) (map[string]any, bool) {
	for _, o := range p.controllers {
		if matches(o, apiVersion, kind, namespace, name, uid) {
			return o, true
		}
	}
	return p.cluster.Find(apiVersion, kind, namespace, name, uid)
}

func (p *Pod) answer(l *watch.Layer, q Query) {
	namespace := or(q.Namespace, object.Text(p.object, "metadata", "namespace"))
	if q.Name != "" {
		if o, ok := p.find(q.APIVersion, q.Kind, namespace, q.Name, ""); ok {
			l.Add(object.Tree(q.ID, o, object.Name(o)))
		}
		return
	}
	var selected []map[string]any
	for _, o := range p.cluster.List(q.APIVersion, q.Kind, namespace) {
		if q.Selects == nil || q.Selects(o) {
			selected = append(selected, o)
		}
	}
	l.Add(object.Trees(q.ID, selected, fmt.Sprintf("%s of %s", plural(q.Kind), namespace)))
}
