package e2e

import (
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

// A Deployment with a name so long that its pods' names do not hold it, and a pod of it
// that is being resized: the spec says what is wished, the status what the node has
// granted. Nobody has set limits for the side container.
const (
	longName = "checkout-with-a-name-that-somebody-took-a-long-time-to-think-of"
	longHash = "6d4cf56db6"
)

func resized(s shop) string {
	return strings.NewReplacer("NAMESPACE", string(s), "NODE", s.node(), "LONG", longName, "HASH", longHash).Replace(`apiVersion: apps/v1
kind: Deployment
metadata: {name: LONG, namespace: NAMESPACE}
spec:
  replicas: 2
  selector: {matchLabels: {team: blue}}
  template: {metadata: {labels: {team: blue}}, spec: {containers: [{name: main, image: shop:1}]}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: LONG-HASH
  namespace: NAMESPACE
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: LONG, controller: true}]
spec:
  selector: {matchLabels: {team: blue}}
  template: {metadata: {labels: {team: blue}}, spec: {containers: [{name: main, image: shop:1}]}}
---
apiVersion: v1
kind: Pod
metadata:
  name: checkout-with-a-name-that-somebody-took-a-long-time-to-thixyz12
  namespace: NAMESPACE
  labels: {team: blue, pod-template-hash: HASH}
  annotations: {kubectl.kubernetes.io/default-container: main}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: LONG-HASH, controller: true}]
spec:
  serviceAccountName: checkout
  nodeName: NODE
  containers:
  - name: main
    image: registry.example.com:5000/shop:1.4.2
    resources: {requests: {cpu: 250m, memory: 128Mi}, limits: {cpu: "1", memory: 256Mi}}
  - name: side
    image: side:1
    resources: {requests: {cpu: 50m}}
status:
  phase: Running
  containerStatuses:
  - {name: main, image: shop, imageID: "sha256:1", ready: true, restartCount: 0, allocatedResources: {cpu: 100m, memory: 64Mi}}
  - {name: side, image: side, imageID: "sha256:2", ready: true, restartCount: 0, allocatedResources: {cpu: 50m}}
`)
}

// TestPresetsOfARealPod holds what presets write against what the cluster holds.
func TestPresetsOfARealPod(t *testing.T) {
	t.Parallel()
	const s = shop("presets")
	const name, ns = "checkout-with-a-name-that-somebody-took-a-long-time-to-thixyz12", "presets"
	uids := apply(t, shared, s.objects()+"---\n"+resized(s))
	preset := func(preset, more string) string {
		return "outputs:\n- path: /run/podfacts/out\n  format: docker\n  presets: [" + preset + "]\n" + more
	}
	// The kubelet's files: a limit that nobody set reads as the node's allocatable.
	volume := func(t *testing.T, p *pod) {
		t.Helper()
		p.write(t, "etc/podinfo/main/memory_limit_bytes", "268435456")
		p.write(t, "etc/podinfo/main/cpu_limit_millicores", "1000")
		p.write(t, "etc/podinfo/side/memory_limit_bytes", "4294967296")
		p.write(t, "etc/podinfo/side/cpu_limit_millicores", "2000")
		p.write(t, "etc/podinfo/name", name)
	}
	const mounted = "volumes: [{path: /etc/podinfo}]\n"
	deployment, replicaSet := "Deployment/"+ns+"/"+longName, "ReplicaSet/"+ns+"/"+longName+"-"+longHash
	account, err := shared.ServiceAccount(t.Context(), ns, "checkout")
	if err != nil {
		t.Fatal(err)
	}
	all := rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}}
	if err := account.Grant(t.Context(), "", all); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, config string
		volume       bool
		want         string
		says         []string // what is wrong, if anything
	}{
		{name: "resources", config: preset("resources", ""), want: `MAIN_CPU_LIMIT_MILLICORES=1000
MAIN_MEMORY_LIMIT_BYTES=268435456
MAIN_CPU_REQUEST_MILLICORES=250
MAIN_MEMORY_REQUEST_BYTES=134217728
MAIN_CPU_ALLOCATED_MILLICORES=100
MAIN_MEMORY_ALLOCATED_BYTES=67108864
SIDE_CPU_REQUEST_MILLICORES=50
SIDE_CPU_ALLOCATED_MILLICORES=50
`},
		{name: "resources beside a volume", config: mounted + preset("resources", ""), volume: true, want: `MAIN_CPU_LIMIT_MILLICORES=1000
MAIN_MEMORY_LIMIT_BYTES=268435456
MAIN_CPU_REQUEST_MILLICORES=250
MAIN_MEMORY_REQUEST_BYTES=134217728
MAIN_CPU_ALLOCATED_MILLICORES=100
MAIN_MEMORY_ALLOCATED_BYTES=67108864
SIDE_CPU_REQUEST_MILLICORES=50
SIDE_CPU_ALLOCATED_MILLICORES=50
`},
		{name: "otel", config: preset("otel", ""), want: "OTEL_SERVICE_NAME=" + longName + "\nOTEL_RESOURCE_ATTRIBUTES=" + strings.Join([]string{
			"cloud.availability_zone=zone-a", "cloud.region=r1", "k8s.container.name=main",
			"k8s.deployment.name=" + longName, "k8s.deployment.uid=" + string(uids[deployment]),
			"k8s.namespace.name=" + ns, "k8s.node.name=presets-node",
			"k8s.pod.name=" + name, "k8s.pod.uid=" + string(uids["Pod/"+ns+"/"+name]),
			"k8s.replicaset.name=" + longName + "-" + longHash, "k8s.replicaset.uid=" + string(uids[replicaSet]),
			"service.instance.id=" + ns + "." + name + ".main", "service.namespace=" + ns, "service.version=1.4.2"}, ",") + "\n"},
		{name: "workload", config: preset("workload", ""), want: "WORKLOAD_KIND=Deployment\nWORKLOAD_NAME=" + longName +
			"\nWORKLOAD_REPLICAS=2\nOWNER_KIND=ReplicaSet\nOWNER_NAME=" + longName + "-" + longHash + "\n"},
		{name: "node", config: preset("node", ""), want: `NODE_NAME=presets-node
NODE_ZONE=zone-a
NODE_REGION=r1
NODE_INSTANCE_TYPE=m1
NODE_ARCH=amd64
NODE_OS=linux
`},
		{name: "go", config: preset("go", ""), want: "GOMEMLIMIT=241591910\nGOMAXPROCS=1\n"},
		// The volume has the limit and the pod's labels are asked for, so that it
		// is known by the way that nobody set it.
		{name: "go without a limit", config: "container: side\n" + mounted + preset("go", "  env: [{name: TEAM, from: 'pod.labels.team'}]\n"), volume: true,
			says: []string{"preset go", "containers.side.limits.memory is not set on the pod", "the node's allocatable is no limit to plan with", "allowUnset"}},
		{name: "a share without a limit", config: "container: side\n" + mounted + `outputs:
- path: /run/podfacts/out
  format: docker
  env: [{name: TEAM, from: pod.labels.team}, {name: HEAP, from: limits.memory, percent: 50}]
`, volume: true, says: []string{"HEAP", "containers.side.limits.memory is not set on the pod", "allowUnset: true"}},
		{name: "a share of the node", config: "container: side\n" + mounted + `outputs:
- path: /run/podfacts/out
  format: docker
  env:
  - {name: TEAM, from: pod.labels.team}
  - {name: HEAP, from: limits.memory, percent: 50, allowUnset: true}
  - {name: CACHE, from: limits.memory, percent: 50, default: "7"}
  - {name: LIMIT, from: limits.memory}
`, volume: true, want: "TEAM=blue\nHEAP=2Gi\nCACHE=7\nLIMIT=4Gi\n"},
		{name: "a limit nobody set, and no node", config: "container: side\noutputs: [{path: /run/podfacts/out, env: [{name: LIMIT, from: limits.memory}]}]\n",
			says: []string{"containers.side.limits.memory is missing", "nobody set the limit"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := enter(t, shared, account, name)
			if test.volume {
				volume(t, p)
			}
			process := p.run(t, append([]string{"init", "--timeout", "0s"}, p.configure(t, test.config)...)...)
			if test.says != nil {
				process.wants(t, 1)
				process.says(t, test.says...)
				return
			}
			process.wants(t, 0)
			if got := p.read(t, output); got != test.want {
				t.Errorf("writes\n%swant\n%sit says:\n%s", got, test.want, &process.stderr)
			}
			if said := process.stderr.String(); strings.Contains(said, "WARN") {
				t.Errorf("says:\n%s", said)
			}
		})
	}
}
