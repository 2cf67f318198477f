/*
Package watch holds what podfacts knows about a container and how it comes to
know it.

# The vocabulary

Every fact has one name, its [Path]: pod.name, node.zone,
pod.labels['app.kubernetes.io/name'], containers.main.limits.memory. The same
name stands in configurations, templates, the output of podfacts view and in
errors. [Vocabulary] lists them all; [ParsePath] reads one, and takes the
field paths of a pod spec as aliases.

# Sources, layers, snapshots

A [Source] gives a [Layer]: what one volume, the environment or an API server
says now. Layers are merged into an immutable [Snapshot], which knows for each
[Fact] where it comes from, when it was last confirmed and who disagrees.
Where several sources give a fact, a live one wins, then the one whose word
changed last; [Fact.Origin] tells. Facts that follow from others, such as the
Deployment's name from a pod's name and its pod-template-hash, are derived.

# Once and again

[Collect] reads the sources once and leaves nothing running. [Follow] reads
them again whenever one has changed and hands each new snapshot to a function:
the first change after quiet at once, bursts together, the last state always.
A source that fails keeps its last word, marked stale.

The sources are sub-packages: downward (volumes), environ (variables),
serviceaccount, manifest (files in place of a cluster, for dry runs).
*/
package watch
