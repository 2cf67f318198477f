package apiserver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/podfacts/podfacts/watch/object"
)

// Rule is one permission, as a rule of a Role or ClusterRole has it.
type Rule struct {
	APIGroups, Resources, ResourceNames, Verbs []string
	// ClusterScoped rules go into a ClusterRole that is bound in the whole
	// cluster. All others go into a Role.
	ClusterScoped bool
	// Namespace is that of the Role. Empty means the pod's.
	Namespace string
	// Why names the facts that take the permission, and who needs them.
	Why []string
	// Kind is what the resource holds. Guessed says that its name and whether it
	// has namespaces are only likely, since no API server was asked.
	Kind    object.Kind
	Guessed bool
}

// Rules lists the least permissions that the plan takes, sorted. Version and
// discovery need none beyond what every service account has.
//
// One object is read by get, and followed by a watch on its name. The pod's own
// name is drawn by lot and cannot stand in a Role. Kinds that are not
// Kubernetes' own are named as most are; see [Plan.Resolve].
func (p Plan) Rules() []Rule {
	var rules ruleSet
	one := []string{"get"}
	many := []string{"list"}
	if p.mode == Follow {
		one = append(one, "watch")
		many = append(many, "watch")
	}
	own := p.namespace()
	grant := func(q question, verbs []string, why []string) {
		if len(why) == 0 {
			return
		}
		rule := q.permission(p.resource(q.apiVersion, q.kind), verbs...)
		rule.Why = why
		if rule.Namespace == own {
			rule.Namespace = ""
		}
		rules.add(rule)
	}
	ask := func(x part, apiVersion, kind, name string, verbs []string) {
		grant(question{part: x, apiVersion: apiVersion, kind: kind, namespace: own, name: name}, verbs, p.why[x])
	}
	ask(partPod, "v1", "Pod", "", one)
	ask(partPeers, "v1", "Pod", "", many)
	ask(partServices, "v1", "Service", "", many)
	ask(partNode, "v1", "Node", "", one)
	ask(partNamespace, "v1", "Namespace", own, one)
	ask(partClusterUID, "v1", "Namespace", "kube-system", []string{"get"})
	climbed, workloads := p.controllers()
	for _, k := range climbed {
		ask(partOwners, k.APIVersion, k.Kind, "", []string{"get"})
	}
	for _, k := range workloads {
		ask(partWorkload, k.APIVersion, k.Kind, "", one)
	}
	for _, o := range p.objects {
		verbs := many
		if o.Name != "" {
			verbs = one
		}
		grant(o.question(own), verbs, p.whyObject(o))
	}
	return rules.sorted()
}

// permission is the rule that allows what a question takes. What [Plan.Rules]
// lists and what errors advise are both written here, and agree.
func (q question) permission(r resource, verbs ...string) Rule {
	rule := Rule{
		APIGroups: []string{r.group}, Resources: []string{r.name}, Verbs: verbs,
		ClusterScoped: !r.namespaced || q.namespace == "", Namespace: q.namespace,
		Kind: object.Kind{APIVersion: r.apiVersion(), Kind: r.kind}, Guessed: r.guessed,
	}
	if q.name != "" && q.named() {
		rule.ResourceNames = []string{q.name}
	}
	// A request for one namespace counts as one inside of it, a watch as one on all
	// of them. Kubernetes: apiserver/pkg/endpoints/request, NewRequestInfo.
	watched := q.followed || slices.Contains(verbs, "watch")
	if r.group == "" && r.name == "namespaces" && q.name != "" && !watched {
		rule.ClusterScoped, rule.Namespace = false, q.name
	}
	if rule.ClusterScoped {
		rule.Namespace = ""
	}
	return rule
}

// whyObject picks those who need this object.
func (p Plan) whyObject(o Object) []string {
	at := string(o.path())
	var why []string
	for _, text := range p.why[partObjects] {
		if rest, ok := strings.CutPrefix(text, at); ok && (rest == "" || strings.ContainsRune(".[ ", rune(rest[0]))) ||
			strings.HasPrefix(text, "objects (") || text == "objects" || strings.HasPrefix(text, "everything") {
			why = append(why, text)
		}
	}
	return why
}

