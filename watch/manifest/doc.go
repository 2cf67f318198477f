// Package manifest lets files stand in for a cluster, for dry runs: a Pod or a
// workload as somebody is about to apply it, and objects dumped from a cluster.
//
//	cluster, err := manifest.Load(manifest.Input{Pod: "web.yaml", Objects: []string{"dump"}})
//	pod, err := cluster.Pod("")
//
// # What a dry run knows
//
// [Pod] is a [watch.Source] in the place of the API server: it states what the
// API would about that pod, out of the loaded objects. From a Deployment,
// StatefulSet, DaemonSet, Job or CronJob it makes the pod that the controllers
// would make, with zeros where they draw lots, so that two runs give the same
// bytes. What only a cluster can know, such as pod.ip, stays missing, and
// [Pod.Explain] says so.
//
// [Pod.Project] gives what the kubelet would give the containers: the files of
// downwardAPI and projected volumes, byte for byte, and the environment.
//
// # How files are read
//
// YAML and JSON, one document or many, lists of any kind, files, directories and
// standard input. YAML is read as kubectl reads it, which is YAML 1.1 for
// booleans: yes, no, on, off, y and n without quotes are booleans, also where
// that makes a label that the API server refuses. Two readings of kubectl are
// errors here, since no one means them: a key that is given twice, and a key such
// as on or 1.0 that is no string. Whatever is wrong is reported at once, each
// mistake with its file and line.
package manifest
