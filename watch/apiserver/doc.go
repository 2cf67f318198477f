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

# How soon it is right again

While a watch is open, a change is known at once. What breaks one is tried again
after half a second, then after pauses that double up to half a minute, half of
each left to chance: after a fault that was short, the facts are right again
before it has lasted twice as long, and after any other within half a minute and
the five seconds that a request may take. The exceptions:

  - a connection that died and nobody said so is found out within 45 seconds, by
    pings; where a proxy between answers those, within 3 minutes, for want of
    bookmarks
  - a server that asks to be spared is spared as long as it asks, 5 minutes at most
  - what has been forbidden for minutes, or was never allowed or served, is tried
    every 10 minutes, or 2
  - once a token or certificate authority that is refused is replaced, a second
    is enough

Until then the last facts stay, stale, and so never compete with what the kubelet
writes meanwhile. What is old news is not told: a watch counts as live only once
it is up to date.
*/
package apiserver
