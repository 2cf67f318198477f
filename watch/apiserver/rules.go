package apiserver

import (
	"cmp"
	"slices"
	"strings"

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
	// Guessed says that the resource was named by custom, since no API server
	// was asked how it serves the kind.
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
	grant := func(x part, apiVersion, kind string, verbs []string, names ...string) {
		if !p.asks(x) {
			return
		}
		r := guess(apiVersion, kind)
		rules.add(Rule{
			APIGroups: []string{r.group}, Resources: []string{r.name}, ResourceNames: names, Verbs: verbs,
			ClusterScoped: !r.namespaced, Why: p.why[x], Guessed: r.guessed,
		})
	}
	grant(partPod, "v1", "Pod", one)
	grant(partPeers, "v1", "Pod", many)
	grant(partServices, "v1", "Service", many)
	grant(partNode, "v1", "Node", one)
	grant(partClusterUID, "v1", "Namespace", []string{"get"}, "kube-system")
	p.namespaceRule(&rules, one)
	between, above := p.controllers()
	for _, k := range between {
		grant(partOwners, k.APIVersion, k.Kind, []string{"get"})
	}
	for _, k := range above {
		grant(partWorkload, k.APIVersion, k.Kind, one)
	}
	for _, o := range p.objects {
		verbs := many
		var names []string
		if o.Name != "" {
			verbs, names = one, []string{o.Name}
		}
		p.objectRule(&rules, o, verbs, names)
	}
	return rules.sorted()
}

// namespaceRule is a Role's where the namespace is only read: a request for one
// namespace counts as one inside of it. A watch is on all namespaces, and takes
// a ClusterRole. Kubernetes: apiserver/pkg/endpoints/request, NewRequestInfo.
func (p Plan) namespaceRule(rules *ruleSet, verbs []string) {
	if !p.asks(partNamespace) {
		return
	}
	r := Rule{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: verbs, Why: p.why[partNamespace], ClusterScoped: p.mode == Follow}
	if p.Namespace != "" {
		r.ResourceNames = []string{p.Namespace}
	}
	rules.add(r)
}

func (p Plan) objectRule(rules *ruleSet, o Object, verbs, names []string) {
	r := p.resource(o)
	rule := Rule{
		APIGroups: []string{r.group}, Resources: []string{r.name}, ResourceNames: names, Verbs: verbs,
		ClusterScoped: !r.namespaced || o.Namespace == AllNamespaces, Guessed: r.guessed,
		Why: p.whyObject(o),
	}
	if !rule.ClusterScoped && o.Namespace != p.Namespace {
		rule.Namespace = o.Namespace
	}
	rules.add(rule)
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

// Workloads lists the kinds that [Plan.Workload] may name. Pod is a pod without
// controller.
func Workloads() []string {
	return []string{"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "ReplicaSet", "Pod"}
}

// controllers are the kinds that are read on the way to the workload, and those
// that it may be of.
func (p Plan) controllers() (between, above []object.Kind) {
	for _, k := range object.Between() {
		leads := p.Workload == "Deployment" && k.Kind == "ReplicaSet" || p.Workload == "CronJob" && k.Kind == "Job"
		if leads || p.Workload == k.Kind || p.Workload == "" {
			between = append(between, k)
		}
	}
	// A Job or a ReplicaSet that nothing controls is a workload itself, and is
	// read again now and then, but not watched.
	for _, k := range object.Workloads() {
		if p.Workload == k.Kind || p.Workload == "" {
			above = append(above, k)
		}
	}
	return between, above
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
