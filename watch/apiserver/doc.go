/*
Package apiserver asks the Kubernetes API server for the facts that no volume
can hold: the node's zone, the workload above a pod, its services and peers,
and any object that a configuration names.

It is the only package that sees client-go, and of that the small part: no
typed clientset, no informers, no cache beyond the facts themselves.

# From access to facts

[Access] says how the API server is reached, as Kubernetes users expect it: in
a pod by its service account, elsewhere by a kubeconfig, by a proxy on
loopback, or by a token. [Access.Client] gives a [Client], which knows its
[Client.Origin].

[NewPlan] turns what some outputs need into the requests that answer it, and
[Plan.Rules] says which permissions those requests take: a fact that nobody
needs costs neither.

[Source] makes the requests of a plan. Read asks once and at the same time for
whatever does not depend on something else; while Watch runs, Read answers from
what the watches last saw.

# When something fails

A part that cannot be had does not spoil the others: the layer holds what is
known, the error says what is not, and [Source.Explain] says for each fact why
and what to do. Errors are of type [*Error], whose Reason tells forbidden from
not found and from unreachable.
*/
package apiserver
