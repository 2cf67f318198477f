package apiserver

import (
	"errors"
	"maps"
	"slices"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// layer states what is known, and says what is not.
func (p *picture) layer() (watch.Layer, error) {
	var l watch.Layer
	var errs []error
	way := p.climb().questions
	for _, q := range p.questions() {
		a := p.answers[q]
		l.Live = l.Live || a.live
		if q.part == partOwners && !slices.Contains(way, q) {
			continue // the owner of another pod
		}
		if err := p.complaint(q, a); err != nil {
			errs = append(errs, err)
		}
	}
	pod, err := p.pod()
	if err != nil {
		errs = append(errs, err)
	}
	if pod != nil {
		p.statePod(&l, pod)
	}
	if node, whole := p.node(); node != nil {
		nodeLayer := object.Node(node, object.Name(node))
		if !whole {
			nodeLayer = only(nodeLayer, func(f watch.Path) bool {
				return !watch.Path("node.allocatable").Covers(f) && !watch.Path("node.capacity").Covers(f)
			}, watch.NodeLabels, "node.annotations")
		}
		l.Add(nodeLayer)
	}
	if o := p.first(partNamespace); o != nil {
		l.Add(object.Namespace(o, object.Name(o)))
	}
	if o := p.first(partClusterUID); o != nil {
		l.Add(object.ClusterUID(o, object.Name(o)))
	}
	if a := p.answers[question{part: partVersion}]; a.err == nil {
		l.Set("cluster.version", a.text, "/version")
	}
	p.stateObjects(&l)
	return l, watch.Join(errs...)
}

// statePod states what follows from the own pod.
func (p *picture) statePod(l *watch.Layer, pod map[string]any) {
	from := object.Name(pod)
	podLayer := object.Pod(pod, from)
	l.Container = podLayer.Container
	l.Add(podLayer)
	node, whole := p.node()
	if !whole {
		node = nil
	}
	l.Add(object.Unset(pod, node, from))
	l.Add(object.Owner(pod, from))
	namespace := p.target.Namespace
	if a, asked := p.answered(partServices); asked && a.err == nil {
		l.Set("services", object.Services(pod, a.objects), "Services of "+namespace)
	}
	if !p.plan.asks(partOwners) {
		return
	}
	c := p.climb()
	if c.done {
		l.Add(p.workload(pod, c))
	}
	if !p.plan.asks(partPeers) || !c.done {
		return
	}
	if a, asked := p.answers[p.peersQuestion(c)]; c.depth == 0 || asked && a.err == nil {
		l.Set("peers", object.Peers(pod, a.objects, p.find), "Pods of "+namespace)
	}
}

// workload states as much as the object says that it was read from.
func (p *picture) workload(pod map[string]any, c climb) watch.Layer {
	l := object.Workload(pod, p.find)
	o := p.answers[c.workload(p.plan)].object()
	switch {
	case o == nil: // named by a reference, or read to look above it
		return only(l, func(f watch.Path) bool {
			return f == watch.WorkloadKind || f == watch.WorkloadName || f == "workload.uid"
		})
	case !p.plan.asks(partWorkloadSpec):
		return only(l, func(f watch.Path) bool { return f != "workload.replicas" }, "workload.labels", "workload.annotations")
	}
	return l
}

// node joins the metadata that are watched with the status that is read now and
// then. whole says that the status is known.
func (p *picture) node() (node map[string]any, whole bool) {
	metadata, status := p.first(partNode), p.first(partNodeStatus)
	switch {
	case status == nil:
		return metadata, false
	case metadata == nil:
		return status, true
	}
	node = maps.Clone(status)
	node["metadata"] = metadata["metadata"]
	return node, true
}

// stateObjects states objects.*. One that is known to be absent is stated as
// such, so that its last value does not live on.
func (p *picture) stateObjects(l *watch.Layer) {
	for _, q := range p.questions() {
		a, asked := p.answers[q]
		switch {
		case q.part != partObjects, !asked:
		case a.err == nil && q.name == "":
			l.Add(object.Trees(q.id, a.objects, q.kind+" of "+q.where()))
		case a.object() != nil:
			l.Add(object.Tree(q.id, a.object(), object.Name(a.object())))
		case a.err == nil:
			l.State(watch.Path("objects").Key(q.id), watch.Statement{From: q.kind + " " + q.where()})
		}
	}
}

// where is the place that a question asks about.
func (q question) where() string {
	switch {
	case q.namespace == "":
		return "all namespaces"
	case q.name == "":
		return q.namespace
	}
	return q.namespace + "/" + q.name
}

// complaint is what is wrong with an answer. That the own pod is wanting is
// said elsewhere, and a controller that cannot be read, but whose reference
// says enough, is no fault.
func (p *picture) complaint(q question, a answer) error {
	switch {
	case q.part == partPod:
		return nil
	case q.part == partOwners && a.err != nil && !between(q.apiVersion, q.kind):
		return nil
	case a.err != nil:
		return a.err
	case q.name != "" && !q.optional && a.objects != nil && a.object() == nil:
		return p.absent(q)
	}
	return nil
}

// absent says that an object does not exist, and why that may be.
func (p *picture) absent(q question) error {
	r := guess(q.apiVersion, q.kind)
	e := &Error{Reason: NotFound, Verb: "get", Resource: r.String(), Namespace: q.namespace, Name: q.name, Err: errors.New("it does not exist")}
	if !r.namespaced {
		e.Namespace = ""
	}
	e.Hint = "check its name and namespace"
	if q.namespace == p.target.Namespace && r.namespaced {
		switch {
		case object.Text(p.first(partNamespace), "metadata", "deletionTimestamp") != "":
			e.Hint = "the namespace is being deleted, and all that is in it"
		case object.Text(p.lastPod(), "metadata", "deletionTimestamp") != "":
			e.Hint = "the pod is being deleted, maybe with all that it uses"
		}
	}
	return e
}

// answered is the answer to the question for a part that has one question.
func (p *picture) answered(x part) (answer, bool) {
	for q, a := range p.answers {
		if q.part == x {
			return a, true
		}
	}
	return answer{}, false
}

// first is the object of a part that has one.
func (p *picture) first(x part) map[string]any {
	a, _ := p.answered(x)
	return a.object()
}

// only copies the facts that keep holds, and knows the maps in whole.
func only(l watch.Layer, keep func(watch.Path) bool, whole ...watch.Path) watch.Layer {
	var to watch.Layer
	for _, p := range slices.DeleteFunc(l.Paths(), func(p watch.Path) bool { return !keep(p) }) {
		s, _ := l.Get(p)
		to.State(p, s)
	}
	for _, p := range whole {
		if l.Has(p) {
			to.State(p, watch.Statement{Value: map[string]string(nil)})
		}
	}
	return to
}
