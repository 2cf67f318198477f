package apiserver

import (
	"cmp"
	"slices"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// Mode is how long the facts are followed.
type Mode int

const (
	// Once asks once, as an init container does.
	Once Mode = iota
	// Follow keeps watching, as a sidecar does.
	Follow
)

// Plan is what is asked of the API server for some needs. The zero Plan asks
// nothing.
type Plan struct {
	// Namespace is the pod's, which narrows what the rules allow. Empty means
	// default.
	Namespace string
	// Controllers are the kinds of the controllers above the pod, its own first and
	// its workload last, where they are known when the rules are written. Nil means
	// any of Kubernetes' own. See [ControllersOf].
	Controllers []object.Kind
	// Served says how kinds are served that are not Kubernetes' own, where that is
	// known. [Plan.Resolve] asks for the others.
	Served map[object.Kind]object.Resource

	mode    Mode
	objects []Object
	why     [parts][]string // who needs a part; empty parts are not asked for
}

// part is one thing that a plan can ask for.
type part int

const (
	partPod          part = iota // the own pod
	partNode                     // the node's metadata
	partNodeStatus               // the whole node
	partNamespace                // the namespace's metadata
	partOwners                   // the controllers up to the workload's name
	partWorkload                 // the workload's metadata
	partWorkloadSpec             // the whole workload
	partServices                 // the services of the namespace
	partPeers                    // the pods of the workload
	partClusterUID               // the namespace kube-system
	partVersion                  // the version of the API server
	partObjects                  // what the configuration asks for
	parts            = iota
)

// answers says which facts a part answers, and which other parts that takes.
// pod.name and pod.namespace are not among them: without them nothing can be
// asked.
var answers = []struct {
	fact watch.Path
	take []part
}{
	{watch.PodUID, []part{partPod}},
	{watch.PodLabels, []part{partPod}},
	{watch.PodAnnotations, []part{partPod}},
	{watch.PodIP, []part{partPod}},
	{watch.PodIPs, []part{partPod}},
	{watch.PodHostIP, []part{partPod}},
	{watch.PodHostIPs, []part{partPod}},
	{watch.PodNodeName, []part{partPod}},
	{watch.PodServiceAccountName, []part{partPod}},
	{"pod.hostname", []part{partPod}},
	{"pod.subdomain", []part{partPod}},
	{watch.PodOrdinal, []part{partPod}},
	{"pod.createdAt", []part{partPod}},
	{"pod.qosClass", []part{partPod}},
	{"pod.priorityClassName", []part{partPod}},
	{"pod.deletionTimestamp", []part{partPod}},
	{"containers", []part{partPod}},
	{"limits", []part{partPod}},
	{"requests", []part{partPod}},
	{watch.NodeName, []part{partPod}},
	{watch.NodeIP, []part{partPod}}, // the pod's status.hostIP
	{watch.NodeLabels, []part{partNode}},
	{"node.annotations", []part{partNode}},
	{watch.NodeZone, []part{partNode}},
	{watch.NodeRegion, []part{partNode}},
	{"node.instanceType", []part{partNode}},
	{"node.arch", []part{partNode}},
	{"node.os", []part{partNode}},
	{"node.kubeletVersion", []part{partNode, partNodeStatus}},
	{"node.allocatable", []part{partNode, partNodeStatus}},
	{"node.capacity", []part{partNode, partNodeStatus}},
	{"namespace.labels", []part{partNamespace}},
	{"namespace.annotations", []part{partNamespace}},
	{watch.OwnerKind, []part{partPod}},
	{watch.OwnerName, []part{partPod}},
	{"owner.uid", []part{partPod}},
	{watch.WorkloadKind, []part{partPod, partOwners}},
	{watch.WorkloadName, []part{partPod, partOwners}},
	{"workload.uid", []part{partPod, partOwners}},
	{"workload.labels", []part{partPod, partOwners, partWorkload}},
	{"workload.annotations", []part{partPod, partOwners, partWorkload}},
	{"workload.replicas", []part{partPod, partOwners, partWorkload, partWorkloadSpec}},
	{"services", []part{partPod, partServices}},
	// The workload's selector spares reading every pod of the namespace.
	{"peers", []part{partPod, partOwners, partWorkload, partWorkloadSpec, partPeers}},
	{"cluster.uid", []part{partClusterUID}},
	{"cluster.version", []part{partVersion}},
}

// NewPlan decides what is to be asked so that needs are answered. Objects that
// nobody needs are not asked for. known names facts that are known without the
// API server, such as pod.nodeName where the service account's token tells it.
func NewPlan(needs watch.Needs, objects []Object, mode Mode, known ...watch.Path) Plan {
	p := Plan{mode: mode}
	isKnown := func(fact watch.Path) bool {
		return slices.ContainsFunc(known, func(k watch.Path) bool { return k.Covers(fact) })
	}
	for _, need := range needs {
		for _, a := range answers {
			if !touches(need, a.fact) || isKnown(a.fact) || isKnown(need.Path) && need.Path != "" {
				continue
			}
			for _, part := range a.take {
				p.add(part, need)
			}
			if slices.Contains(a.take, partNode) && !isKnown(watch.PodNodeName) && !isKnown(watch.NodeName) {
				p.add(partPod, need)
			}
		}
	}
	for _, o := range objects {
		needed := false
		for _, need := range needs {
			if touches(need, o.path()) {
				needed = true
				p.add(partObjects, need)
			}
		}
		if needed {
			p.objects = append(p.objects, o)
		}
	}
	return p
}

// Empty reports whether nothing is asked for, so that no API server is needed.
func (p Plan) Empty() bool {
	for _, why := range p.why {
		if len(why) > 0 {
			return false
		}
	}
	return true
}

// Covers reports whether the plan asks for a fact.
func (p Plan) Covers(fact watch.Path) bool {
	need := watch.Need{Path: fact}
	for _, a := range answers {
		if touches(need, a.fact) && !slices.ContainsFunc(a.take, func(x part) bool { return !p.asks(x) }) {
			return true
		}
	}
	return slices.ContainsFunc(p.objects, func(o Object) bool { return touches(need, o.path()) })
}

func (p Plan) namespace() string { return cmp.Or(p.Namespace, "default") }

func (p *Plan) asks(x part) bool { return len(p.why[x]) > 0 }

func (p *Plan) add(x part, need watch.Need) {
	text := string(need.Path)
	if text == "" {
		text = "everything"
	}
	if need.By != "" {
		text += " (" + need.By + ")"
	}
	if !slices.Contains(p.why[x], text) {
		p.why[x] = append(p.why[x], text)
	}
}

// touches reports whether a need is fact, or stands above or below it.
func touches(need watch.Need, fact watch.Path) bool {
	return need.Path.Covers(fact) || fact.Covers(need.Path)
}
