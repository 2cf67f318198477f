package manifest_test

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/manifest"
)

const node = `
---
apiVersion: v1
kind: Node
metadata: {name: n0}
status: {allocatable: {cpu: 2, memory: 4Gi, ephemeral-storage: 10Gi, hugepages-2Mi: 4Mi}}
`

// variables is a pod with the given variables in container main.
func variables(env string) string {
	return `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}, annotations: {a.b/c: d}}
spec:
  resources: {limits: {cpu: 1500m}}
  initContainers:
  - {name: setup, resources: {limits: {memory: 1Gi}}}
  - {name: sidecar, restartPolicy: Always, env: [{name: OWN, valueFrom: {resourceFieldRef: {resource: limits.ephemeral-storage, divisor: 1Gi}}}]}
  containers:
  - name: main
    resources: {limits: {memory: 1536Mi, hugepages-2Mi: 2Mi}, requests: {cpu: 100m}}
    env:
` + env
}

func field(name, path string) string {
	return "    - {name: " + name + ", valueFrom: {fieldRef: {fieldPath: \"" + path + "\"}}}\n"
}

func amount(name, resource, more string) string {
	return "    - {name: " + name + ", valueFrom: {resourceFieldRef: {resource: " + resource + more + "}}}\n"
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, env, want string }{
		{"literal", "    - {name: A, value: b}\n", "A=b"},
		{"empty", "    - {name: A}\n    - {name: B, value: ''}\n", "A= B="},
		{"expanded", "    - {name: A, value: b}\n    - {name: B, value: '$(A)-$(C)-$$(A)'}\n    - {name: C, value: later}\n", "A=b B=b-$(C)-$(A) C=later"},
		{"last wins", "    - {name: A, value: b}\n    - {name: A, value: '$(A)c'}\n", "A=bc"},
		{"label", field("A", "metadata.labels['app']"), "A=web"},
		{"absent label", field("A", "metadata.labels['none']"), "A="},
		{"annotation", field("A", "metadata.annotations['a.b/c']"), "A=d"},
		{"node", field("A", "spec.nodeName"), "A=n0"},
		{"rounded up", amount("A", "limits.memory", ", divisor: 1Gi"), "A=2"},
		{"request", amount("A", "requests.cpu", ""), "A=1"},
		{"milli", amount("A", "requests.cpu", ", divisor: 1m"), "A=100"},
		{"unset request", amount("A", "requests.ephemeral-storage", ""), "A=0"},
		{"limit of the pod", amount("A", "limits.cpu", ", divisor: 1m"), "A=1500"},
		{"allocatable", amount("A", "limits.ephemeral-storage", ", divisor: 1Gi"), "A=10"},
		{"huge pages", amount("A", "limits.hugepages-2Mi", ", divisor: 1Mi"), "A=2"},
		{"unset huge pages", amount("A", "limits.hugepages-2Mi", ", containerName: sidecar"), "A=0"},
		{"another container", amount("A", "limits.memory", ", containerName: setup, divisor: 1Gi"), "A=1"},
		{"unset limit of a named init container", amount("A", "limits.cpu", ", containerName: setup"), "A=0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := project(t, load(t, variables(tt.env)+node)).Containers[0]
			if got := strings.Join(c.Environ(), " "); got != tt.want || len(c.Unknown) > 0 {
				t.Errorf("got %s, want %s; unknown %v", got, tt.want, c.Unknown)
			}
		})
	}
}

// TestEnvironmentOfInitContainer: a container that names none means itself, and
// then has the node's allocatable too.
func TestEnvironmentOfInitContainer(t *testing.T) {
	t.Parallel()
	p := project(t, load(t, variables("    - {name: A}\n")+node))
	if got := p.Containers[2]; got.Name != "sidecar" || got.Env["OWN"] != "10" {
		t.Errorf("got %+v", got)
	}
}

func TestEnvironmentUnknown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, env, want string }{
		{"address", field("A", "status.podIP"), "a dry run does not know pod.ip; give it with --set pod.ip=10.0.0.1"},
		{"node", field("A", "spec.nodeName"), "name the node with --node FILE, or give it with --set pod.nodeName=n0"},
		{"limit", amount("A", "limits.ephemeral-storage", ""), "container main has no limit of ephemeral-storage, so that it reads as what the node has allocatable, and no node is known; name one with --node FILE"},
		{"Secret", "    - {name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}\n", "secretKeyRef reads what only the cluster has"},
		{"used", "    - {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}\n    - {name: A, value: 'x$(B)'}\n", "it uses $(B): secretKeyRef reads"},
		{"service", "    - {name: A, value: '$(WEB_SERVICE_HOST)'}\n", "it uses $(WEB_SERVICE_HOST), which the kubelet makes from the Services of the cluster"},
		{"envFrom", "    - {name: B, value: b}\n    envFrom: [{configMapRef: {name: c}}]\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := project(t, load(t, variables(tt.env))).Containers[0]
			if tt.name == "envFrom" {
				if c.Unknown["*"] == "" || c.Env["B"] != "b" {
					t.Errorf("%+v", c)
				}
				return
			}
			if _, known := c.Env["A"]; known || !strings.Contains(c.Unknown["A"], tt.want) {
				t.Errorf("env %v, unknown %v, want %s", c.Env, c.Unknown, tt.want)
			}
		})
	}
}

