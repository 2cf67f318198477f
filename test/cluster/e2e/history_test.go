package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/podfacts/podfacts/test/cluster/faultproxy"
)

// TestWatchesExpire lets watches last for seconds. Each goes on where the last one ended,
// which bookmarks say where nothing happened.
func TestWatchesExpire(t *testing.T) {
	t.Parallel()
	const lasts = 3 * time.Second
	p := shopPod(t, shared, "expiry", front(t, shared))
	f := p.followZone(t)
	f.settles(t, 2)
	p.front.Fail(p.front.Expiring(lasts))
	mark := len(p.front.Requests())
	began := time.Now()
	p.front.End()
	n := 0
	eventually(t, "each watch has been begun anew three times", func() error {
		f.label(t, fmt.Sprintf("v%d", n))
		f.showsWithin(t, live)
		// History goes on, without the pod's own node.
		apply(t, shared, fmt.Sprintf("apiVersion: v1\nkind: Node\nmetadata: {name: expiry-other, annotations: {n: 'v%d'}}\n", n))
		n++
		time.Sleep(lasts / 4)
		watches := map[string]int{}
		for _, r := range p.front.Requests()[mark:] {
			path, _, _ := strings.Cut(r.URI, "?")
			watches[path]++
		}
		for _, path := range []string{"/api/v1/nodes", "/api/v1/namespaces/expiry/pods"} {
			if watches[path] < 4 {
				return fmt.Errorf("%v", watches)
			}
		}
		return nil
	})
	last := map[string]string{} // version, by path
	moved := map[string]int{}
	requests := p.front.Requests()[mark:]
	took := time.Since(began)
	for _, r := range requests {
		if r.Code == 0 {
			continue // it is being answered
		}
		if !r.Watch() || r.Code != 200 {
			t.Errorf("%d %s", r.Code, r.URI)
			continue
		}
		u, err := url.Parse(r.URI)
		if err != nil {
			t.Fatal(err)
		}
		version := u.Query().Get("resourceVersion")
		if old := last[u.Path]; len(version) < len(old) || len(version) == len(old) && version < old {
			t.Errorf("back from %s to %s: %s", old, version, r.URI)
		}
		if version != last[u.Path] {
			moved[u.Path]++
		}
		last[u.Path] = version
	}
	if len(last) != 2 || moved["/api/v1/nodes"] < 2 { // the node has not changed
		t.Errorf("versions moved on %v times", moved)
	}
	if most := 2 * (1 + int(took/lasts)); len(requests) > most {
		t.Errorf("%d watches in %s, want at most %d: %v", len(requests), took, most, requests)
	}
	if said := f.process.stderr.String(); strings.Contains(said, "WARN") {
		t.Errorf("it complains:\n%s", said)
	}
	f.end(t)
}

// TestCompaction has etcd forget the versions from which podfacts would go on, while it
// cannot reach the server.
func TestCompaction(t *testing.T) {
	t.Parallel()
	const s = shop("compaction")
	p := shopPod(t, shared, s, front(t, shared))
	ranges := admin(t, shared, "limitranges").Namespace(string(s))
	set := func(value string) (version string) {
		t.Helper()
		apply(t, shared, fmt.Sprintf("apiVersion: v1\nkind: LimitRange\nmetadata: {name: range, namespace: %s, labels: {value: %s}}\nspec: {limits: []}\n", s, value))
		o, err := ranges.Get(t.Context(), "range", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return o.GetResourceVersion()
	}
	first := set("web")
	args := p.configure(t, `api:
  objects:
  - {id: one, apiVersion: v1, kind: LimitRange, name: range}
  - {id: all, apiVersion: v1, kind: LimitRange, labelSelector: value}
outputs:
- path: /run/podfacts/out
  text: |
    {{ fact "objects.one.metadata.labels['value']" }}
- path: /run/podfacts/all
  text: |
    {{ range fact "objects.all" }}{{ .metadata.labels.value }}{{ end }}
`)
	p.permit(t, args)
	f := p.follow(t, "%s\n", args...)
	bound := retried
	all := func() {
		t.Helper()
		within(t, bound, "the list", func() error {
			if got := f.read(t, "run/podfacts/all"); got != f.truth() {
				return fmt.Errorf("%q, want %q", got, f.truth())
			}
			return nil
		})
	}
	all()
	f.settles(t, 2)
	began := time.Now()
	p.front.Refuse()
	p.front.Reset()
	f.expects("later")
	set("later")
	if err := shared.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, err := ranges.Watch(t.Context(), metav1.ListOptions{ResourceVersion: first})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	event := <-w.ResultChan()
	if event.Type != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(event.Object)) && !apierrors.IsGone(apierrors.FromObject(event.Object)) {
		t.Fatalf("from version %s comes %s %v", first, event.Type, event.Object)
	}
	mark := len(p.front.Requests())
	bound = mended(began)
	p.front.Heal()
	f.showsWithin(t, bound)
	all()
	f.expects("last")
	set("last")
	f.showsWithin(t, live)
	all()
	requests := p.front.Requests()[mark:]
	old := func(r faultproxy.Request) bool { return strings.Contains(r.URI, "resourceVersion="+first+"&") }
	if n := len(requests); n > 10 || !slices.ContainsFunc(requests, old) {
		t.Errorf("%d requests, from %s on: %v", n, first, requests)
	}
	t.Log(requests)
	f.end(t)
}

// TestDeletion follows a pod on its last way.
func TestDeletion(t *testing.T) {
	t.Parallel()
	const s = shop("deletion")
	p := shopPod(t, shared, s, nil)
	pods := admin(t, shared, "pods").Namespace(string(s))
	finalizers := func(list string) {
		t.Helper()
		patch := `{"metadata": {"finalizers": ` + list + `}}`
		if _, err := pods.Patch(t.Context(), p.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	finalizers(`["example.com/wait"]`)
	args := p.configure(t, "outputs:\n- path: /run/podfacts/out\n  text: |\n    {{ fact \"pod.labels['app']\" }} {{ fact \"pod.deletionTimestamp\" \"lives\" }}\n")
	p.permit(t, args)
	f := p.follow(t, "%s lives\n", args...)
	stamp := func(grace int64) {
		t.Helper()
		if err := pods.Delete(t.Context(), p.name, metav1.DeleteOptions{GracePeriodSeconds: &grace}); err != nil {
			t.Fatal(err)
		}
		o, err := pods.Get(t.Context(), p.name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f.format = "%s " + o.GetDeletionTimestamp().UTC().Format(time.RFC3339) + "\n"
		f.expects(o.GetLabels()["app"])
		f.showsWithin(t, live)
	}
	stamp(600)
	stamp(30) // who is in more of a hurry
	f.label(t, "late")
	f.showsWithin(t, live)
	stamp(0) // as the kubelet does when all containers have ended
	finalizers("null")
	eventually(t, "gone", func() error {
		if said := f.process.stderr.String(); !strings.Contains(said, "the pod is gone") && !strings.Contains(said, "not found") {
			return fmt.Errorf("not said in:\n%s", said)
		}
		return nil
	})
	f.end(t) // the last state stays
}
