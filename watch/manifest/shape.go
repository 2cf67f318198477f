package manifest

import (
	"gopkg.in/yaml.v3"
)

// shape is what a part of an object must look like, for the parts that are read.
// The zero shape takes anything.
type shape struct {
	is     string // what it must be, as an error says it
	fields map[string]shape
	each   *shape // every entry of a list, or of a map whose keys people choose
	needs  []string
}

// What a part can have to be.
const (
	text      = "a string"
	entryText = "a quoted string" // a value of labels and the like
	quantity  = "a quantity"
	boolean   = "a boolean"
	number    = "a whole number"
	mapping   = "a map"
	sequence  = "a list"
)

func (s shape) fits(n *yaml.Node) bool {
	tag := n.ShortTag()
	_, yes := bool11(n)
	switch s.is {
	case text, entryText:
		return isText(n)
	case quantity:
		return n.Kind == yaml.ScalarNode && (isText(n) || tag == "!!int" || tag == "!!float")
	case boolean:
		return yes || tag == "!!bool"
	case number:
		return tag == "!!int"
	case mapping:
		return n.Kind == yaml.MappingNode
	case sequence:
		return n.Kind == yaml.SequenceNode
	}
	return true
}

// hint ends a complaint about a value that quotes would mend.
func (s shape) hint(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && (s.is == text || s.is == entryText) {
		return "; quote it"
	}
	return ""
}

func (s shape) field(key string) shape {
	if f, ok := s.fields[key]; ok {
		return f
	}
	return s.entry()
}

func (s shape) entry() shape {
	if s.each == nil {
		return shape{}
	}
	return *s.each
}

// shapeOf gives the shape of a kind. A kind that is not known may have a pod
// template all the same; what its API server fills in, such as the names of
// containers, is not asked for.
func shapeOf(group, kind string, root *yaml.Node) shape {
	s := record(map[string]shape{"apiVersion": {is: text}, "kind": {is: text}, "metadata": metadata()})
	s.needs = []string{"metadata"}
	meta := s.fields["metadata"]
	if scalar(child(root, "metadata"), "generateName") == "" {
		meta.needs = []string{"name"}
	}
	s.fields["metadata"] = meta
	if group != "" {
		kind = group + "/" + kind
	}
	switch kind {
	case "Pod":
		s.fields["spec"], s.fields["status"] = podSpec("name"), podStatus()
		s.needs = append(s.needs, "spec")
	case "Node":
		s.fields["status"] = record(map[string]shape{
			"allocatable": mapOf(quantity), "capacity": mapOf(quantity),
			"addresses": listOf(record(map[string]shape{"type": {is: text}, "address": {is: text}})),
			"nodeInfo":  record(texts("architecture", "operatingSystem", "kubeletVersion")),
		})
	case "Service":
		s.fields["spec"] = record(map[string]shape{
			"selector": mapOf(entryText), "type": {is: text}, "clusterIP": {is: text}, "clusterIPs": listOf(shape{is: text}),
			"ports": listOf(record(map[string]shape{"name": {is: text}, "protocol": {is: text}, "port": {is: number}}, "port")),
		})
	case "ConfigMap":
		s.fields["data"] = mapOf(entryText)
	case "Secret":
		s.fields["data"], s.fields["stringData"] = mapOf(entryText), mapOf(entryText)
	case "batch/CronJob":
		job := record(map[string]shape{"metadata": metadata(), "spec": workloadSpec("name")}, "spec")
		s.fields["spec"] = record(map[string]shape{"jobTemplate": job}, "jobTemplate")
		s.needs = append(s.needs, "spec")
	case "apps/Deployment", "apps/ReplicaSet", "apps/StatefulSet", "apps/DaemonSet", "batch/Job", "ReplicationController":
		s.fields["spec"] = workloadSpec("name")
		s.needs = append(s.needs, "spec")
	default:
		containers := child(child(child(child(root, "spec"), "template"), "spec"), "containers")
		if containers != nil && containers.Kind == yaml.SequenceNode {
			s.fields["spec"] = workloadSpec()
		}
	}
	return s
}

// record is a map of which some fields are known.
func record(fields map[string]shape, needs ...string) shape {
	return shape{is: mapping, fields: fields, needs: needs}
}

// mapOf is a map whose keys people choose.
func mapOf(is string) shape { return shape{is: mapping, each: &shape{is: is}} }

func listOf(of shape) shape { return shape{is: sequence, each: &of} }

// texts gives several fields the shape of a string.
func texts(names ...string) map[string]shape {
	fields := make(map[string]shape, len(names))
	for _, name := range names {
		fields[name] = shape{is: text}
	}
	return fields
}

func metadata() shape {
	fields := texts("name", "generateName", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp")
	fields["labels"], fields["annotations"] = mapOf(entryText), mapOf(entryText)
	reference := texts("apiVersion", "kind", "name", "uid")
	reference["controller"] = shape{is: boolean}
	fields["ownerReferences"] = listOf(record(reference, "apiVersion", "kind", "name"))
	return record(fields)
}

// workloadSpec is a spec with a pod template, whose containers need what is named.
func workloadSpec(containerNeeds ...string) shape {
	template := record(map[string]shape{"metadata": metadata(), "spec": podSpec(containerNeeds...)}, "spec")
	return record(map[string]shape{"template": template, "replicas": {is: number}, "serviceName": {is: text}}, "template")
}

func podSpec(containerNeeds ...string) shape {
	fields := texts("nodeName", "hostname", "hostnameOverride", "subdomain", "serviceAccountName", "serviceAccount", "priorityClassName")
	fields["hostNetwork"], fields["automountServiceAccountToken"] = shape{is: boolean}, shape{is: boolean}
	fields["containers"], fields["initContainers"] = listOf(container(containerNeeds)), listOf(container(containerNeeds))
	fields["resources"] = resources()
	fields["volumes"] = listOf(volume())
	return record(fields, "containers")
}

func container(needs []string) shape {
	fields := texts("name", "image", "restartPolicy")
	fields["resources"] = resources()
	variable := texts("name", "value")
	variable["valueFrom"] = record(map[string]shape{"fieldRef": fieldRef(), "resourceFieldRef": resourceFieldRef()})
	fields["env"] = listOf(record(variable, "name"))
	fields["volumeMounts"] = listOf(record(texts("name", "mountPath", "subPath", "subPathExpr"), "name", "mountPath"))
	return record(fields, needs...)
}

func volume() shape {
	items := listOf(record(map[string]shape{"path": {is: text}, "fieldRef": fieldRef(), "resourceFieldRef": resourceFieldRef()}, "path"))
	downward := record(map[string]shape{"items": items})
	projected := record(map[string]shape{"sources": listOf(record(map[string]shape{"downwardAPI": downward}))})
	return record(map[string]shape{"name": {is: text}, "downwardAPI": downward, "projected": projected}, "name")
}

func fieldRef() shape { return record(texts("apiVersion", "fieldPath"), "fieldPath") }

func resourceFieldRef() shape {
	fields := texts("containerName", "resource")
	fields["divisor"] = shape{is: quantity}
	return record(fields, "resource")
}

func resources() shape {
	return record(map[string]shape{"limits": mapOf(quantity), "requests": mapOf(quantity)})
}

func podStatus() shape {
	fields := texts("podIP", "hostIP", "phase", "qosClass")
	address := listOf(record(texts("ip")))
	fields["podIPs"], fields["hostIPs"] = address, address
	return record(fields)
}
