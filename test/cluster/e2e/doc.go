// Package e2e holds the tests that run the real, static podfacts binary against a real
// API server, as a container runs it: in a root directory of its own with nothing in it
// but the binary, a service-account directory with a token that is bound to a pod of
// the cluster, and the volumes that the test lays out.
//
//   - What `podfacts rbac` prints is exactly what init and run need: no request is
//     refused with it, and without any one rule something is missing, and said so.
//   - What podfacts says of a pod is what kubectl says.
//   - What it says from outside is what it says inside.
//   - While it follows, it survives whatever a server does: restarts, outages, new
//     certificates, new tokens, forgotten history; and asks nothing while idle.
//   - It survives whatever lies between: a proxy breaks connections, holds them up and
//     answers in the server's place. Each fault has a bound on how long the output may
//     lag behind the server once it is over, and nothing untrue is ever published.
package e2e
