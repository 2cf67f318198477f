package manifest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/podfacts/podfacts/watch/object"
)

// What stands for values that a cluster draws by lot.
const (
	zeroUID    = "00000000-0000-0000-0000-000000000000"
	zeroHash   = "0000000000"
	zeroSuffix = "00000"
)

// build sets the pod: a copy of o, or what the controllers make of it.
func (p *Pod) build(o map[string]any) {
	o = object.Copy(o)
	metadataOf(o)["namespace"] = namespaceOf(o)
	if object.Text(o, "kind") == "Pod" {
		p.made = object.Text(o, "metadata", "uid") == ""
		p.object = o
	} else {
		p.made = true
		p.makeFrom(o)
	}
	if p.made {
		complete(p.object)
		if p.mountsToken() {
			mountServiceAccount(p.object)
		}
	}
}

// makeFrom makes the pod of a workload, and the controllers between the two.
func (p *Pod) makeFrom(w map[string]any) {
	setDefault(metadataOf(w), "uid", zeroUID)
	p.controllers = append(p.controllers, w)
	name := object.Text(w, "metadata", "name")
	template := podTemplate(w)
	pod := p.child(w, "v1", "Pod", "", template)
	labels, annotations := object.Map(pod, "metadata", "labels"), object.Map(pod, "metadata", "annotations")
	spec := object.Map(pod, "spec")

	switch kind := object.Text(w, "kind"); kind {
	case "Deployment":
		labels["pod-template-hash"] = zeroHash
		set := p.child(w, "apps/v1", "ReplicaSet", cut(name, 253-len(zeroHash)-1)+"-"+zeroHash, nil)
		metadataOf(set)["labels"] = maps.Clone(labels)
		set["spec"] = object.Map(w, "spec")
		p.controllers = append(p.controllers, set)
		p.adopt(pod, set)
	case "StatefulSet":
		// Kubernetes: pkg/controller/statefulset/stateful_set_utils.go, initIdentity.
		start, _ := object.Integer(w, "spec", "ordinals", "start")
		podName := fmt.Sprintf("%s-%d", name, start)
		metadataOf(pod)["name"] = podName
		labels["statefulset.kubernetes.io/pod-name"] = podName
		labels["apps.kubernetes.io/pod-index"] = fmt.Sprint(start)
		labels["controller-revision-hash"] = name + "-" + zeroHash
		spec["hostname"], spec["subdomain"] = podName, object.Text(w, "spec", "serviceName")
	case "DaemonSet":
		// Kubernetes: pkg/controller/daemon/util, CreatePodTemplate.
		labels["controller-revision-hash"] = zeroHash
		labels["pod-template-generation"] = or(object.Text(w, "metadata", "annotations", "deprecated.daemonset.template.generation"), "1")
	case "CronJob":
		job := p.child(w, "batch/v1", "Job", name+"-00000000", object.Map(w, "spec", "jobTemplate"))
		p.controllers = append(p.controllers, job)
		p.adopt(pod, job)
		ofJob(job, pod)
	case "Job":
		ofJob(w, pod)
	}
	if len(annotations) == 0 {
		delete(metadataOf(pod), "annotations")
	}
	p.object = pod
}

// ofJob does what registry and controller of jobs do.
// Kubernetes: pkg/registry/batch/job/strategy.go, generateSelector;
// pkg/controller/job/indexed_job_utils.go.
func ofJob(job, pod map[string]any) {
	name := object.Text(job, "metadata", "name")
	labels := object.Map(pod, "metadata", "labels")
	for _, prefix := range []string{"", "batch.kubernetes.io/"} {
		setDefault(labels, prefix+"job-name", name)
		setDefault(labels, prefix+"controller-uid", object.Text(job, "metadata", "uid"))
	}
	if object.Text(job, "spec", "completionMode") != "Indexed" {
		return
	}
	const index = "batch.kubernetes.io/job-completion-index"
	labels[index] = "0"
	object.Map(pod, "metadata", "annotations")[index] = "0"
	object.Map(pod, "spec")["hostname"] = name + "-0"
	metadataOf(pod)["generateName"] = name + "-0-"
	for _, c := range object.Containers(pod) {
		if slices.ContainsFunc(object.List(c, "env"), func(v map[string]any) bool { return v["name"] == "JOB_COMPLETION_INDEX" }) {
			continue
		}
		env, _ := c["env"].([]any)
		c["env"] = append(env, map[string]any{"name": "JOB_COMPLETION_INDEX",
			"valueFrom": map[string]any{"fieldRef": map[string]any{"fieldPath": "metadata.labels['" + index + "']"}}})
	}
}

