package apiserver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch/object"
)

// answer is what the API server said to a question.
type answer struct {
	objects []map[string]any // one, or none, where the question names it
	version string           // from which a watch can go on
	text    string           // the version of the API server
	err     error            // why it is not known, or not known any more
	live    bool             // a watch is connected
}

// object is the one object, or nil.
func (a answer) object() map[string]any {
	if a.err != nil || len(a.objects) == 0 {
		return nil
	}
	return a.objects[0]
}

// last is the one object as it was last seen, also when it is not known any
// more. It serves to know what to ask, and is not stated.
func (a answer) last() map[string]any {
	if len(a.objects) == 0 {
		return nil
	}
	return a.objects[0]
}

// picture is everything that is known at one moment.
type picture struct {
	plan    Plan
	target  Target
	answers map[question]answer
}

// questions lists what to ask, given what is known: which node, for instance,
// shows only once the pod was seen.
func (p *picture) questions() []question {
	var all []question
	ask := func(x part, q question) {
		if p.plan.asks(x) {
			q.part = x
			all = append(all, q)
		}
	}
	ask(partPod, p.podQuestion())
	if name := p.nodeName(); name != "" {
		if p.plan.mode == Follow || !p.plan.asks(partNodeStatus) {
			ask(partNode, question{apiVersion: "v1", kind: "Node", name: name, metadata: true})
		}
		ask(partNodeStatus, question{apiVersion: "v1", kind: "Node", name: name})
	}
	ask(partNamespace, question{apiVersion: "v1", kind: "Namespace", name: p.target.Namespace, metadata: true, followed: p.plan.mode == Follow})
	ask(partClusterUID, question{apiVersion: "v1", kind: "Namespace", name: "kube-system", metadata: true})
	ask(partVersion, question{})
	ask(partServices, question{apiVersion: "v1", kind: "Service", namespace: p.target.Namespace})
	for _, o := range p.plan.objects {
		q := o.question(p.target.Namespace)
		q.followed = p.plan.mode == Follow
		ask(partObjects, q)
	}
	if p.plan.asks(partOwners) {
		c := p.climb()
		all = append(all, c.questions...)
		if c.done && c.depth > 0 && p.plan.asks(partPeers) {
			all = append(all, p.peersQuestion(c))
			all = append(all, p.otherOwners(c)...)
		}
	}
	return all
}

func (p *picture) podQuestion() question {
	return question{part: partPod, apiVersion: "v1", kind: "Pod", namespace: p.target.Namespace, name: p.target.Name}
}

// pod is the own pod, or nil with the reason.
func (p *picture) pod() (map[string]any, error) {
	a, asked := p.answers[p.podQuestion()]
	pod := a.object()
	switch {
	case !asked:
		return nil, nil
	case a.err != nil:
		return nil, a.err
	case pod == nil:
		return nil, p.podError(NotFound, "the pod is gone")
	case !p.own(pod):
		return nil, p.podError(Replaced, fmt.Sprintf("its uid is %s, this pod's is %s", object.Text(pod, "metadata", "uid"), p.target.UID))
	}
	return pod, nil
}

// lastPod is the own pod as it was last seen, or nil.
func (p *picture) lastPod() map[string]any {
	if pod := p.answers[p.podQuestion()].last(); p.own(pod) {
		return pod
	}
	return nil
}

// own reports whether a pod of the right name is the own pod, and not its
// successor in a StatefulSet.
func (p *picture) own(pod map[string]any) bool {
	return p.target.UID == "" || object.Text(pod, "metadata", "uid") == p.target.UID
}

func (p *picture) podError(reason Reason, text string) error {
	e := &Error{Reason: reason, Verb: "get", Resource: "pods", Namespace: p.target.Namespace, Name: p.target.Name, Err: fmt.Errorf("%s", text)}
	if p.target.From != "" {
		e.Hint = "its name and namespace are known from the " + p.target.From
	}
	return e
}

func (p *picture) nodeName() string {
	if p.target.Node != "" {
		return p.target.Node
	}
	return object.Text(p.lastPod(), "spec", "nodeName")
}

// climb is the way from the pod to its workload.
type climb struct {
	questions []question
	owner     question // the pod's own controller
	top       question // the workload, asked for or not
	depth     int
	done      bool // nothing more is to be found out
}

