package object

import (
	"maps"

	"github.com/podfacts/podfacts/watch"
)

// Node states every node.* fact.
func Node(node map[string]any, from string) watch.Layer {
	var l watch.Layer
	set := func(name string, value any) { l.Set("node."+watch.Path(name), value, from) }
	labels := Strings(node, "metadata", "labels")
	either := func(label, info string) string {
		if v := labels[label]; v != "" {
			return v
		}
		return Text(node, "status", "nodeInfo", info)
	}

	set("name", Text(node, "metadata", "name"))
	set("labels", labels)
	set("annotations", annotations(node))
	set("zone", labels["topology.kubernetes.io/zone"])
	set("region", labels["topology.kubernetes.io/region"])
	set("instanceType", labels["node.kubernetes.io/instance-type"])
	set("arch", either("kubernetes.io/arch", "architecture"))
	set("os", either("kubernetes.io/os", "operatingSystem"))
	if ips := NodeIPs(node); len(ips) > 0 {
		set("ip", ips[0])
	}
	set("kubeletVersion", Text(node, "status", "nodeInfo", "kubeletVersion"))
	set("allocatable", Allocatable(node))
	set("capacity", Quantities(node, "status", "capacity"))
	return l
}

// NodeIPs lists the addresses that the kubelet reports as its host's: the first
// internal one, else the first external one, and after it the first of the
// other family. Kubernetes: pkg/util/node, GetNodeHostIPs.
func NodeIPs(node map[string]any) []string {
	var all []string
	for _, kind := range []string{"InternalIP", "ExternalIP"} {
		for _, address := range List(node, "status", "addresses") {
			if Text(address, "type") == kind {
				all = append(all, Text(address, "address"))
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	ips := all[:1:1]
	for _, ip := range all[1:] {
		if isIPv6(ip) != isIPv6(ips[0]) {
			return append(ips, ip)
		}
	}
	return ips
}

func isIPv6(ip string) bool {
	for i := range len(ip) {
		if ip[i] == ':' {
			return true
		}
	}
	return false
}

// Namespace states every namespace.* fact.
func Namespace(namespace map[string]any, from string) watch.Layer {
	var l watch.Layer
	name := Text(namespace, "metadata", "name")
	labels := Strings(namespace, "metadata", "labels")
	if name != "" { // the API server sets it: pkg/apis/core/v1, SetDefaults_Namespace
		labels = maps.Clone(labels)
		labels["kubernetes.io/metadata.name"] = name
	}
	l.Set(watch.NamespaceName, name, from)
	l.Set("namespace.labels", labels, from)
	l.Set("namespace.annotations", annotations(namespace), from)
	return l
}

// ClusterUID states cluster.uid from the namespace kube-system, which lives as
// long as the cluster.
func ClusterUID(kubeSystem map[string]any, from string) watch.Layer {
	var l watch.Layer
	l.Set("cluster.uid", Text(kubeSystem, "metadata", "uid"), from)
	return l
}
