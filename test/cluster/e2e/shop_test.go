package e2e

import (
	"fmt"
	"slices"
	"strings"
)

// A shop is a namespace with a workload of every kind, on a node of its own.
type shop string

func (s shop) node() string { return string(s) + "-node" }

// objects are what pods are about; nobody makes pods but the test.
func (s shop) objects() string {
	text := strings.NewReplacer("NAMESPACE", string(s), "NODE", s.node()).Replace(`apiVersion: v1
kind: Namespace
metadata:
  name: NAMESPACE
  labels: {team: blue}
  annotations: {example.com/team: blue}
---
apiVersion: v1
kind: Node
metadata:
  name: NODE
  labels:
    kubernetes.io/arch: amd64
    kubernetes.io/os: linux
    node.kubernetes.io/instance-type: m1
    topology.kubernetes.io/region: r1
    topology.kubernetes.io/zone: zone-a
  annotations: {example.com/rack: "7"}
status:
  allocatable: {cpu: "2", memory: 4Gi, pods: "110"}
  capacity: {cpu: "2", memory: 5Gi, pods: "110"}
  nodeInfo:
    kubeletVersion: v1.36.3
    architecture: amd64
    bootID: ""
    containerRuntimeVersion: containerd://2.2.0
    kernelVersion: "6.12"
    kubeProxyVersion: ""
    machineID: ""
    operatingSystem: linux
    osImage: Debian
    systemUUID: ""
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: urgent}
value: 7
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: NAMESPACE}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: NAMESPACE, labels: {app: web}}
data: {colour: blue}
---
apiVersion: v1
kind: Secret
metadata: {name: password, namespace: NAMESPACE}
stringData: {password: correct horse}
`)
	for _, w := range workloads() {
		text += "---\n" + w.manifest(s)
	}
	return text
}

// A workload is a kind of workload, with the controllers from it down to its pods.
type workload struct {
	kind  string
	chain []controller // the topmost first
}

type controller struct {
	apiVersion, kind, name string
	resource               string
}

func workloads() []workload {
	apps, batch := "apps/v1", "batch/v1"
	return []workload{
		{"Deployment", []controller{{apps, "Deployment", "web", "deployments"}, {apps, "ReplicaSet", "web-6d4cf56db6", "replicasets"}}},
		{"StatefulSet", []controller{{apps, "StatefulSet", "db", "statefulsets"}}},
		{"DaemonSet", []controller{{apps, "DaemonSet", "agent", "daemonsets"}}},
		{"CronJob", []controller{{batch, "CronJob", "report", "cronjobs"}, {batch, "Job", "report-29", "jobs"}}},
		{"Job", []controller{{batch, "Job", "migrate", "jobs"}}},
	}
}

func deployment() workload  { return workloads()[0] }
func statefulSet() workload { return workloads()[1] }

// uses reports whether a resource is among the controllers.
func (w workload) uses(resource string) bool {
	return slices.ContainsFunc(w.chain, func(c controller) bool { return c.resource == resource })
}

// scales reports whether the workload says how many pods it wants.
func (w workload) scales() bool { return w.kind == "Deployment" || w.kind == "StatefulSet" }

// controls reports whether a resource is a controller of any workload.
func controls(resource string) bool {
	return slices.ContainsFunc(workloads(), func(w workload) bool { return w.uses(resource) })
}

func (w workload) manifest(s shop) string {
	const template = `{metadata: {labels: {app: web}}, spec: {restartPolicy: %s, containers: [{name: main, image: web:1}]}}`
	always, once := fmt.Sprintf(template, "Always"), fmt.Sprintf(template, "Never")
	var documents []string
	for i, c := range w.chain {
		text := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n  namespace: %s\n  labels: {app: web}\n  annotations: {example.com/owner: ann}\n",
			c.apiVersion, c.kind, c.name, s)
		if i > 0 {
			text += "  ownerReferences: [" + owner(w.chain[i-1]) + "]\n"
		}
		switch c.kind {
		case "CronJob":
			text += "spec: {schedule: '@daily', jobTemplate: {spec: {template: " + once + "}}}\n"
		case "Job":
			text += "spec: {template: " + once + "}\n"
		case "StatefulSet":
			text += "spec: {serviceName: web, replicas: 3, selector: {matchLabels: {app: web}}, template: " + always + "}\n"
		case "DaemonSet":
			text += "spec: {selector: {matchLabels: {app: web}}, template: " + always + "}\n"
		default:
			text += "spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: " + always + "}\n"
		}
		documents = append(documents, text)
	}
	return strings.Join(documents, "---\n")
}

func owner(c controller) string {
	return fmt.Sprintf("{apiVersion: %s, kind: %s, name: %s, controller: true}", c.apiVersion, c.kind, c.name)
}

// pod is one of a workload's, as it is while it runs. It runs as the account of its own
// name.
func (w workload) pod(s shop, name string) string {
	return strings.NewReplacer("NAMESPACE", string(s), "NODE", s.node(), "NAME", name,
		"OWNER", owner(w.chain[len(w.chain)-1])).Replace(`apiVersion: v1
kind: Pod
metadata:
  name: NAME
  namespace: NAMESPACE
  labels: {app: web, apps.kubernetes.io/pod-index: "0"}
  annotations: {example.com/motd: hello}
  ownerReferences: [OWNER]
spec:
  serviceAccountName: NAME
  nodeName: NODE
  hostname: web-host
  subdomain: web
  priorityClassName: urgent
  containers:
  - name: main
    image: web:1
    resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: "1", memory: 128Mi}}
status:
  phase: Running
  podIP: 10.1.0.7
  podIPs: [{ip: 10.1.0.7}]
  hostIP: 192.0.2.1
  hostIPs: [{ip: 192.0.2.1}]
  conditions: [{type: Ready, status: "True"}]
  containerStatuses:
  - {name: main, image: web:1, imageID: "sha256:1", ready: true, restartCount: 0, allocatedResources: {cpu: 100m, memory: 64Mi}, resources: {limits: {cpu: "1", memory: 128Mi}}}
`)
}
