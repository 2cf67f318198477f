package watch

import (
	"strconv"
	"strings"
)

// Labels that controllers set and that podfacts concludes from.
const (
	labelZone            = "topology.kubernetes.io/zone"
	labelRegion          = "topology.kubernetes.io/region"
	labelPodTemplateHash = "pod-template-hash"
	labelPodIndex        = "apps.kubernetes.io/pod-index"
	labelStatefulSetPod  = "statefulset.kubernetes.io/pod-name"
	labelCompletionIndex = "batch.kubernetes.io/job-completion-index"
	labelJobName         = "batch.kubernetes.io/job-name"
	labelRevisionHash    = "controller-revision-hash"
	labelGeneration      = "pod-template-generation"
)

// derive adds what follows from facts that are known, where no source said
// it. A derived fact is as old and as stale as what it follows from.
func derive(s *Snapshot) {
	d := deriver{s}

	d.same(NodeName, PodNodeName)
	d.same(PodNodeName, NodeName)
	d.same(NamespaceName, PodNamespace)
	d.first(PodIP, PodIPs)
	d.first(PodHostIP, PodHostIPs)
	d.list(PodIPs, PodIP)
	d.list(PodHostIPs, PodHostIP)
	d.same(NodeIP, PodHostIP)

	// Since Kubernetes 1.35 the binding copies the node's topology onto the
	// pod, so that neither the API nor access to nodes is needed.
	d.same(NodeZone, NodeLabels.Key(labelZone))
	d.same(NodeZone, PodLabels.Key(labelZone))
	d.same(NodeRegion, NodeLabels.Key(labelRegion))
	d.same(NodeRegion, PodLabels.Key(labelRegion))

	d.ordinal()
	d.owner()
}

type deriver struct{ s *Snapshot }

// set states a derived fact, unless it is known.
func (d deriver) set(p Path, value any, from ...Path) {
	if _, known := d.s.facts[p]; known || value == nil || value == "" {
		return
	}
	f := Fact{Path: p, Value: value, Origin: Origin{Source: "derived"}}
	var names []string
	for _, q := range from {
		basis := d.s.facts[q]
		names = append(names, string(q))
		f.Origin.Stale = f.Origin.Stale || basis.Origin.Stale
		if f.Origin.Confirmed.IsZero() || basis.Origin.Confirmed.Before(f.Origin.Confirmed) {
			f.Origin.Confirmed = basis.Origin.Confirmed
		}
		f.Sensitive = f.Sensitive || basis.Sensitive
	}
	f.Origin.From = "from " + strings.Join(names, " and ")
	d.s.facts[p] = f
}

func (d deriver) text(p Path) string {
	text, _ := d.s.facts[p].Value.(string)
	return text
}

func (d deriver) same(p, from Path) {
	if text := d.text(from); text != "" {
		d.set(p, text, from)
	}
}

func (d deriver) first(p, from Path) {
	if list, ok := d.s.facts[from].Value.([]string); ok && len(list) > 0 {
		d.set(p, list[0], from)
	}
}

func (d deriver) list(p, from Path) {
	if text := d.text(from); text != "" {
		d.set(p, []string{text}, from)
	}
}

// ordinal is the pod-index label (Kubernetes 1.28 and later), else the
// number at the end of the name of a StatefulSet's pod.
func (d deriver) ordinal() {
	for _, label := range []string{labelPodIndex, labelCompletionIndex} {
		from := PodLabels.Key(label)
		if n, err := strconv.ParseInt(d.text(from), 10, 64); err == nil {
			d.set(PodOrdinal, n, from)
		}
	}
	if from := PodLabels.Key(labelStatefulSetPod); d.text(from) != "" {
		if _, n, ok := cutOrdinal(d.text(from)); ok {
			d.set(PodOrdinal, n, from)
		}
	}
}

// owner concludes the controller from the labels that only that controller
// sets, and from how it names its pods.
func (d deriver) owner() {
	name := d.text(PodName)
	hash := PodLabels.Key(labelPodTemplateHash)
	stateful := PodLabels.Key(labelStatefulSetPod)
	revision, generation := PodLabels.Key(labelRevisionHash), PodLabels.Key(labelGeneration)
	job := PodLabels.Key(labelJobName)
	switch {
	case d.text(hash) != "":
		// A Deployment names its ReplicaSet NAME-HASH, and that one its pods
		// NAME-HASH-xxxxx. A name too long for five more characters is cut
		// (k8s.io/apiserver/pkg/storage/names), and with the hash cut off
		// nothing can be concluded.
		replicaSet, ok := cutSuffix(name)
		deployment, cut := strings.CutSuffix(replicaSet, "-"+d.text(hash))
		if ok && cut && deployment != "" {
			d.set(OwnerKind, "ReplicaSet", hash, PodName)
			d.set(OwnerName, replicaSet, hash, PodName)
			d.set(WorkloadKind, "Deployment", hash, PodName)
			d.set(WorkloadName, deployment, hash, PodName)
		}
	case d.text(stateful) != "":
		if set, _, ok := cutOrdinal(d.text(stateful)); ok {
			d.ownerAndWorkload("StatefulSet", set, stateful)
		}
	case d.text(revision) != "" && d.text(generation) != "":
		if set, ok := cutSuffix(name); ok && len(name) < 63 {
			d.ownerAndWorkload("DaemonSet", set, generation, PodName)
		}
	case d.text(job) != "":
		// Whether a CronJob stands above it, the pod does not tell.
		d.set(OwnerKind, "Job", job)
		d.set(OwnerName, d.text(job), job)
	}
}

func (d deriver) ownerAndWorkload(kind, name string, from ...Path) {
	d.set(OwnerKind, kind, from...)
	d.set(OwnerName, name, from...)
	d.set(WorkloadKind, kind, from...)
	d.set(WorkloadName, name, from...)
}

// cutSuffix cuts the dash and five characters that Kubernetes appends to a
// generated name.
func cutSuffix(name string) (string, bool) {
	const random = 5
	i := len(name) - random - 1
	if i <= 0 || name[i] != '-' || strings.Contains(name[i+1:], "-") {
		return "", false
	}
	return name[:i], true
}

// cutOrdinal splits db-0 into db and 0.
func cutOrdinal(name string) (string, int64, bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return "", 0, false
	}
	n, err := strconv.ParseInt(name[i+1:], 10, 64)
	return name[:i], n, err == nil && n >= 0
}
