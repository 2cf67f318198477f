/*
Package inject adds podfacts to pods that ask for it: to manifests, and by
admission policies to pods as they are created, which needs no webhook, no
server and no certificate.

	result, err := inject.Injector{Settings: inject.Default()}.Files(files)
	policies := inject.Default().Policies()

# What a pod asks for

The label podfacts.dev/inject on a pod, or else on its namespace, is init,
sidecar or none. [Annotations] of the pod say the rest, and [Settings] what is
not said. A label on a workload is a mistake that is told: pods go by the label
of their template.

# What it gets

  - podfacts, the first of its init containers, so that those after it can read
    the files; as a sidecar with a startup probe that holds them back until the
    files are there
  - podfacts-info, a volume with the pod's name, labels and annotations, and of
    limits and requests those that somebody set: the others would read as what
    the node has
  - podfacts, an emptyDir in memory that every container, or those that an
    annotation names, mounts to read; and podfacts-config, the ConfigMap
  - [Mark], an annotation that says so

A pod that has the mark gets nothing but mounts in containers that came later:
injecting twice is injecting once, and a container that another policy or
webhook adds has the files too. Nothing that is there is ever changed. What
cannot be added, because a name is taken or a mount is in the way, is a
[Problem] with what to do.

# Twice the same

[Settings.Patch] decides it in Go, and policy.yaml.tmpl in CEL; there is no
other way to have it in a command without an API server and in an API server
without a command. They share names, patterns, lists and literals, which
policy.go puts into the template, and every message is the same in both. The
tests of test/cluster/injection hold one against the other in a real API
server, pod by pod.

The policies patch by JSONPatch. ApplyConfiguration would merge the lists by
their keys, but refuses what Kubernetes calls atomic (args, the items of a
volume), and cannot put a container first. All paths are those from before the
patch, so that the container, which would shift the others, comes last.

# What the policies are

A MutatingAdmissionPolicy for pods, with two bindings: pods with the label, and
pods without it in namespaces that have it. No expression runs for any other
pod, and what goes wrong with an expression can stop no other pod. A
ValidatingAdmissionPolicy has the same variables up to the problems, and tells
those, for pods and already for workloads; a third one tells wrong labels of
namespaces. What exists already can be changed in other ways, whatever is wrong
with it.
*/
package inject