// climb walks up as far as is known, by the rule of [object.Workload].
func (p *picture) climb() climb {
	const highest = 10
	var c climb
	o := p.lastPod()
	if o == nil {
		return c
	}
	for c.depth = 0; c.depth < highest; c.depth++ {
		ref := object.Controller(o)
		if ref == nil {
			break
		}
		q := question{
			part: partOwners, apiVersion: object.Text(ref, "apiVersion"), kind: object.Text(ref, "kind"),
			namespace: p.target.Namespace, name: object.Text(ref, "name"), metadata: true,
		}
		if c.depth == 0 {
			c.owner = q
		}
		c.top = q
		if object.IsWorkload(q.apiVersion, q.kind) {
			c.depth++
			break
		}
		c.questions = append(c.questions, q)
		a, asked := p.answers[q]
		if !asked {
			return c
		}
		if o = a.last(); o == nil || !sameUID(o, ref) {
			if c.depth++; between(q.apiVersion, q.kind) {
				c.done = true
				return c // what stands above it cannot be known
			}
			break
		}
	}
	c.done = true
	if c.depth > 0 && p.plan.asks(partWorkload) {
		q := c.workload(p.plan)
		c.questions = append(c.questions, q)
		_, c.done = p.answers[q]
	}
	return c
}

// workload asks for what the walk up does not tell of the workload.
func (c climb) workload(plan Plan) question {
	q := c.top
	q.part, q.metadata = partWorkload, !plan.asks(partWorkloadSpec)
	return q
}

// peersQuestion asks for the pods that the workload selects, or for all of the
// namespace where the selector is not known.
func (p *picture) peersQuestion(c climb) question {
	q := question{part: partPeers, apiVersion: "v1", kind: "Pod", namespace: p.target.Namespace}
	q.labels = selector(object.Map(p.answers[c.workload(p.plan)].last(), "spec", "selector"))
	return q
}

// otherOwners asks for the owners of other pods where only they can tell
// whether those belong to the same workload. The ReplicaSets of a Deployment
// need not be asked for: their names tell.
func (p *picture) otherOwners(c climb) []question {
	const most = 32 // which no rollout has at a time
	if c.depth < 2 {
		return nil
	}
	var all []question
	for _, pod := range p.answers[p.peersQuestion(c)].objects {
		ref := object.Controller(pod)
		hash := object.Text(pod, "metadata", "labels", "pod-template-hash")
		if ref == nil || hash != "" && c.top.kind == "Deployment" {
			continue
		}
		q := c.owner
		q.apiVersion, q.kind, q.name = object.Text(ref, "apiVersion"), object.Text(ref, "kind"), object.Text(ref, "name")
		if q.kind == c.owner.kind && !slices.Contains(all, q) && q != c.owner && len(all) < most {
			all = append(all, q)
		}
	}
	return all
}

// find is an [object.Lookup] among the answers.
func (p *picture) find(apiVersion, kind, namespace, name, uid string) (map[string]any, bool) {
	q := question{part: partOwners, apiVersion: apiVersion, kind: kind, namespace: namespace, name: name, metadata: true}
	ref := map[string]any{"uid": uid}
	if o := p.answers[climb{top: q}.workload(p.plan)].object(); o != nil && sameUID(o, ref) {
		return o, true
	}
	o := p.answers[q].object()
	return o, o != nil && sameUID(o, ref)
}

// between reports whether something mostly stands above a kind.
func between(apiVersion, kind string) bool { return object.IsBetween(apiVersion, kind) }

// sameUID reports whether an object is the one that a reference means, and not
// a later one of the same name.
func sameUID(o, ref map[string]any) bool {
	have, want := object.Text(o, "metadata", "uid"), object.Text(ref, "uid")
	return have == "" || want == "" || have == want
}

// selector writes a label selector of an object as a query has it. One that
// cannot be written selects everything.
func selector(s map[string]any) string {
	var terms []string
	for key, value := range object.Strings(s, "matchLabels") {
		terms = append(terms, key+"="+value)
	}
	for _, e := range object.List(s, "matchExpressions") {
		key := object.Text(e, "key")
		var values []string
		list, _ := e["values"].([]any)
		for _, v := range list {
			values = append(values, fmt.Sprint(v))
		}
		switch object.Text(e, "operator") {
		case "In":
			terms = append(terms, key+" in ("+strings.Join(values, ",")+")")
		case "NotIn":
			terms = append(terms, key+" notin ("+strings.Join(values, ",")+")")
		case "Exists":
			terms = append(terms, key)
		case "DoesNotExist":
			terms = append(terms, "!"+key)
		}
	}
	slices.Sort(terms)
	return strings.Join(terms, ",")
}
