// Package node adds a node to a control plane of package cluster: a real kubelet and
// containerd, on this machine, with pods that have networks, volumes, limits and logs as
// anywhere. It takes root on Linux, runc and the CNI plugins; [Check] says what is missing.
//
//	n, err := node.Start(ctx, node.Options{Images: []image.Image{app}}) // Ready in about ten seconds
//	defer n.Stop()
//	pods, err := n.Client().CoreV1().Pods("default").List(ctx, metav1.ListOptions{})
//
// A [Node] is its control plane, too: all that [cluster.Cluster] can do, stopping the API
// server and reading what it was asked among it, it can do. The package suite has what
// tests want beside: namespaces, manifests, waiting, logs.
//
// # What pods find
//
// Pods run as their manifests say, nothing is patched in: each has an address of its own,
// the API server answers at the address in KUBERNETES_SERVICE_HOST, tokens and
// kube-root-ca.crt are real. There is no kube-proxy and no name service: other Services
// have no address that works, and there is no way out of the node. [Node.DialContext]
// reaches a pod from the test.
//
// Images are made from files by package image, no container engine is needed, and loaded by
// [Node.Load], or with [Node.Import] from an archive that is there. Nothing is ever pulled.
//
// # Where it runs
//
// The first process of a node (./pid1) is in namespaces for processes, mounts, network,
// host name and IPC, and everything else of the node below it. So whatever listens or is
// mounted there concerns nobody else on the machine, a container runtime of its own
// included; and when that process ends, which it does with the test however that ends,
// the kernel ends all of it. Only files and empty cgroups can stay behind, which the next
// start removes. What the test and the node have to say to each other passes through the
// test's process, see network: the API server to the kubelet by way of an egress proxy,
// pods and the kubelet to the API server. While that is stopped, those find their connections
// reset, not refused.
package node
