package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
)

// TestViewShowsWhatDiffers: what the API server says counts; what a volume says that the
// kubelet has not changed for hours stands below it, with its age, and a limit that
// nobody set is told from one that somebody did.
func TestViewShowsWhatDiffers(t *testing.T) {
	t.Parallel()
	const s = shop("views")
	apply(t, shared, s.objects()+"---\n"+strings.Replace(deployment().pod(s, "web-1"), ", limits: {cpu: \"1\", memory: 128Mi}", "", 1))
	account, err := shared.ServiceAccount(t.Context(), string(s), "web-1")
	if err != nil {
		t.Fatal(err)
	}
	all := rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}}
	if err := account.Grant(t.Context(), "", all); err != nil {
		t.Fatal(err)
	}
	p := enter(t, shared, account, "web-1")
	p.env = []string{"NODE_NAME=views-node"}
	p.write(t, "etc/podinfo/labels", "app=\"old\"\ngone=\"yes\"\napps.kubernetes.io/pod-index=\"0\"")
	p.write(t, "etc/podinfo/main/memory_limit_bytes", "4294967296")
	at := time.Now().Add(-150 * time.Minute)
	for _, name := range []string{"labels", "main/memory_limit_bytes"} {
		if err := os.Chtimes(filepath.Join(p.root, "etc/podinfo", name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	table := p.run(t, "view", "--volume", "/etc/podinfo")
	table.wants(t, 0)
	rows := make(map[string]string)
	last := ""
	for line := range strings.Lines(table.stdout.String()) {
		if fact := strings.Fields(line)[0]; fact != "differs" {
			last = fact
		}
		rows[last] += strings.Join(strings.Fields(line), " ") + "\n"
	}
	for fact, want := range map[string]string{
		"FACT": "FACT VALUE AGE ORIGIN\n",
		"pod.labels['app']": "pod.labels['app'] web now API server Pod views/web-1\n" +
			"differs old 150m volume /etc/podinfo labels (well-known name)\n",
		"pod.labels['apps.kubernetes.io/pod-index']": "pod.labels['apps.kubernetes.io/pod-index'] 0 now API server Pod views/web-1\n",
		"pod.labels['gone']":                         "",
		"pod.ordinal":                                "pod.ordinal 0 derived from pod.labels['apps.kubernetes.io/pod-index']\n",
		"containers.main.limits.memory": "containers.main.limits.memory 4Gi now API server Pod views/web-1 node allocatable; " +
			"unset, the node's allocatable stands in\n",
		"cluster.version": "cluster.version v" + strings.TrimPrefix(version(t), "v") + " now API server /version\n",
	} {
		if rows[fact] != want {
			t.Errorf("%s:\n%swant\n%s", fact, rows[fact], want)
		}
	}
	list := p.run(t, "view", "--volume", "/etc/podinfo", "--origins", "-o", "json", "pod.labels")
	list.wants(t, 0)
	var facts []struct {
		Fact, Value, Source, Confirmed, Written string
		Others                                  []struct{ Value, Source, From, Written string }
	}
	if err := json.Unmarshal([]byte(list.stdout.String()), &facts); err != nil {
		t.Fatal(err)
	}
	if len(facts) != 4 || len(facts[0].Others) != 1 {
		t.Fatalf("%+v", facts)
	}
	if f, o := facts[0], facts[0].Others[0]; f.Value != "web" || f.Source != "API server" || f.Confirmed == "" || f.Written != "" ||
		o.Value != "old" || o.Source != "volume /etc/podinfo" || o.Written != at.UTC().Format(time.RFC3339) {
		t.Errorf("%+v", f)
	}
}

func version(t *testing.T) string {
	t.Helper()
	return at(kubectl(t, "version"), "serverVersion", "gitVersion").(string)
}

// TestRenderLiveIsWhatInitWrites takes the configuration out of the running pod's own
// ConfigMap, and whatever it asks for from the server.
func TestRenderLiveIsWhatInitWrites(t *testing.T) {
	t.Parallel()
	const s = shop("lives")
	const config = `api:
  objects:
  - {id: node, apiVersion: v1, kind: Pod, fieldSelector: "metadata.name=web-1"}
  - {id: none, apiVersion: v1, kind: ConfigMap, name: none, optional: true}
  - {id: class, apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, name: urgent}
outputs:
- path: /run/podfacts/out
  text: |
    {{ range .objects.node }}{{ .metadata.name }}{{ end }} {{ fact "objects.none.data.a" "-" }} {{ .objects.class.value }}
    {{ .workload.name }} {{ len .peers }} {{ (index .services 0).name }} {{ .cluster.version }} {{ .node.allocatable.cpu }}
`
	live := strings.NewReplacer(
		"  containers:", `  volumes: [{name: config, configMap: {name: config}}]
  initContainers:
  - {name: podfacts, image: podfacts:1, args: [init, -c, /etc/podfacts/podfacts.yaml], volumeMounts: [{name: config, mountPath: /etc/podfacts}]}
  containers:`).Replace(deployment().pod(s, "web-1"))
	apply(t, shared, s.objects()+"---\n"+live+"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: config, namespace: lives}\ndata:\n  podfacts.yaml: |\n    "+
		strings.ReplaceAll(config, "\n", "\n    ")+"\n")
	account, err := shared.ServiceAccount(t.Context(), string(s), "web-1")
	if err != nil {
		t.Fatal(err)
	}
	all := rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}}
	if err := account.Grant(t.Context(), "", all); err != nil {
		t.Fatal(err)
	}
	p := enter(t, shared, account, "web-1")
	p.run(t, append([]string{"init", "--timeout", "0s"}, p.configure(t, config)...)...).wants(t, 0)
	rendered := outside(t, "render", "--live", string(s)+"/web-1", "--kubeconfig", shared.Kubeconfig())
	rendered.wants(t, 0)
	written := p.read(t, output)
	if got := rendered.stdout.String(); got != written || !strings.HasPrefix(got, "web-1 - 7\nweb 1 web v") {
		t.Errorf("live:\n%sinside:\n%ssays:\n%s", got, written, &rendered.stderr)
	}
	if said := rendered.stderr.String(); said != "" {
		t.Errorf("says:\n%s", said)
	}
}
