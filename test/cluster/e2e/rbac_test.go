package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/watch"
)

// A wish is something to be rendered.
type wish struct {
	name    string
	config  string
	fact    string // empty for presets, which leave out what is not known
	objects string
}

// facts are one wish for each fact that the API server has.
func facts() []wish {
	concrete := map[string]string{
		"pod.labels": "pod.labels['app']", "pod.annotations": "pod.annotations['example.com/motd']",
		"containers.<name>.image": "containers.main.image", "containers.<name>.imageID": "containers.main.imageID",
		"containers.<name>.limits": "containers.main.limits.cpu", "containers.<name>.requests": "containers.main.requests.cpu",
		"containers.<name>.allocated": "containers.main.allocated.cpu",
		"containers.<name>.enforced":  "containers.main.enforced.memory",
		"limits.<resource>":           "limits.memory", "requests.<resource>": "requests.memory",
		"node.labels": "node.labels['kubernetes.io/os']", "node.annotations": "node.annotations['example.com/rack']",
		"node.allocatable": "node.allocatable.cpu", "node.capacity": "node.capacity.memory",
		"namespace.labels": "namespace.labels['team']", "namespace.annotations": "namespace.annotations['example.com/team']",
		"workload.labels": "workload.labels['app']", "workload.annotations": "workload.annotations['example.com/owner']",
		"objects.<id>": "objects.settings.data.colour",
	}
	var all []wish
	for _, field := range watch.Vocabulary() {
		path := field.Pattern
		if !strings.HasPrefix(field.Sources, "API") || path == "pod.deletionTimestamp" { // only a pod that ends has one
			continue
		}
		fact := path
		if c, ok := concrete[path]; ok {
			fact = c
		}
		all = append(all, wish{name: fact, fact: fact, config: rendering(fact)})
	}
	list := "- {id: all, apiVersion: v1, kind: ConfigMap, labelSelector: app=web}"
	return append(all,
		wish{name: "objects.all", fact: "objects.all", config: rendering("objects.all"), objects: list},
	)
}

func rendering(fact string) string {
	return fmt.Sprintf("outputs:\n- path: /run/podfacts/out\n  text: |\n    {{ fact %q | toJson }}\n", fact)
}

func (w wish) text() string {
	objects := w.objects
	if objects == "" {
		objects = "- {id: settings, apiVersion: v1, kind: ConfigMap, name: settings}"
	}
	return "api:\n  objects:\n  " + objects + "\n" + w.config
}

func presets() []wish {
	var all []wish
	for _, name := range []string{"pod", "labels", "annotations", "resources", "node", "workload", "otel", "go", "jvm", "nodejs"} {
		all = append(all, wish{name: "preset " + name,
			config: "outputs:\n- path: /run/podfacts/out\n  format: sh\n  presets: [" + name + "]\n"})
	}
	return all
}

// A trial is a wish in a pod with some permissions.
type trial struct {
	wish
	workload workload
	mode     string // init or run
	account  string // and the pod's name
	printed  permissions
	lacks    *grant // nil: has everything
	pod      *pod   // where it runs
}

func (x *trial) String() string {
	s := fmt.Sprintf("%s %s in a %s", x.mode, x.name, x.workload.kind)
	if x.lacks != nil {
		s += " without " + x.lacks.String()
	}
	return s
}

// needless reports permissions that other pods of the same configuration need, but this
// one does not: rbac may not be told of which kind the workload is, and never that the
// token tells which node the pod is on.
func (x *trial) needless(g grant) bool {
	if controls(g.resource) {
		return x.fact == "" && !x.workload.uses(g.resource)
	}
	told := []string{"pod.uid", "pod.nodeName", "pod.serviceAccountName", "node.name"}
	toldOf := strings.HasPrefix(x.fact, "node.") && x.fact != "node.ip"
	return g.resource == "pods" && (slices.Contains(told, x.fact) || toldOf)
}

// spare reports permissions without which the fact is still found, in another way and
// maybe not as well: that is warned of and no failure.
func (x *trial) spare(g grant) bool {
	if g.verb == "watch" { // read now and then instead
		return true
	}
	switch x.fact {
	case "": // a preset
		return true
	case "node.zone", "node.region": // labels of the pod have them, since Kubernetes 1.35
		return g.resource == "nodes"
	case "peers": // owner references say something
		return controls(g.resource)
	}
	return false
}

