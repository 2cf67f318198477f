package suite

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
)

// TestEnter holds what Apply changes in objects against what it says that it changes.
func TestEnter(t *testing.T) {
	t.Parallel()
	n := &Namespace{Name: "mine", suite: &Suite{options: Options{Images: map[string]string{"example/a:latest": "registry/a:1"}}}}
	objects, err := cluster.Objects(`apiVersion: batch/v1
kind: CronJob
metadata: {name: a}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers:
          - {name: a, image: "example/a:latest"}
          containers:
          - {name: b, image: b, imagePullPolicy: Always}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: a}
subjects:
- {kind: ServiceAccount, name: a, namespace: shop}
- {kind: User, name: zoe}
`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, field := range []string{"spec", "subjects"} {
		n.enter(objects[i].Object)
		text, err := json.Marshal(objects[i].Object[field])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(text))
	}
	want := []string{
		`{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"image":"b","imagePullPolicy":"Always","name":"b"}],` +
			`"initContainers":[{"image":"registry/a:1","imagePullPolicy":"IfNotPresent","name":"a"}]}}}}}`,
		`[{"kind":"ServiceAccount","name":"a","namespace":"mine"},{"kind":"User","name":"zoe"}]`,
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

func TestNamespaceName(t *testing.T) {
	t.Parallel()
	for test, want := range map[string]string{
		"TestSidecar":                     "e2e-sidecar-",
		"TestAll/of it_(really)":          "e2e-all-of-it-really-",
		"Test" + strings.Repeat("x-", 40): "e2e-" + strings.TrimSuffix(strings.Repeat("x-", 20), "-") + "-",
	} {
		name := namespaceName(test)
		if !strings.HasPrefix(name, want) || len(name) != len(want)+5 || name == namespaceName(test) {
			t.Errorf("%s: %s, want %s and five more, not twice the same", test, name, want)
		}
	}
}

func TestFindLine(t *testing.T) {
	t.Parallel()
	const log = `2026-01-02T03:04:05.1Z ready
2026-01-02T03:04:06.2Z role = 'a'
2026-01-02T03:04:07.3Z role = 'a'
`
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	n := &Namespace{suite: &Suite{}}
	if got, err := n.findLine(strings.NewReader(log), "role", at("2026-01-02T03:04:07Z")); err != nil || time.Since(got) > time.Minute {
		t.Errorf("where the node has a time of its own: %v, %v; want now", got, err)
	}
	for _, missing := range []string{"leader", "ready"} {
		if got, err := n.findLine(strings.NewReader(log), missing, at("2026-01-02T03:04:06Z")); err == nil || !strings.Contains(err.Error(), "role = 'a'") {
			t.Errorf("%s: %v, %v; want an error with the last line", missing, got, err)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	var (
		r report
		b strings.Builder
	)
	r.print(&b)
	if b.Len() > 0 {
		t.Errorf("with nothing to tell, it says %q", &b)
	}
	r.started(t.Name())
	r.started("TestOther")
	r.leftOut("TestThird")
	for _, ms := range []time.Duration{120, 80, 100} {
		r.measure(t.Name(), "label to file", ms*time.Millisecond+400*time.Microsecond)
	}
	r.measure(t.Name(), "outage", 61234*time.Millisecond)
	r.ended(t, 4320*time.Millisecond)
	r.print(&b)
	const want = `
scenario  result       seconds  measured       median  from   to     times
Report    ok           4.3      label to file  100ms   80ms   120ms  3
                                outage         1m1.2s  1m1.2s  1m1.2s  1
Other     did not end  0.0
Third     left out     0.0
`
	if got := squeeze(b.String()); got != squeeze(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// squeeze leaves out how wide columns are.
func squeeze(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}
