package cluster

import (
	"fmt"
	"path"
	"strings"
)

// A Tool is a program that a go.mod here names as a tool, by its package.
type Tool string

// The tools that a control plane is made of.
const (
	Etcd              Tool = "go.etcd.io/etcd/server/v3"
	APIServer         Tool = "k8s.io/kubernetes/cmd/kube-apiserver"
	ControllerManager Tool = "k8s.io/kubernetes/cmd/kube-controller-manager"
	Scheduler         Tool = "k8s.io/kubernetes/cmd/kube-scheduler"
	Kubectl           Tool = "k8s.io/kubernetes/cmd/kubectl"
)

// The tools that a node is made of, see the package node.
const (
	Kubelet        Tool = "k8s.io/kubernetes/cmd/kubelet"
	Containerd     Tool = containerd + "/cmd/containerd"
	ContainerdShim Tool = containerd + "/cmd/containerd-shim-runc-v2"
	Ctr            Tool = containerd + "/cmd/ctr"

	containerd = "github.com/containerd/containerd/v2"
)

// Helm, as its users have it.
const (
	Helm  Tool = helm4 + "/cmd/helm"
	Helm3 Tool = helm3 + "/cmd/helm"

	helm4 = "helm.sh/helm/v4"
	helm3 = "helm.sh/helm/v3"
)

// String is the name of the executable.
func (t Tool) String() string {
	switch t {
	case Etcd:
		return "etcd"
	case Helm3:
		return "helm3"
	}
	return path.Base(string(t))
}

// takes says how long a build takes on two cores with nothing cached.
func (t Tool) takes() string {
	switch t {
	case Etcd, Containerd:
		return "about 2 minutes"
	case APIServer:
		return "about 6 minutes"
	case Kubelet, Helm:
		return "about 4 minutes"
	default:
		return "about a minute"
	}
}

// An origin is a module of ours that names tools, and how they are built.
type origin struct {
	dir   string // from this module
	main  string // the module whose version tells theirs
	flags func(version string) []string
}

func (t Tool) origin() origin {
	switch {
	case strings.HasPrefix(string(t), containerd+"/"):
		return origin{dir: "../containerd", main: containerd, flags: containerdFlags}
	case t == Helm:
		return origin{dir: "../helm", main: helm4, flags: helm4Flags}
	case t == Helm3:
		return origin{dir: "../helm", main: helm3, flags: helm3Flags}
	}
	return origin{dir: ".", main: "k8s.io/kubernetes", flags: kubernetesFlags}
}

// kubernetesFlags stamp the version, which the API server reports at /version and
// compares features with. From outside its tree it would be v0.0.0-master.
func kubernetesFlags(version string) []string {
	const stamp = "k8s.io/component-base/version."
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	return []string{"-ldflags", fmt.Sprintf("-s -w -X %sgitVersion=%s -X %[1]sgitMajor=%[3]s -X %[1]sgitMinor=%[4]s",
		stamp, version, parts[0], parts[1])}
}

// containerdFlags leave out what wants a C compiler.
func containerdFlags(version string) []string {
	return []string{"-tags", "no_btrfs", "-ldflags", "-s -w -X " + containerd + "/version.Version=" + version}
}

func helm4Flags(version string) []string { return helmFlags(helm4, version) }

// helm3Flags tell Helm 3 also which Kubernetes it takes a cluster for that it does not
// ask, which Helm 4 finds by itself.
func helm3Flags(version string) []string {
	flags := helmFlags(helm3, version)
	flags[1] += " -X " + helm3 + "/pkg/chartutil.k8sVersionMajor=1 -X " + helm3 + "/pkg/chartutil.k8sVersionMinor=36"
	return flags
}

func helmFlags(module, version string) []string {
	return []string{"-ldflags", "-s -w -X " + module + "/internal/version.version=" + version}
}
