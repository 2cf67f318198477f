package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/test/cluster/faultproxy"
)

// following is a run that renders a label of its pod among other things, and a record of
// everything that it published.
type following struct {
	*pod
	process *process
	format  string   // of the output, for a label
	truths  []string // each output that was right, in order
	stop    chan struct{}
	record  chan []string
}

// shopPod enters a pod in a shop of its own, behind a proxy or not.
func shopPod(t *testing.T, c *cluster.Cluster, s shop, front *faultproxy.Proxy) *pod {
	t.Helper()
	return shopPodWith(t, c, s, front, mainContainer)
}

// mainContainer begins the containers of a pod.
const mainContainer = "  containers:\n  - name: main\n"

// shopPodWith is shopPod, with something else in the place of mainContainer.
func shopPodWith(t *testing.T, c *cluster.Cluster, s shop, front *faultproxy.Proxy, spec string) *pod {
	t.Helper()
	const name = "web-1"
	apply(t, c, s.objects()+"---\n"+strings.Replace(deployment().pod(s, name), mainContainer, spec, 1))
	account, err := c.ServiceAccount(t.Context(), string(s), name)
	if err != nil {
		t.Fatal(err)
	}
	p := container(t, c)
	p.account, p.name, p.front = account, name, front
	p.renew(t, cluster.TokenOptions{})
	return p
}

// front starts a proxy to a cluster.
func front(t *testing.T, c *cluster.Cluster) *faultproxy.Proxy {
	t.Helper()
	ca, err := c.CA()
	if err != nil {
		t.Fatal(err)
	}
	p, err := faultproxy.Start(c.URL(), ca)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// followZone starts podfacts with the permissions that rbac prints for it. It renders the
// label and the zone of its node.
func (p *pod) followZone(t *testing.T) *following {
	t.Helper()
	args := p.configure(t, rendering("pod.labels['app']")+"    {{ fact \"node.zone\" }}\n")
	p.permit(t, args)
	return p.follow(t, "%q\nzone-a\n", args...)
}

// permit applies what rbac prints for a configuration.
func (p *pod) permit(t *testing.T, args []string) {
	t.Helper()
	printed := p.run(t, append([]string{"rbac", "--service-account", p.account.Name, "--namespace", p.account.Namespace}, args...)...)
	printed.wants(t, 0)
	apply(t, p.cluster, printed.stdout.String())
	await(t, p.cluster, p.account.Namespace)
}

const output = "run/podfacts/out"

// follow starts podfacts in a pod whose label is web.
func (p *pod) follow(t *testing.T, format string, args ...string) *following {
	t.Helper()
	f := &following{pod: p, format: format, stop: make(chan struct{}), record: make(chan []string, 1)}
	f.expects("web")
	f.process = p.start(t, append([]string{"run"}, args...)...)
	f.shows(t)
	go f.watch()
	return f
}

// watch records every state of the output.
func (f *following) watch() {
	var states []string
	for ended := false; ; {
		text, err := os.ReadFile(filepath.Join(f.root, output))
		state := string(text)
		if err != nil {
			state = err.Error()
		}
		if len(states) == 0 || states[len(states)-1] != state {
			states = append(states, state)
		}
		if ended {
			f.record <- states
			return
		}
		select {
		case <-f.stop:
			ended = true
		case <-time.After(time.Millisecond):
		}
	}
}

// expects says with which label the output is right from now on.
func (f *following) expects(label string) { f.truths = append(f.truths, fmt.Sprintf(f.format, label)) }

// truth is the output that is right.
func (f *following) truth() string { return f.truths[len(f.truths)-1] }

// settles waits until so many watches are open, and have been for a while: those that end
// within a second are a fault of their own.
func (f *following) settles(t *testing.T, watches int) {
	t.Helper()
	const while = 1500 * time.Millisecond
	eventually(t, "watches", func() error {
		requests := f.front.Requests()
		open := 0
		for _, r := range requests {
			if r.Watch() && r.Code == 200 && r.Open && time.Since(r.At) > while {
				open++
			}
		}
		if open != watches {
			return fmt.Errorf("%d of %d: %v", open, watches, requests)
		}
		return nil
	})
}

// label changes the label.
func (f *following) label(t *testing.T, value string) {
	t.Helper()
	f.expects(value)
	patch := fmt.Sprintf(`{"metadata": {"labels": {"app": %q}}}`, value)
	_, err := admin(t, f.cluster, "pods").Namespace(f.account.Namespace).
		Patch(t.Context(), f.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// admin is a client for a resource of the core group that may do everything.
func admin(t *testing.T, c *cluster.Cluster, resource string) dynamic.NamespaceableResourceInterface {
	t.Helper()
	config, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource})
}

// shows waits until the output shows the last label.
func (f *following) shows(t *testing.T) {
	t.Helper()
	f.showsWithin(t, patience)
}

// showsWithin waits as long as a bound allows, and returns how long it took.
func (f *following) showsWithin(t *testing.T, bound time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	within(t, bound, "the last label", func() error {
		if got := f.read(t, output); got != f.truth() {
			return fmt.Errorf("output %q, want %q; podfacts says:\n%s", got, f.truth(), &f.process.stderr)
		}
		if f.process.ended() {
			return fmt.Errorf("podfacts ended:\n%s", &f.process.stderr)
		}
		return nil
	})
	return time.Since(began)
}

// end ends podfacts and checks that each state it ever published was true, in order.
func (f *following) end(t *testing.T) {
	t.Helper()
	close(f.stop)
	states := <-f.record
	f.process.term(t)
	next := 0
	for _, state := range states {
		i := slices.Index(f.truths[next:], state)
		if i < 0 {
			t.Errorf("published %q, which is none of %q from the %d. on; all: %q", state, f.truths, next, states)
			return
		}
		next += i
	}
	if got := states[len(states)-1]; got != f.truth() {
		t.Errorf("the last state is %q", got)
	}
}
