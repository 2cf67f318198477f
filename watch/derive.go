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
	f := Fact{Path: p, Value: value, Origin: Origin{Source: Derived}}
	var names []string
	for _, q := range from {
		basis := d.s.facts[q]
		names = append(names, string(q))
		f.Origin.Stale = f.Origin.Stale || basis.Origin.Stale
		if f.Origin.Confirmed.IsZero() || basis.Origin.Confirmed.Before(f.Origin.Confirmed) {
			f.Origin.Confirmed = basis.Origin.Confirmed
		}
		if f.Origin.Written.IsZero() || !basis.Origin.Written.IsZero() && basis.Origin.Written.Before(f.Origin.Written) {
			f.Origin.Written = basis.Origin.Written
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
		if n, err := strconv.ParseInt(d.text(from), 10, 64); err == nil && n >= 0 {
			d.set(PodOrdinal, n, from)
		}
	}
	if _, n, ok := d.statefulSet(); ok {
		d.set(PodOrdinal, n, PodLabels.Key(labelStatefulSetPod))
	}
}

// owner concludes the controller from the labels that only that controller
// sets, and from how it names its pods. Labels that were copied from another
// pod do not fit the name, and prove nothing.
func (d deriver) owner() {
	if replicaSet, deployment, ok := d.deployment(); ok {
		hash := PodLabels.Key(labelPodTemplateHash)
		d.set(OwnerKind, "ReplicaSet", hash, PodName)
		d.set(OwnerName, replicaSet, hash, PodName)
		d.set(WorkloadKind, "Deployment", hash, PodName)
		d.set(WorkloadName, deployment, hash, PodName)
		return
	}
	if set, _, ok := d.statefulSet(); ok {
		d.ownerAndWorkload("StatefulSet", set, PodLabels.Key(labelStatefulSetPod))
		return
	}
	if set, ok := d.daemonSet(); ok {
		d.ownerAndWorkload("DaemonSet", set, PodLabels.Key(labelGeneration), PodName)
		return
	}
	if name, ok := d.job(); ok {
		// Whether a CronJob stands above it, the pod does not tell.
		d.set(OwnerKind, "Job", PodLabels.Key(labelJobName))
		d.set(OwnerName, name, PodLabels.Key(labelJobName))
	}
}

// A Deployment names its ReplicaSet NAME-HASH, and that one its pods
// NAME-HASH-xxxxx. A name too long for five more characters is cut
// (k8s.io/apiserver/pkg/storage/names), and with the hash cut off nothing can
// be concluded.
func (d deriver) deployment() (replicaSet, name string, ok bool) {
	hash := d.text(PodLabels.Key(labelPodTemplateHash))
	replicaSet, ok = cutSuffix(d.text(PodName))
	if !ok || hash == "" {
		return "", "", false
	}
	name, ok = strings.CutSuffix(replicaSet, "-"+hash)
	return replicaSet, name, ok && name != ""
}

func (d deriver) statefulSet() (name string, ordinal int64, ok bool) {
	pod := d.text(PodLabels.Key(labelStatefulSetPod))
	if own := d.text(PodName); own != "" && own != pod {
		return "", 0, false
	}
	return cutOrdinal(pod)
}

// A DaemonSet's name that is so long that it may have been cut proves nothing.
func (d deriver) daemonSet() (name string, ok bool) {
	const longest = 63
	revision, generation := PodLabels.Key(labelRevisionHash), PodLabels.Key(labelGeneration)
	pod := d.text(PodName)
	if d.text(revision) == "" || d.text(generation) == "" || len(pod) >= longest {
		return "", false
	}
	return cutSuffix(pod)
}

// A Job's pods are called NAME-xxxxx or NAME-INDEX-xxxxx, with NAME cut so
// that 63 characters suffice.
func (d deriver) job() (name string, ok bool) {
	const kept = 63 - len("-xxxxx") - len("-2147483647")
	name, pod := d.text(PodLabels.Key(labelJobName)), d.text(PodName)
	return name, name != "" && (pod == "" || strings.HasPrefix(pod, name[:min(len(name), kept)]))
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
