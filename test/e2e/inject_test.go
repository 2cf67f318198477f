package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster/suite"
)

// workloads of every kind, without a word of podfacts but the label and annotations.
// READ is an application that reads the file at once, without waiting, and KEEP goes on.
const workloads = `apiVersion: v1
kind: Pod
metadata:
  name: pod
  labels: {app: pod, podfacts.dev/inject: init, color: blue}
  annotations: {podfacts.dev/presets: "pod,labels,go", podfacts.dev/format: export}
spec:
  containers:
  - {name: main, image: "busybox:1.37", command: [sh, -c, "READ; KEEP"], resources: {limits: {memory: 32Mi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: deployment}
spec:
  selector: {matchLabels: {app: deployment}}
  template:
    metadata:
      labels: {app: deployment, podfacts.dev/inject: sidecar, color: blue}
      annotations: {podfacts.dev/config: configuration, podfacts.dev/presets: pod}
    spec:
      initContainers:
      - {name: before, image: "busybox:1.37", command: [sh, -c, "READ; cat /run/podfacts/color"]}
      containers:
      - {name: main, image: "busybox:1.37", command: [sh, -c, "trap exit TERM; while cat /run/podfacts/color; do sleep 0.1; done"]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: configuration}
data:
  podfacts.yaml: |
    outputs:
    - {path: /run/podfacts/color, template: color.tmpl}
  color.tmpl: |
    the color is {{ index .pod.labels "color" }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: statefulset}
spec:
  selector: {matchLabels: {app: statefulset}}
  serviceName: statefulset
  template:
    metadata:
      labels: {app: statefulset, podfacts.dev/inject: sidecar}
      annotations: {podfacts.dev/listen: ":9300", podfacts.dev/output-dir: /var/facts}
    spec:
      containers:
      - {name: main, image: "busybox:1.37", command: [sh, -c, "cat /var/facts/pod.env; KEEP"]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: daemonset}
spec:
  selector: {matchLabels: {app: daemonset}}
  template:
    metadata: {labels: {app: daemonset, podfacts.dev/inject: init}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 1000, fsGroup: 3000}
      containers:
      - {name: main, image: "busybox:1.37", command: [sh, -c, "READ; KEEP"]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec:
  template:
    metadata: {labels: {app: job, podfacts.dev/inject: sidecar}}
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: "busybox:1.37", command: [sh, -c, READ]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cronjob}
spec:
  schedule: "0 0 1 1 *" # which nobody waits for
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: cronjob, podfacts.dev/inject: init}}
        spec:
          restartPolicy: Never
          containers:
          - {name: main, image: "busybox:1.37", command: [sh, -c, READ]}
`

func manifest() string {
	return strings.NewReplacer("READ", "cat /run/podfacts/pod.env", "KEEP", "trap exit TERM; while sleep 1; do true; done").Replace(workloads)
}

// policies is held by who has policies inject pods, since they do so in all namespaces, and
// by who must not have them there.
var policies sync.Mutex

// TestInject has the policies inject workloads of every kind as their pods are created.
// Then they are gone, and podfacts inject does the same.
func TestInject(t *testing.T) {
	t.Parallel()
	policies.Lock()
	t.Cleanup(policies.Unlock)
	t.Run("policies", func(t *testing.T) {
		ns := shared.Namespace(t, "podfacts.dev/inject=init") // which workloads know better
		ns.Apply(inject(t, "", "--policy"))
		awaitPolicies(ns)
		ns.Apply(manifest())
		read(ns)
		ns.Await("the policies to be checked", func() error {
			const columns = "jsonpath={range .items[*]}{.status.observedGeneration}{.status.typeChecking.expressionWarnings}{end}"
			if checked := ns.Kubectl("get", "validatingadmissionpolicies", "podfacts-inject", "podfacts-inject-label", "-o", columns); checked != "11" {
				return fmt.Errorf("their generations and warnings are %q", checked)
			}
			return nil
		})
	})
	t.Run("command", func(t *testing.T) {
		ns := shared.Namespace(t)
		ns.Apply(inject(t, manifest(), "-f", "-"))
		read(ns)
	})
}

// awaitPolicies waits until pods are injected.
func awaitPolicies(ns *suite.Namespace) {
	const pod = `apiVersion: v1
kind: Pod
metadata: {name: first}
spec:
  containers:
  - {name: main, image: "busybox:1.37", command: ["true"]}
`
	ns.Await("the policies to be in force", func() error {
		ns.Apply(pod)
		mark := ns.Pod("first").Annotations["podfacts.dev/injected"]
		ns.Kubectl("delete", "pod", "first", "--now")
		if mark != "init" {
			return fmt.Errorf("the mark is %q", mark)
		}
		return nil
	})
}

// read waits for what the applications read.
func read(ns *suite.Namespace) {
	start := time.Time{}
	pod := ns.AwaitPod("app=pod", suite.Ready)
	for _, line := range []string{
		"export POD_NAME='pod'", "export POD_IP='" + pod.Status.PodIP + "'", "export NODE_NAME='" + pod.Spec.NodeName + "'",
		"export POD_LABEL_COLOR='blue'", "export GOMEMLIMIT='30198988'",
	} {
		ns.AwaitLine(pod.Name, "main", line, start)
	}

	deployment := ns.AwaitPod("app=deployment", suite.Ready)
	ns.AwaitLine(deployment.Name, "before", "POD_NAME='"+deployment.Name+"'", start)
	ns.AwaitLine(deployment.Name, "before", "the color is blue", start)
	time.Sleep(quiet)
	start = time.Now()
	ns.Label(deployment.Name, "color", "green")
	ns.Measure("label to file printed", ns.AwaitLine(deployment.Name, "main", "the color is green", start).Sub(start))

	start = time.Time{}
	statefulSet := ns.AwaitPod("app=statefulset", suite.Ready)
	ns.AwaitLine(statefulSet.Name, "main", "POD_NAME='statefulset-0'", start)
	ns.Await("metrics from outside", func() error {
		if text := ns.Exec(statefulSet.Name, "main", "sh", "-c", "wget -qO- http://"+statefulSet.Status.PodIP+":9300/metrics 2>&1 || true"); !strings.Contains(text, "podfacts_") {
			return errors.New(text)
		}
		return nil
	})
	daemonSet := ns.AwaitPod("app=daemonset", suite.Ready)
	ns.AwaitLine(daemonSet.Name, "main", "POD_NAME='"+daemonSet.Name+"'", start)
	ns.Kubectl("create", "job", "--from=cronjob/cronjob", "now")
	for _, selector := range []string{"app=job", "app=cronjob"} {
		done := ns.AwaitPod(selector, suite.Succeeded)
		ns.AwaitLine(done.Name, "main", "POD_NAME='"+done.Name+"'", start)
	}
}

// inject runs podfacts inject with the image of the suite.
func inject(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	image := podfactsImage
	if other := os.Getenv("E2E_IMAGE"); other != "" {
		image = other
	}
	settings := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(settings, []byte("image: "+image+"\nimagePullPolicy: IfNotPresent\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"inject", "--settings", settings}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("podfacts inject: %v\n%s", err, &stderr)
	}
	return string(out)
}
