// Package e2e runs podfacts where it lives: as an init container and as a sidecar in real
// pods, under a real kubelet, from the manifests in examples/ as a user would apply them.
//
//	make e2e                                      # as root on Linux: a node of its own
//	KUBECONFIG=… E2E_IMAGE=… make e2e             # on a cluster that has the image
//	make e2e E2E_FLAGS='-run Sidecar -v'          # one scenario, and what it says
//	make e2e E2E_FLAGS='-run Sidecar -hold'       # and keep the node to look at it
//	make e2e E2E_FLAGS='-run none -hold'          # a node to try things with
//
// The node runs the image out of a release (`go run ./cmd/release -snapshot`): containerd has
// imported its docker archive and its OCI layout.
//
// # Adding a scenario
//
// It is a directory in examples/ with a manifest that can be applied as it stands, what
// stands for applications there being busybox:1.37, and a test here in a file of the same
// name. The test takes a namespace, applies the manifest, waits for what must come, and
// measures; package suite has all of that. It runs in parallel with the others, unless it
// stops parts of the cluster, which it gets from [suite.Suite.Node], or takes what others need.
//
// What becomes of a pod's files a test learns as a user would: from what the containers
// print, and by kubectl exec.
package e2e
