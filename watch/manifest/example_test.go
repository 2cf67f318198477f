package manifest_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/manifest"
)

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: main
        env:
        - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: GREETING, value: I am $(POD)}
        volumeMounts:
        - {name: podinfo, mountPath: /etc/podinfo}
      volumes:
      - name: podinfo
        downwardAPI:
          items:
          - {path: labels, fieldRef: {fieldPath: metadata.labels}}
`

func ExampleLoad() {
	cluster, err := manifest.Load(manifest.Input{Pod: "-", Stdin: strings.NewReader(deployment)})
	if err != nil {
		fmt.Println(err)
		return
	}
	pod, err := cluster.Pod("")
	if err != nil {
		fmt.Println(err)
		return
	}
	snapshot, err := watch.Collect(context.Background(), pod)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range []watch.Path{"pod.name", "workload.name", "pod.ip"} {
		f, err := snapshot.Lookup(p)
		fmt.Println(f.Value, err)
	}
	// Output:
	// web-0000000000-00000 <nil>
	// web <nil>
	// <nil> pod.ip is missing: a dry run does not know pod.ip; give it with --set pod.ip=10.0.0.1
}

// A mistake is reported with its line and what to do.
func ExampleLoad_mistake() {
	text := strings.Replace(deployment, "app: web", "version: 1.0", 1)
	_, err := manifest.Load(manifest.Input{Pod: "-", Stdin: strings.NewReader(text)})
	fmt.Println(err)
	// Output:
	// 1 error occurred:
	// 	* stdin:8: spec.template.metadata.labels.version is a number where a quoted string belongs; quote it
}

// The projection stands in for what the kubelet mounts.
func ExampleProject() {
	cluster, err := manifest.Load(manifest.Input{Pod: "-", Stdin: strings.NewReader(deployment)})
	if err != nil {
		fmt.Println(err)
		return
	}
	pod, err := cluster.Pod("web")
	if err != nil {
		fmt.Println(err)
		return
	}
	projection, err := manifest.Project(pod.Object(), pod.Node())
	if err != nil {
		fmt.Println(err)
		return
	}
	self := projection.Self()
	for _, v := range self.Volumes {
		labels, _ := fs.ReadFile(v.FS, "labels")
		fmt.Printf("%s/labels:\n%s\n", v.Dir, labels)
		source := &downward.Source{Dir: v.Dir, FS: v.FS, Items: v.Items, ItemsFrom: "pod spec"}
		fmt.Println(source)
	}
	fmt.Println(strings.Join(self.Environ(), "\n"))
	// Output:
	// /etc/podinfo/labels:
	// app="web"
	// pod-template-hash="0000000000"
	// volume /etc/podinfo
	// GREETING=I am web-0000000000-00000
	// POD=web-0000000000-00000
}