// Workloads lists the names that [ControllersOf] knows. Pod is a pod without
// controller.
func Workloads() []string {
	return []string{"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "ReplicaSet", "Pod"}
}

// ControllersOf gives the kinds for [Plan.Controllers] by that of the workload: one
// of [Workloads], or APIVERSION/KIND of any other, such as
// argoproj.io/v1alpha1/Rollout. Between such a one and its pods may be a ReplicaSet
// or a Job, or nothing, so that both are among them.
func ControllersOf(workload string) ([]object.Kind, error) {
	switch workload {
	case "Deployment", "CronJob":
		below := map[string]string{"Deployment": "ReplicaSet", "CronJob": "Job"}[workload]
		return append(own(below), own(workload)...), nil
	case "StatefulSet", "DaemonSet", "Job", "ReplicaSet":
		return own(workload), nil
	case "Pod":
		return []object.Kind{}, nil
	}
	i := strings.LastIndexByte(workload, '/')
	if i <= 0 || i == len(workload)-1 {
		return nil, fmt.Errorf("%q is no kind of workload%s; known are %s, and any other as APIVERSION/KIND, such as argoproj.io/v1alpha1/Rollout",
			workload, nearest(workload, Workloads()), strings.Join(Workloads(), ", "))
	}
	custom := object.Kind{APIVersion: workload[:i], Kind: workload[i+1:]}
	if gv, err := schema.ParseGroupVersion(custom.APIVersion); err != nil || gv.Version == "" {
		return nil, fmt.Errorf("%q is no kind of workload: %q is not written GROUP/VERSION", workload, custom.APIVersion)
	}
	if _, builtin := object.Builtin(custom.APIVersion, custom.Kind); builtin {
		if slices.Contains(Workloads(), custom.Kind) {
			return ControllersOf(custom.Kind)
		}
		return []object.Kind{custom}, nil
	}
	return append(object.Between(), custom), nil
}

// own finds one of Kubernetes' own controllers.
func own(kind string) []object.Kind {
	all := append(object.Between(), object.Workloads()...)
	return slices.DeleteFunc(all, func(k object.Kind) bool { return k.Kind != kind })
}

// AnyController reports whether the rules are for a pod with whatever controllers
// of Kubernetes' own. One with others needs to read those too.
func (p Plan) AnyController() bool { return p.asks(partOwners) && p.Controllers == nil }

// controllers are the kinds that are read on the way to the workload, and those
// that it may be of.
func (p Plan) controllers() (climbed, workloads []object.Kind) {
	if p.Controllers == nil {
		return object.Between(), object.Workloads()
	}
	for i, k := range p.Controllers {
		if object.IsWorkload(k.APIVersion, k.Kind) {
			return climbed, append(workloads, k)
		}
		climbed = append(climbed, k)
		// A Job or a ReplicaSet that nothing controls is a workload itself, and is
		// read again now and then, but not watched.
		if i == len(p.Controllers)-1 && !object.IsBetween(k.APIVersion, k.Kind) {
			workloads = append(workloads, k)
		}
	}
	return climbed, workloads
}

// ruleSet joins rules that differ in their verbs or reasons only.
type ruleSet []Rule

func (s *ruleSet) add(r Rule) {
	for i := range *s {
		old := &(*s)[i]
		if old.key() == r.key() {
			old.Verbs = union(old.Verbs, r.Verbs)
			old.Why = union(old.Why, r.Why)
			return
		}
	}
	r.Verbs, r.Why = slices.Clone(r.Verbs), slices.Clone(r.Why)
	*s = append(*s, r)
}

func (s ruleSet) sorted() []Rule {
	for _, r := range s {
		order := []string{"get", "list", "watch"}
		slices.SortFunc(r.Verbs, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	}
	slices.SortFunc(s, func(a, b Rule) int { return cmp.Compare(a.key(), b.key()) })
	return s
}

func (r Rule) key() string {
	scope := "0" + r.Namespace
	if r.ClusterScoped {
		scope = "1"
	}
	return strings.Join(slices.Concat([]string{scope}, r.APIGroups, r.Resources, r.ResourceNames), "\x00")
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