// podinfo is a pod with a volume.
func podinfo(volume string) string {
	return `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}, annotations: {kubernetes.io/config.source: api}}
spec:
  containers: [{name: main, volumeMounts: [{name: v, mountPath: /etc/podinfo/}, {name: other, mountPath: /data}, {name: v, mountPath: /file, subPath: labels}]}]
  volumes:
  - {name: other, emptyDir: {}}
  - name: v
` + volume
}

func item(path, rest string) string { return "      - {path: " + path + ", " + rest + "}\n" }

func TestVolume(t *testing.T) {
	t.Parallel()
	const labels, name = "fieldRef: {fieldPath: metadata.labels}", "fieldRef: {fieldPath: metadata.name}"
	for _, tt := range []struct {
		name, volume string
		want         map[string]string
	}{
		{"paths", "    downwardAPI:\n      items:\n" + item("./a//b", name), map[string]string{"a/b": "web"}},
		{"no items", "    downwardAPI: {}\n", map[string]string{}},
		{"absent label", "    downwardAPI:\n      items:\n" + item("l", `fieldRef: {fieldPath: "metadata.labels['x']"}`), map[string]string{"l": ""}},
		{"annotations", "    downwardAPI:\n      items:\n" + item("a", "fieldRef: {fieldPath: metadata.annotations}"), map[string]string{"a": ""}},
		{"a later source wins", "    projected:\n      sources:\n      - downwardAPI: {items: [{path: a, " + labels + "}]}\n      - downwardAPI: {items: [{path: a, " + name + "}]}\n",
			map[string]string{"a": "web"}},
		{"unset limit", "    downwardAPI:\n      items:\n" + item("m", "resourceFieldRef: {containerName: main, resource: limits.memory, divisor: 1Mi}"), map[string]string{"m": "4096"}},
		{"unset huge pages", "    downwardAPI:\n      items:\n" + item("h", "resourceFieldRef: {containerName: main, resource: limits.hugepages-2Mi}"), map[string]string{"h": "0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := project(t, load(t, podinfo(tt.volume)+node)).Containers[0]
			if len(c.Volumes) != 1 || c.Volumes[0].Dir != "/etc/podinfo" {
				t.Fatalf("volumes %+v", c.Volumes)
			}
			if got := read(t, c.Volumes[0].FS); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestVolumeWithLimitOfPod: the kubelet's volume ignores it, unlike its variables.
func TestVolumeWithLimitOfPod(t *testing.T) {
	t.Parallel()
	text := strings.Replace(podinfo("    downwardAPI:\n      items:\n"+item("c", "resourceFieldRef: {containerName: main, resource: limits.cpu}")),
		"spec:\n", "spec:\n  resources: {limits: {cpu: 1}}\n", 1)
	if got := read(t, project(t, load(t, text+node)).Containers[0].Volumes[0].FS)["c"]; got != "2" {
		t.Errorf("got %s, want what the node has allocatable", got)
	}
}

func TestVolumeWithoutNode(t *testing.T) {
	t.Parallel()
	pod := load(t, podinfo("    projected:\n      sources:\n      - downwardAPI: {items: [{path: m, resourceFieldRef: {containerName: main, resource: limits.memory}}]}\n"+
		"      - serviceAccountToken: {path: token}\n      - configMap: {name: ca, items: [{key: a, path: ca.crt}]}\n"))
	v := project(t, pod).Containers[0].Volumes[0]
	if got := read(t, v.FS); len(got) > 0 {
		t.Errorf("files %v", got)
	}
	for name, want := range map[string]string{"m": "container main has no limit of memory", "token": "only the cluster", "ca.crt": "configMap ca"} {
		if !strings.Contains(v.Unknown[name], want) {
			t.Errorf("%s: %q, want %s", name, v.Unknown[name], want)
		}
	}
	s := collect(t, pod, &downward.Source{Dir: v.Dir, FS: v.FS, Items: v.Items})
	if _, err := s.Lookup("containers.main.limits.memory"); !watch.IsMissing(err) || !strings.Contains(err.Error(), "--node FILE") {
		t.Errorf("error %v", err)
	}
}

// TestProjectRefuses: what the API server or the kubelet would refuse.
func TestProjectRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"whole map as variable", variables(field("A", "metadata.labels")), "Pod shop/web: container main: variable A: fieldPath metadata.labels cannot be a variable"},
		{"fact path as fieldPath", variables(field("A", "pod.name")), "fieldPath pod.name cannot be a variable"},
		{"unknown field", variables(field("A", "status.phase")), "fieldPath status.phase cannot be a variable"},
		{"unknown resource", variables(amount("A", "limits.pods", "")), "resource limits.pods cannot be a variable"},
		{"divisor", variables(amount("A", "limits.memory", ", divisor: 1m")), "variable A: divisor 1m is not allowed for memory"},
		{"negative divisor", variables(amount("A", "limits.memory", ", divisor: -1")), "divisor -1 is negative"},
		{"unknown container", variables(amount("A", "limits.memory", ", containerName: b")), "the pod has no container b"},
		{"item field", podinfo("    downwardAPI:\n      items:\n" + item("a", "fieldRef: {fieldPath: status.podIP}")), "* stdin:2: Pod shop/web: volume v: item 0: item \"a\": fieldPath \"status.podIP\" is none that a volume can hold"},
		{"item container", podinfo("    downwardAPI:\n      items:\n" + item("a", "resourceFieldRef: {containerName: b, resource: limits.cpu}")), "volume v: item a: the pod has no container b"},
		{"file and directory", podinfo("    downwardAPI:\n      items:\n" + item("a", "fieldRef: {fieldPath: metadata.name}") + item("a/b", "fieldRef: {fieldPath: metadata.uid}")),
			"volume v: a is a file, and the directory of a/b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := load(t, tt.text).Project(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}

// TestSelf: podfacts' own container, or what all see together.
func TestSelf(t *testing.T) {
	t.Parallel()
	pod := func(name, image string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  automountServiceAccountToken: false\n  containers:\n" +
			"  - {name: main, image: web, env: [{name: A, value: main}, {name: B, value: b}], volumeMounts: [{name: v, mountPath: /b}]}\n" +
			"  - {name: " + name + ", image: " + image + ", env: [{name: A, value: own}], volumeMounts: [{name: v, mountPath: /a}]}\n" +
			"  volumes: [{name: v, downwardAPI: {}}]\n"
	}
	for _, tt := range []struct{ name, container, image, want, env, dirs string }{
		{"by name", "podfacts", "x", "podfacts", "A=own", "/a"},
		{"by the start of the name", "podfacts-init", "x", "podfacts-init", "A=own", "/a"},
		{"by image", "facts", "registry.example.com/a/podfacts:v1@sha256:0", "facts", "A=own", "/a"},
		{"by command", "other", "x, command: [/opt/bin/podfacts, exec, --, web]", "other", "A=own", "/a"},
		{"not at all", "other", "registry.example.com/podfacts/web", "", "A=main B=b", "/a /b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			self := project(t, load(t, pod(tt.container, tt.image))).Self()
			var dirs []string
			for _, v := range self.Volumes {
				dirs = append(dirs, v.Dir)
			}
			if got := strings.Join(dirs, " "); self.Name != tt.want || got != tt.dirs || strings.Join(self.Environ(), " ") != tt.env || self.ServiceAccount != nil {
				t.Errorf("%s sees %s and %v", self.Name, got, self.Environ())
			}
		})
	}
}

// TestServiceAccount: who gets a token.
func TestServiceAccount(t *testing.T) {
	t.Parallel()
	const account = "\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\nautomountServiceAccountToken: false\n"
	for _, tt := range []struct {
		name, spec, more string
		want             bool
	}{
		{"by default", "", "", true},
		{"pod says no", "automountServiceAccountToken: false, ", "", false},
		{"account says no", "", account, false},
		{"pod says yes", "automountServiceAccountToken: true, ", account, true},
		{"mounted by hand", "containers: [{name: main, volumeMounts: [{name: v, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}]", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			spec := tt.spec
			if !strings.Contains(spec, "containers") {
				spec += "containers: [{name: main}]"
			}
			self := project(t, load(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {"+spec+"}"+tt.more)).Self()
			if (self.ServiceAccount != nil) != tt.want {
				t.Fatalf("mounted: %t", !tt.want)
			}
			if tt.want {
				if got := read(t, self.ServiceAccount.FS); got["namespace"] != "default" || self.ServiceAccount.Unknown["token"] == "" {
					t.Errorf("files %v, unknown %v", got, self.ServiceAccount.Unknown)
				}
			}
		})
	}
}

// TestVolumeIsAFileSystem holds the file system against the rules of io/fs.
func TestVolumeIsAFileSystem(t *testing.T) {
	t.Parallel()
	pod := choose(t, manifest.Input{Pod: "testdata/deployment/objects/pod.yaml", Node: "testdata/deployment/objects/node.yaml"}, "")
	v := project(t, pod).Containers[0].Volumes[0]
	if err := fstest.TestFS(v.FS, "labels", "resources/main/cpu_limit"); err != nil {
		t.Error(err)
	}
	if _, err := fs.ReadFile(v.FS, "../labels"); err == nil {
		t.Error("read a file outside")
	}
}