// lacking reports whether a permission is taken away that the trial needs.
func (x *trial) lacking() bool { return x.lacks != nil && !x.needless(*x.lacks) }

// TestRBACIsEnoughAndNotTooMuch applies what rbac prints for each fact and each preset,
// and sees init and run succeed with no request refused. Then it takes away each verb of
// each rule, and sees that it was needed, and is asked for by name.
func TestRBACIsEnoughAndNotTooMuch(t *testing.T) {
	t.Parallel()
	const s = shop("rbac")
	apply(t, shared, s.objects())

	var complete []*trial
	var manifests strings.Builder
	for _, w := range append(facts(), presets()...) {
		kinds := workloads()[:1]
		if strings.HasPrefix(w.name, "owner") || strings.HasPrefix(w.name, "workload") || w.name == "peers" || w.name == "preset workload" {
			kinds = workloads()
		}
		config := filepath.Join(t.TempDir(), "podfacts.yaml")
		if err := os.WriteFile(config, []byte(w.text()), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, mode := range []string{"init", "run"} {
			for _, kind := range kinds {
				if w.fact == "workload.replicas" && !kind.scales() {
					continue
				}
				x := &trial{wish: w, workload: kind, mode: mode, account: fmt.Sprintf("t%d", len(complete))}
				args := []string{"rbac", "-c", config, "--for", mode, "--service-account", x.account, "--namespace", string(s)}
				if w.fact != "" { // presets try the rules for workloads of any kind
					args = append(args, "--workload", kind.kind)
				}
				p := outside(t, args...)
				p.wants(t, 0)
				x.printed = parsePermissions(t, p.stdout.String())
				manifests.WriteString(p.stdout.String() + "---\n" + kind.pod(s, x.account) + "---\n")
				complete = append(complete, x)
			}
		}
	}
	// As people apply it.
	file := filepath.Join(t.TempDir(), "printed.yaml")
	printed, pods := split(manifests.String())
	if err := os.WriteFile(file, []byte(printed), 0o644); err != nil {
		t.Fatal(err)
	}
	apply(t, shared, pods)
	if _, err := shared.Kubectl(t.Context(), "apply", "--server-side", "-f", file); err != nil {
		t.Fatal(err)
	}
	await(t, shared, string(s))
	conduct(t, s, complete)

	var lacking []*trial
	manifests.Reset()
	seen := make(map[string]bool)
	for _, x := range complete {
		grants := x.printed.grants(t)
		for _, g := range grants {
			// Once for each fact, and once for each other way to come by the same permissions.
			what := x.fact
			if x.needless(g) || x.mode == "run" {
				what = ""
			}
			key := fmt.Sprint(x.mode, x.workload.kind, what, x.spare(g), grants, g)
			if seen[key] {
				continue
			}
			seen[key] = true
			y := *x
			y.lacks = &g
			y.account = fmt.Sprintf("l%d", len(lacking))
			manifests.WriteString(x.printed.without(g).to(t, string(s), y.account) + x.workload.pod(s, y.account) + "---\n")
			lacking = append(lacking, &y)
		}
	}
	apply(t, shared, manifests.String())
	await(t, shared, string(s))
	conduct(t, s, lacking)
	t.Logf("%d configurations, %d with a permission taken away", len(complete), len(lacking))
}

// split parts pods from what rbac printed.
func split(manifests string) (printed, pods string) {
	for document := range strings.SplitSeq(manifests, "---\n") {
		if strings.Contains(document, "kind: Pod\n") {
			pods += document + "---\n"
		} else {
			printed += document + "---\n"
		}
	}
	return printed, pods
}

func apply(t *testing.T, c *cluster.Cluster, sources ...string) cluster.UIDs {
	t.Helper()
	uids, err := c.Apply(t.Context(), sources...)
	if err != nil {
		t.Fatal(err)
	}
	return uids
}

// conduct runs trials, some at a time, and holds what they say and what the server saw
// against what they may.
func conduct(t *testing.T, s shop, trials []*trial) {
	t.Helper()
	mark, err := shared.Mark()
	if err != nil {
		t.Fatal(err)
	}
	for batch := range slices.Chunk(trials, 40) {
		processes := make(map[*trial]*process)
		var group sync.WaitGroup
		var mu sync.Mutex
		for part := range slices.Chunk(batch, 10) {
			group.Go(func() {
				for _, x := range part {
					p := x.start(t, s)
					mu.Lock()
					processes[x] = p
					mu.Unlock()
				}
			})
		}
		group.Wait()
		for _, x := range batch {
			if x.mode == "run" && !x.lacking() { // before it is ended
				eventually(t, x.String(), func() error {
					if x.pod.read(t, output) == "" {
						return fmt.Errorf("no output; it says:\n%s", &processes[x].stderr)
					}
					return nil
				})
			}
		}
		if slices.ContainsFunc(batch, func(x *trial) bool { return x.mode == "run" }) {
			eventually(t, "watching", func() error { return missingWatches(s, mark, batch) })
		}
		for _, x := range batch {
			x.judge(t, processes[x])
		}
	}
	requests, err := shared.Requests(mark, "")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(map[string][]string)
	for _, r := range requests {
		if r.Code == 403 {
			refused[r.User] = append(refused[r.User], r.String())
		}
	}
	for _, x := range trials {
		user := "system:serviceaccount:" + string(s) + ":" + x.account
		switch got := refused[user]; {
		case x.lacks == nil && len(got) > 0:
			t.Errorf("%s: refused: %s", x, got)
		case x.lacking() && len(got) == 0:
			t.Errorf("%s: nothing was refused; rbac printed too much", x)
		case !x.lacking() && len(got) > 0:
			t.Errorf("%s: refused what should not be asked for: %s", x, got)
		}
	}
}

// start starts the trial; a run goes on.
func (x *trial) start(t *testing.T, s shop) *process {
	account, err := shared.ServiceAccount(t.Context(), string(s), x.account)
	if err != nil {
		t.Error(err)
	}
	x.pod = enter(t, shared, account, x.account)
	args := append([]string{x.mode}, x.pod.configure(t, x.text())...)
	if x.mode == "run" {
		return x.pod.start(t, args...)
	}
	process := x.pod.run(t, append(args, "--timeout", "0s")...)
	if x.lacks == nil && x.pod.read(t, output) == "" {
		t.Errorf("%s: no output; it says:\n%s", x, &process.stderr)
	}
	return process
}

// missingWatches says which watches that are allowed and needed are not open.
func missingWatches(s shop, mark cluster.Mark, trials []*trial) error {
	requests, err := shared.Requests(mark, "")
	if err != nil {
		return err
	}
	open := make(map[string]bool)
	for _, r := range requests {
		if r.Verb == "watch" && r.Code == 200 {
			resource, _, _ := strings.Cut(r.Resource, ".")
			open[r.User+" "+resource] = true
		}
	}
	for _, x := range trials {
		if x.lacks != nil {
			continue
		}
		for _, document := range x.printed {
			rules, _ := document["rules"].([]any)
			for _, rule := range rules {
				rule := rule.(map[string]any)
				g := grant{verb: "watch", resource: rule["resources"].([]any)[0].(string)}
				if !slices.Contains(rule["verbs"].([]any), any("watch")) || x.needless(g) {
					continue
				}
				if !open["system:serviceaccount:"+string(s)+":"+x.account+" "+g.resource] {
					return fmt.Errorf("%s: no watch of %s", x, g.resource)
				}
			}
		}
	}
	return nil
}

// judge checks what a process says and how it ends.
func (x *trial) judge(t *testing.T, p *process) {
	t.Helper()
	if !x.lacking() {
		if x.mode == "run" {
			p.term(t)
		}
		p.wants(t, 0)
		if said := p.stderr.String(); strings.Contains(said, "WARN") || strings.Contains(said, "ERROR") {
			t.Errorf("%s: complains:\n%s", x, said)
		}
		return
	}
	heard := func() error { return x.complained(p.stderr.String()) }
	if x.mode == "run" {
		eventually(t, x.String(), heard)
		p.term(t)
		return
	}
	if !x.spare(*x.lacks) {
		p.wants(t, 1)
	}
	if err := heard(); err != nil {
		t.Errorf("%s: %v", x, err)
	}
}

// complained checks that a line names verb, resource and fact.
func (x *trial) complained(said string) error {
	for line := range strings.Lines(said) {
		fact := x.fact
		if x.spare(*x.lacks) {
			fact = ""
		}
		if strings.Contains(line, "resources: ["+x.lacks.resource+"]") && strings.Contains(line, "verbs: ["+x.lacks.verb+"]") && strings.Contains(line, fact) {
			return nil
		}
	}
	return fmt.Errorf("no line names %q, %s and %s:\n%s", x.lacks.verb, x.lacks.resource, x.fact, said)
}
