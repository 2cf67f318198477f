package environ

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

// TestFixtures reads the environment that a real kubelet gave a container,
// as its pod's spec says, and holds the facts against the pod.
func TestFixtures(t *testing.T) {
	t.Parallel()
	for _, fixture := range []string{"deployment", "statefulset"} {
		t.Run(fixture, func(t *testing.T) {
			t.Parallel()
			var pod struct {
				Metadata struct{ Name, Namespace, UID string }
				Spec     struct {
					NodeName           string `yaml:"nodeName"`
					ServiceAccountName string `yaml:"serviceAccountName"`
					Containers         []struct {
						Name string
						Env  []map[string]any
					}
				}
				Status struct {
					PodIP  string `yaml:"podIP"`
					HostIP string `yaml:"hostIP"`
				}
			}
			if err := yaml.Unmarshal([]byte(read(t, fixture, "pod.yaml")), &pod); err != nil {
				t.Fatal(err)
			}
			s := &Source{Environ: strings.Split(strings.TrimSpace(read(t, fixture, "container.env")), "\n")}
			want := map[watch.Path]any{
				watch.PodName: pod.Metadata.Name, watch.PodNamespace: pod.Metadata.Namespace, watch.PodUID: pod.Metadata.UID,
				watch.PodNodeName: pod.Spec.NodeName, watch.PodServiceAccountName: pod.Spec.ServiceAccountName,
				watch.PodIP: pod.Status.PodIP, watch.PodHostIP: pod.Status.HostIP,
				watch.PodIPs: []string{pod.Status.PodIP}, watch.PodHostIPs: []string{pod.Status.HostIP},
			}
			checkRead(t, s, want) // by well-known names alone

			for _, spec := range pod.Spec.Containers[0].Env {
				// The only thing to add to a pasted block.
				from := spec["valueFrom"].(map[string]any)
				if r, ok := from["resourceFieldRef"].(map[string]any); ok {
					r["containerName"] = pod.Spec.Containers[0].Name
				}
				v, err := VarFrom(spec)
				if err != nil {
					t.Fatal(err)
				}
				s.Vars = append(s.Vars, v)
			}
			want["containers.main.requests.cpu"] = "15m"
			want["containers.main.limits.memory"] = "40Mi"
			checkRead(t, s, want)
		})
	}
}

