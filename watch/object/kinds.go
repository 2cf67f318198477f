package object

import (
	"strings"
	"unicode"
)

// Kind names a kind as objects and owner references do.
type Kind struct{ APIVersion, Kind string }

// Resource is how an API server serves a kind.
type Resource struct {
	Name       string // plural, as in URLs and rules
	Namespaced bool
}

// Group is the API group of an apiVersion: apps for apps/v1, nothing for v1.
func Group(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// Builtin knows how Kubernetes' own kinds are served: in every version alike.
func Builtin(apiVersion, kind string) (Resource, bool) {
	group := Group(apiVersion)
	for _, k := range builtin {
		if k.kind == kind && k.group == group {
			return k.Resource, true
		}
	}
	return Resource{}, false
}

// GuessNamespaced guesses whether objects of a kind live in namespaces. Most do;
// those that are called ClusterSomething mostly do not.
func GuessNamespaced(kind string) bool {
	rest, cluster := strings.CutPrefix(kind, "Cluster")
	return !cluster || rest == "" || !unicode.IsUpper(rune(rest[0]))
}

const (
	namespaced  = true
	clusterWide = false
)

// builtin lists what kube-apiserver 1.36 lets people read, with what is still
// behind a feature gate, and the metrics API, whose names nobody would guess.
var builtin = [...]struct {
	group, kind string
	Resource
}{
	{"", "ComponentStatus", Resource{"componentstatuses", clusterWide}},
	{"", "ConfigMap", Resource{"configmaps", namespaced}},
	{"", "Endpoints", Resource{"endpoints", namespaced}},
	{"", "Event", Resource{"events", namespaced}},
	{"", "LimitRange", Resource{"limitranges", namespaced}},
	{"", "Namespace", Resource{"namespaces", clusterWide}},
	{"", "Node", Resource{"nodes", clusterWide}},
	{"", "PersistentVolume", Resource{"persistentvolumes", clusterWide}},
	{"", "PersistentVolumeClaim", Resource{"persistentvolumeclaims", namespaced}},
	{"", "Pod", Resource{"pods", namespaced}},
	{"", "PodTemplate", Resource{"podtemplates", namespaced}},
	{"", "ReplicationController", Resource{"replicationcontrollers", namespaced}},
	{"", "ResourceQuota", Resource{"resourcequotas", namespaced}},
	{"", "Secret", Resource{"secrets", namespaced}},
	{"", "Service", Resource{"services", namespaced}},
	{"", "ServiceAccount", Resource{"serviceaccounts", namespaced}},
	{"admissionregistration.k8s.io", "MutatingAdmissionPolicy", Resource{"mutatingadmissionpolicies", clusterWide}},
	{"admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding", Resource{"mutatingadmissionpolicybindings", clusterWide}},
	{"admissionregistration.k8s.io", "MutatingWebhookConfiguration", Resource{"mutatingwebhookconfigurations", clusterWide}},
	{"admissionregistration.k8s.io", "ValidatingAdmissionPolicy", Resource{"validatingadmissionpolicies", clusterWide}},
	{"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", Resource{"validatingadmissionpolicybindings", clusterWide}},
	{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", Resource{"validatingwebhookconfigurations", clusterWide}},
	{"apiextensions.k8s.io", "CustomResourceDefinition", Resource{"customresourcedefinitions", clusterWide}},
	{"apiregistration.k8s.io", "APIService", Resource{"apiservices", clusterWide}},
	{"apps", "ControllerRevision", Resource{"controllerrevisions", namespaced}},
	{"apps", "DaemonSet", Resource{"daemonsets", namespaced}},
	{"apps", "Deployment", Resource{"deployments", namespaced}},
	{"apps", "ReplicaSet", Resource{"replicasets", namespaced}},
	{"apps", "StatefulSet", Resource{"statefulsets", namespaced}},
	{"autoscaling", "HorizontalPodAutoscaler", Resource{"horizontalpodautoscalers", namespaced}},
	{"batch", "CronJob", Resource{"cronjobs", namespaced}},
	{"batch", "Job", Resource{"jobs", namespaced}},
	{"certificates.k8s.io", "CertificateSigningRequest", Resource{"certificatesigningrequests", clusterWide}},
	{"certificates.k8s.io", "ClusterTrustBundle", Resource{"clustertrustbundles", clusterWide}},
	{"certificates.k8s.io", "PodCertificateRequest", Resource{"podcertificaterequests", namespaced}},
	{"coordination.k8s.io", "Lease", Resource{"leases", namespaced}},
	{"coordination.k8s.io", "LeaseCandidate", Resource{"leasecandidates", namespaced}},
	{"discovery.k8s.io", "EndpointSlice", Resource{"endpointslices", namespaced}},
	{"events.k8s.io", "Event", Resource{"events", namespaced}},
	{"flowcontrol.apiserver.k8s.io", "FlowSchema", Resource{"flowschemas", clusterWide}},
	{"flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", Resource{"prioritylevelconfigurations", clusterWide}},
	{"metrics.k8s.io", "NodeMetrics", Resource{"nodes", clusterWide}},
	{"metrics.k8s.io", "PodMetrics", Resource{"pods", namespaced}},
	{"networking.k8s.io", "IPAddress", Resource{"ipaddresses", clusterWide}},
	{"networking.k8s.io", "Ingress", Resource{"ingresses", namespaced}},
	{"networking.k8s.io", "IngressClass", Resource{"ingressclasses", clusterWide}},
	{"networking.k8s.io", "NetworkPolicy", Resource{"networkpolicies", namespaced}},
	{"networking.k8s.io", "ServiceCIDR", Resource{"servicecidrs", clusterWide}},
	{"node.k8s.io", "RuntimeClass", Resource{"runtimeclasses", clusterWide}},
	{"policy", "PodDisruptionBudget", Resource{"poddisruptionbudgets", namespaced}},
	{"rbac.authorization.k8s.io", "ClusterRole", Resource{"clusterroles", clusterWide}},
	{"rbac.authorization.k8s.io", "ClusterRoleBinding", Resource{"clusterrolebindings", clusterWide}},
	{"rbac.authorization.k8s.io", "Role", Resource{"roles", namespaced}},
	{"rbac.authorization.k8s.io", "RoleBinding", Resource{"rolebindings", namespaced}},
	{"resource.k8s.io", "DeviceClass", Resource{"deviceclasses", clusterWide}},
	{"resource.k8s.io", "DeviceTaintRule", Resource{"devicetaintrules", clusterWide}},
	{"resource.k8s.io", "ResourceClaim", Resource{"resourceclaims", namespaced}},
	{"resource.k8s.io", "ResourceClaimTemplate", Resource{"resourceclaimtemplates", namespaced}},
	{"resource.k8s.io", "ResourceSlice", Resource{"resourceslices", clusterWide}},
	{"scheduling.k8s.io", "PriorityClass", Resource{"priorityclasses", clusterWide}},
	{"storage.k8s.io", "CSIDriver", Resource{"csidrivers", clusterWide}},
	{"storage.k8s.io", "CSINode", Resource{"csinodes", clusterWide}},
	{"storage.k8s.io", "CSIStorageCapacity", Resource{"csistoragecapacities", namespaced}},
	{"storage.k8s.io", "StorageClass", Resource{"storageclasses", clusterWide}},
	{"storage.k8s.io", "VolumeAttachment", Resource{"volumeattachments", clusterWide}},
	{"storage.k8s.io", "VolumeAttributesClass", Resource{"volumeattributesclasses", clusterWide}},
}