// child makes an object from a template and lets owner control it.
func (p *Pod) child(owner map[string]any, apiVersion, kind, name string, template map[string]any) map[string]any {
	o := object.Copy(template)
	if o == nil {
		o = map[string]any{}
	}
	o["apiVersion"], o["kind"] = apiVersion, kind
	meta := metadataOf(o)
	meta["name"], meta["namespace"], meta["uid"] = name, namespaceOf(owner), zeroUID
	for _, field := range []string{"labels", "annotations"} {
		if object.Map(meta, field) == nil {
			meta[field] = map[string]any{}
		}
	}
	p.adopt(o, owner)
	return o
}

// adopt makes owner the controller of an object, which is named after it.
func (p *Pod) adopt(o, owner map[string]any) {
	name := object.Text(owner, "metadata", "name")
	meta := metadataOf(o)
	if object.Text(o, "kind") == "Pod" {
		meta["generateName"] = name + "-"
	}
	meta["ownerReferences"] = []any{map[string]any{
		"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name,
		"uid": object.Text(owner, "metadata", "uid"), "controller": true, "blockOwnerDeletion": true,
	}}
}

// complete gives a pod that no cluster has stored what the API server would.
func complete(pod map[string]any) {
	meta := metadataOf(pod)
	setDefault(meta, "uid", zeroUID)
	if object.Text(meta, "name") == "" {
		meta["name"] = generatedName(object.Text(meta, "generateName"))
	}
	spec := object.Map(pod, "spec")
	account := or(object.Text(spec, "serviceAccountName"), object.Text(spec, "serviceAccount"))
	spec["serviceAccountName"] = or(account, "default")
	defaultRequests(pod)
}

// mountsToken says whether the pod gets a token: the pod's word counts, then its
// service account's. Kubernetes: plugin/pkg/admission/serviceaccount, shouldAutomount.
func (p *Pod) mountsToken() bool {
	account, _ := p.cluster.Find("v1", "ServiceAccount", namespaceOf(p.object), object.Text(p.object, "spec", "serviceAccountName"), "")
	for _, o := range []map[string]any{object.Map(p.object, "spec"), account} {
		if mount, said := o["automountServiceAccountToken"].(bool); said {
			return mount
		}
	}
	return true
}

// generatedName is a prefix and five characters, cut to 63.
// Kubernetes: apiserver/pkg/storage/names.
func generatedName(prefix string) string { return cut(prefix, 63-len(zeroSuffix)) + zeroSuffix }

func cut(name string, longest int) string { return name[:min(len(name), longest)] }

// bind does what the binding of a pod to a node does, and the first status that
// the kubelet of that node reports.
// Kubernetes: plugin/pkg/admission/podtopologylabels (1.35 and later).
func (p *Pod) bind() {
	if p.node == nil {
		return
	}
	object.Map(p.object, "spec")["nodeName"] = object.Text(p.node, "metadata", "name")
	labels := setDefault(metadataOf(p.object), "labels", map[string]any{}).(map[string]any)
	for _, key := range []string{"topology.kubernetes.io/zone", "topology.kubernetes.io/region"} {
		if value := object.Text(p.node, "metadata", "labels", key); value != "" {
			labels[key] = value
		}
	}
	ips := object.NodeIPs(p.node)
	if len(ips) == 0 {
		return
	}
	status, _ := setDefault(p.object, "status", map[string]any{}).(map[string]any)
	address(status, "host", ips)
	if object.Flag(p.object, "spec", "hostNetwork") {
		address(status, "pod", ips)
	}
}

// address sets podIP and podIPs, or hostIP and hostIPs.
func address(status map[string]any, prefix string, ips []string) {
	var list []any
	for _, ip := range ips {
		list = append(list, map[string]any{"ip": ip})
	}
	setDefault(status, prefix+"IPs", list)
	setDefault(status, prefix+"IP", ips[0])
}

// metadataOf returns the metadata of an object, made if it has none.
func metadataOf(o map[string]any) map[string]any {
	meta, _ := setDefault(o, "metadata", map[string]any{}).(map[string]any)
	return meta
}

// setDefault sets a key that is absent, and returns what it then holds.
func setDefault(m map[string]any, key string, value any) any {
	if have, ok := m[key]; ok && have != nil && have != "" {
		return have
	}
	m[key] = value
	return value
}