func read(t *testing.T, fixture, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", fixture, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func checkRead(t *testing.T, s *Source, want map[watch.Path]any) {
	t.Helper()
	layer, err := s.Read(t.Context())
	if err != nil {
		t.Error(err)
	}
	for p, value := range want {
		if st, _ := layer.Get(p); !reflect.DeepEqual(st.Value, value) {
			t.Errorf("%s = %v, want %v", p, st.Value, value)
		}
	}
	for _, p := range layer.Paths() {
		if _, ok := want[p]; !ok {
			t.Errorf("unexpected %s", p)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		environ []string
		vars    []Var
		want    map[watch.Path]any
	}{
		"nothing":                  {environ: []string{}},
		"nothing that is listed":   {environ: []string{"PASSWORD=hunter2", "HOME=/", "POD_NAMES=a"}},
		"listed without meaning":   {[]string{"LEVEL=a=b", "OTHER=x"}, []Var{{Name: "LEVEL"}}, map[watch.Path]any{"env.LEVEL": "a=b"}},
		"listed and not set":       {[]string{}, []Var{{Name: "LEVEL"}}, nil},
		"the first of a name":      {[]string{"LEVEL=1", "LEVEL=2"}, []Var{{Name: "LEVEL"}}, map[watch.Path]any{"env.LEVEL": "1"}},
		"empty":                    {[]string{"APP=", "POD_NAME="}, []Var{{Name: "APP", Fact: "pod.labels['app']"}}, nil},
		"a label":                  {[]string{"APP=web"}, []Var{{Name: "APP", Fact: "pod.labels['app']"}}, map[watch.Path]any{"pod.labels['app']": "web"}},
		"listed before well known": {[]string{"POD_IP=192.0.2.1", "IP=192.0.2.2"}, []Var{{Name: "IP", Fact: watch.PodIP}}, map[watch.Path]any{watch.PodIP: "192.0.2.2"}},
		"listed as something else": {[]string{"POD_NAME=web"}, []Var{{Name: "POD_NAME", Fact: "pod.labels['app']"}}, map[watch.Path]any{"pod.labels['app']": "web"}},
		"the commonest name wins":  {[]string{"MY_POD_NAME=b", "POD_NAME=a"}, nil, map[watch.Path]any{watch.PodName: "a"}},
		"node's address":           {[]string{"NODE_IP=2001:db8::1"}, nil, map[watch.Path]any{watch.PodHostIP: "2001:db8::1"}},
		"lists":                    {[]string{"POD_IPS=192.0.2.1,2001:db8::1"}, nil, map[watch.Path]any{watch.PodIPs: []string{"192.0.2.1", "2001:db8::1"}}},
		"values that cannot be it": {[]string{"POD_IP=localhost", "POD_IPS=1,2", "POD_NAME=My Pod", "POD_NAMESPACE=a.b", "POD_UID=a b", "NODE_NAME=\xff"}, nil, nil},
		"the next name then":       {[]string{"POD_NAME=My Pod", "MY_POD_NAME=web-1"}, nil, map[watch.Path]any{watch.PodName: "web-1"}},
		"resources": {
			[]string{"CPU=250", "MEM=64", "REQ=0", "EPH=0"},
			[]Var{
				{Name: "CPU", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("1m")},
				{Name: "MEM", Fact: "containers.main.limits.memory", Divisor: resource.MustParse("1Mi")},
				{Name: "REQ", Fact: "containers.main.requests.cpu"},
				{Name: "EPH", Fact: "containers.main.limits.ephemeral-storage"},
			},
			map[watch.Path]any{"containers.main.limits.cpu": "250m", "containers.main.limits.memory": "64Mi", "containers.main.requests.cpu": "0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkRead(t, &Source{Environ: test.environ, Vars: test.vars}, test.want)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	s := &Source{
		Environ: []string{"IP=hunter2", "CPU=lots", "BIN=\xff", "IPS=1.2.3.4,x", "APP=web"},
		Vars: []Var{{Name: "IP", Fact: watch.PodIP}, {Name: "CPU", Fact: "containers.main.limits.cpu"}, {Name: "BIN"},
			{Name: "IPS", Fact: watch.PodIPs}, {Name: "APP", Fact: "pod.labels['app']"}},
	}
	layer, err := s.Read(t.Context())
	for _, want := range []string{"environment: IP: does not hold a status.podIP", `environment: CPU: "lots" is not a whole number`,
		"environment: BIN: is not UTF-8 text", "environment: IPS: does not hold addresses joined by commas"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
	if strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Error("a value leaks")
	}
	if st, _ := layer.Get("pod.labels['app']"); st.Value != "web" || len(layer.Paths()) != 1 {
		t.Errorf("got %v", layer.Paths())
	}
}

func TestVarFrom(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]Var{
		`{name: A}`: {Name: "A"},
		`{name: A, valueFrom: {fieldRef: {fieldPath: status.hostIPs}}}`:                                                     {Name: "A", Fact: watch.PodHostIPs},
		`{name: A, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: spec.serviceAccountName}}}`:                            {Name: "A", Fact: watch.PodServiceAccountName},
		`{name: A, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['a/b']"}}}`:                                      {Name: "A", Fact: "pod.annotations['a/b']"},
		`{name: A, valueFrom: {resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}}`:                {Name: "A", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("1m")},
		`{name: A.b-c, valueFrom: {resourceFieldRef: {containerName: main, resource: requests.hugepages-1Gi, divisor: 1}}}`: {Name: "A.b-c", Fact: "containers.main.requests.hugepages-1Gi", Divisor: resource.MustParse("1")},
	} {
		got, err := VarFrom(decode(t, spec))
		if err != nil || got.Name != want.Name || got.Fact != want.Fact || got.Divisor.Cmp(want.Divisor) != 0 {
			t.Errorf("%s: got %+v, %v", spec, got, err)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

func TestVarFromRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ spec, want string }{
		"no name":         {`{}`, `variable "": has no name`},
		"impossible name": {`{name: "a=b"}`, `variable "a=b": name must be printable ASCII`},
		"literal":         {`{name: A, value: x}`, "value is not from the Downward API; leave it out to show the variable as env.A"},
		"secret":          {`{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}`, "secretKeyRef is not from the Downward API"},
		"config map":      {`{name: A, valueFrom: {configMapKeyRef: {name: s, key: k}}}`, "configMapKeyRef is not from the Downward API"},
		"mistyped":        {`{name: A, valueform: {}}`, `unknown key "valueform"; did you mean "valueFrom"?`},
		"empty valueFrom": {`{name: A, valueFrom: {}}`, "says neither fieldRef nor resourceFieldRef"},
		"all labels":      {`{name: A, valueFrom: {fieldRef: {fieldPath: metadata.labels}}}`, `fieldPath "metadata.labels" is none that a variable can hold`},
		"not a pod field": {`{name: A, valueFrom: {fieldRef: {fieldPath: spec.zone}}}`, `fieldPath "spec.zone"`},
		"no container":    {`{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}`, "podfacts does not know the name of its own container, so add it here"},
		"divisor":         {`{name: A, valueFrom: {resourceFieldRef: {containerName: m, resource: limits.cpu, divisor: 1Ki}}}`, "divisor 1Ki is not allowed for cpu"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if v, err := VarFrom(decode(t, test.spec)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v\nwant %s", v, err, test.want)
			}
		})
	}
	for _, v := range []Var{{}, {Name: "A", Fact: watch.PodLabels}, {Name: "A", Fact: "env.B"}, {Name: "A", Fact: watch.NodeZone}} {
		if v.Validate() == nil {
			t.Errorf("%+v is taken", v)
		}
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestExplain(t *testing.T) {
	t.Parallel()
	s := &Source{
		Environ: []string{"POD_UID=a b", "EPH=0", "APP=", "BAD=x", "CPU=lots"},
		Vars: []Var{{Name: "ZONE"}, {Name: "EPH", Fact: "containers.main.limits.ephemeral-storage"}, {Name: "APP", Fact: "pod.labels['app']"},
			{Name: "TIER", Fact: "pod.labels['tier']"}, {Name: "CPU", Fact: "containers.main.limits.cpu"}},
	}
	for fact, want := range map[watch.Path][2]string{
		watch.PodIP:      {"no environment variable has status.podIP", "add {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}} to the env of the container that runs podfacts"},
		watch.PodHostIPs: {"no environment variable has status.hostIPs", "add {name: HOST_IPS, valueFrom: {fieldRef: {fieldPath: status.hostIPs}}} to the env of the container that runs podfacts"},
		watch.PodName:    {"no environment variable has metadata.name", "add {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}} to the env of the container that runs podfacts"},
		watch.PodUID:     {"variable POD_UID does not hold a metadata.uid", "if it should, list it under environment in the configuration"},
		"env.ZONE":       {"variable ZONE is not set", "add {name: ZONE, value: ...} to the env of the container that runs podfacts"},
		"env.OTHER":      {"variable OTHER is not listed, so it is not shown", "add {name: OTHER} to environment in the configuration"},
		"containers.main.limits.ephemeral-storage": {"variable EPH reads 0: nobody set the limit", "set it on the container"},
		"pod.labels['app']":                        {"variable APP is empty", ""},
		"pod.labels['tier']": {"variable TIER is not set",
			`add {name: TIER, valueFrom: {fieldRef: {fieldPath: "metadata.labels['tier']"}}} to the env of the container that runs podfacts`},
		"containers.main.limits.cpu":    {`variable CPU: "lots" is not a whole number, as Kubernetes writes resources`, ""},
		"pod.labels['other']":           {},
		"containers.main.limits.memory": {},
		watch.PodLabels:                 {},
		watch.NodeZone:                  {},
	} {
		reason, hint := s.Explain(fact)
		if reason != want[0] || hint != want[1] {
			t.Errorf("%s: got  %s; %s\nwant %s; %s", fact, reason, hint, want[0], want[1])
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("POD_IP=192.0.2.1", "LEVEL=a=b", "LEVEL")
	f.Add("=", "POD_IPS=,", "")
	f.Fuzz(func(t *testing.T, entry1, entry2, name string) {
		s := &Source{Environ: []string{entry1, entry2}, Vars: []Var{{Name: name}}}
		layer, err := s.Read(t.Context())
		if err != nil && !strings.HasPrefix(fmt.Sprint(err), "1 error occurred:\n\t* environment: ") {
			t.Errorf("error does not name its source: %v", err)
		}
		for _, p := range layer.Paths() {
			st, _ := layer.Get(p)
			if text, ok := st.Value.(string); ok && !strings.HasSuffix(entry1, "="+text) && !strings.HasSuffix(entry2, "="+text) {
				t.Errorf("%s = %q is in neither %q nor %q", p, text, entry1, entry2)
			}
		}
	})
}

func ExampleSource() {
	environment := &Source{
		Environ: []string{"POD_IP=192.0.2.7", "CPU=250", "LOG_LEVEL=debug", "PASSWORD=hunter2"}, // in a pod: nil
		Vars: []Var{
			{Name: "CPU", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("1m")},
			{Name: "LOG_LEVEL"},
		},
	}
	snapshot, err := watch.Collect(context.Background(), environment)
	if err != nil {
		fmt.Println(err)
	}
	for fact := range snapshot.Facts() {
		if fact.Origin.Source != "derived" {
			fmt.Println(fact.Path, "=", fact.Value, "from", fact.Origin)
		}
	}
	// Output:
	// containers.main.limits.cpu = 250m from environment CPU
	// env.LOG_LEVEL = debug from environment LOG_LEVEL
	// pod.ip = 192.0.2.7 from environment POD_IP (well-known name)
}
