// Package object turns Kubernetes objects into facts.
//
// An object is what JSON or YAML decodes to: a map[string]any whose numbers may
// be int, int64 or float64. That keeps the typed Kubernetes API out of the
// binary, and one code path for objects from an API server and from a file.
//
// Every function here is pure: it reads its arguments and nothing else, keeps
// no reference to them, and gives the same [watch.Layer] for the same objects.
//
//   - [Pod] and [Unset]: what a pod says about itself and its containers
//   - [Node], [Namespace], [ClusterUID]: what surrounds it
//   - [Owner], [Workload], [Peers], [Services]: who made it and who is beside it
//   - [Tree] and [Trees]: whole objects, for objects.<id>
//   - [Builtin]: how Kubernetes serves its own kinds
//
// Objects are taken as the API server checked them. What has the wrong type is
// passed over as if it were absent; files are checked where they are read.
package object
