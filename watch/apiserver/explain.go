package apiserver

import (
	"errors"
	"slices"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// Explain says why a fact that the plan asks for is missing, and what to do
// about it. It says nothing on facts that the plan does not ask for.
func (s *Source) Explain(fact watch.Path) (reason, hint string) {
	p := s.picture()
	if !p.plan.Covers(fact) {
		return "", ""
	}
	needed := make(map[part]bool)
	for _, a := range answers {
		if touches(watch.Need{Path: fact}, a.fact) {
			for _, x := range a.take {
				needed[x] = true
			}
		}
	}
	if _, err := p.pod(); err != nil && (needed[partPod] || needed[partNode] && p.target.Node == "") {
		return Explain(err)
	}
	for _, q := range p.questions() {
		a, asked := p.answers[q]
		relevant := needed[q.part] || q.part == partObjects && watch.Path("objects").Key(q.id).Covers(fact)
		if !relevant {
			continue
		}
		if !asked {
			return "the API server was not asked yet", ""
		}
		if a.err != nil {
			return Explain(a.err)
		}
		if q.name != "" && a.object() == nil {
			return Explain(p.absent(q))
		}
	}
	return p.lacking(fact)
}

// Explain splits an error of this package into why and what to do about it.
func Explain(err error) (reason, hint string) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Short(), e.Hint
	}
	if e, ok := errors.AsType[*noAccess](err); ok {
		return e.short(), e.hint
	}
	return err.Error(), ""
}

// lacking explains a fact that objects do not have.
func (p *picture) lacking(fact watch.Path) (reason, hint string) {
	segments := fact.Segments()
	pod, _ := p.pod()
	switch segments[0] {
	case "pod", "containers", "limits", "requests":
		if slices.Contains(segments, "limits") {
			return "nobody set the limit", "set it on the container, or give it a default"
		}
		return object.Name(pod) + " does not have it", "set it on the pod, or give it a default"
	case "node":
		if p.nodeName() == "" {
			return object.Name(pod) + " is not bound to a node", ""
		}
		return "Node " + p.nodeName() + " does not have it", "give it a default"
	case "namespace":
		return "Namespace " + p.target.Namespace + " does not have it", "give it a default"
	case "owner", "workload":
		if object.Controller(pod) == nil {
			return object.Name(pod) + " has no controller", "give it a default"
		}
		return "the workload does not have it", "give it a default"
	case "objects":
		return "the object does not have it", "give it a default"
	}
	return "", ""
}
