// Package suite is what tests want of a cluster that has nodes: a namespace for each, in
// which manifests are applied as they stand, waiting that says what it waits for, logs as
// they come, and at the end a table of what was tested and measured.
//
//	var shared *suite.Suite
//
//	func TestMain(m *testing.M) {
//		shared, err = suite.Open(ctx, suite.Options{Node: node.Options{Images: …}})
//		code := shared.Run(m) // and prints the table
//	}
//
//	func TestSidecar(t *testing.T) {
//		ns := shared.Namespace(t)
//		ns.Apply("../../examples/sidecar")
//		pod := ns.AwaitPod("app=db", suite.Ready)
//		start := time.Now()
//		ns.Label(pod.Name, "role", "leader")
//		ns.Measure("label to file", ns.AwaitLine(pod.Name, "main", "leader", start).Sub(start))
//	}
//
// # Which cluster
//
// Without [Options.Kubeconfig] a node is started on this machine, see package node. With
// it the same tests run on the cluster that it leads to; what needs a node of our own, as
// stopping its kubelet does, asks for it with [Suite.Node], and is left out there.
//
// # What Apply changes
//
// A manifest runs as a user would apply it, but for four things: all that has a namespace
// comes into the test's, and what of RBAC has none gets its name appended; images are
// replaced as [Options.Images] says; no image is pulled that is there; and definitions come
// first, then permissions, then, when the API server acts on those, all others.
//
// # When a test fails
//
// The objects, events and logs of its namespace are written below [Options.Logs], with the
// logs of all components where the node is ours, and the test's output says where.
package suite
