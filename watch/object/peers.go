package object

import (
	"maps"
	"slices"
	"strings"
)

// Peers lists the pods of the same workload, the pod itself among them, sorted by
// name. pods are those of the namespace, or of more. Pods that have finished are
// no peers. A pod without controller has itself alone.
//
// Every entry has the keys name, ip, node, zone, ready and self; what is not known
// is an empty string.
func Peers(pod map[string]any, pods []map[string]any, find Lookup) []any {
	namespace, name := Text(pod, "metadata", "namespace"), Text(pod, "metadata", "name")
	workload := workloadID(pod, find)
	peers := map[string]any{name: peer(pod, true)}
	for _, other := range pods {
		otherName := Text(other, "metadata", "name")
		switch phase := Text(other, "status", "phase"); {
		case Text(other, "metadata", "namespace") != namespace, otherName == name:
		case phase == "Succeeded", phase == "Failed":
		case workload == "" || workloadID(other, find) != workload:
		default:
			peers[otherName] = peer(other, false)
		}
	}
	return sorted(peers)
}

func peer(pod map[string]any, self bool) map[string]any {
	ready := slices.ContainsFunc(List(pod, "status", "conditions"), func(c map[string]any) bool {
		return Text(c, "type") == "Ready" && Text(c, "status") == "True"
	})
	return map[string]any{
		"name":  Text(pod, "metadata", "name"),
		"ip":    Text(pod, "status", "podIP"),
		"node":  Text(pod, "spec", "nodeName"),
		"zone":  Text(pod, "metadata", "labels", "topology.kubernetes.io/zone"),
		"ready": ready,
		"self":  self,
	}
}

// Services lists the services of the pod's namespace that select it, sorted by
// name. A service without selector, or one that is only a name (ExternalName),
// selects nothing.
//
// Every entry has the keys name, namespace, type and ports, and clusterIP and
// clusterIPs once the cluster has given them. Every port has name, port, protocol
// and targetPort, and nodePort and appProtocol where they are set.
func Services(pod map[string]any, services []map[string]any) []any {
	namespace := Text(pod, "metadata", "namespace")
	labels := Strings(pod, "metadata", "labels")
	matching := map[string]any{}
	for _, s := range services {
		selector := Strings(s, "spec", "selector")
		if Text(s, "metadata", "namespace") == namespace && Text(s, "spec", "type") != "ExternalName" &&
			len(selector) > 0 && selects(selector, labels) {
			matching[Text(s, "metadata", "name")] = service(s)
		}
	}
	return sorted(matching)
}

func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	return true
}

func service(s map[string]any) map[string]any {
	ports := []any{}
	for _, p := range List(s, "spec", "ports") {
		ports = append(ports, port(p))
	}
	entry := map[string]any{
		"name":      Text(s, "metadata", "name"),
		"namespace": Text(s, "metadata", "namespace"),
		"type":      or(Text(s, "spec", "type"), "ClusterIP"),
		"ports":     ports,
	}
	keep(entry, Map(s, "spec"), "clusterIP", "clusterIPs")
	return entry
}

// port fills in what the API server does: pkg/apis/core/v1, SetDefaults_Service.
func port(p map[string]any) map[string]any {
	entry := map[string]any{
		"name":       Text(p, "name"),
		"protocol":   or(Text(p, "protocol"), "TCP"),
		"targetPort": normalize(p["port"]),
	}
	keep(entry, p, "port", "targetPort", "nodePort", "appProtocol")
	return entry
}

// keep copies the keys that are set.
func keep(to, from map[string]any, keys ...string) {
	for _, key := range keys {
		if value, ok := from[key]; ok && value != nil && value != "" {
			to[key] = normalize(value)
		}
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// sorted lists values in the order of their keys.
func sorted(m map[string]any) []any {
	list := make([]any, 0, len(m))
	for _, key := range slices.SortedFunc(maps.Keys(m), strings.Compare) {
		list = append(list, m[key])
	}
	return list
}
