package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
)

// TestKubeletWhileTheServerIsAway has the kubelet write labels into the volume, always a
// while after they changed. While the watch is live it wins; else what changed last does.
func TestKubeletWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	p := shopPod(t, shared, "kubelet", front(t, shared))
	volume := func(label string) {
		t.Helper()
		files := map[string]string{"labels": fmt.Sprintf("app=%q", label), "name": p.name, "namespace": p.account.Namespace}
		if err := cluster.Project(filepath.Join(p.root, "etc/podinfo"), files); err != nil {
			t.Fatal(err)
		}
	}
	volume("web")
	// The API server is asked for the pod because of what no volume knows.
	args := p.configure(t, "volumes: [{path: /etc/podinfo}]\n"+rendering("pod.labels['app']")+"    {{ fact \"pod.qosClass\" }}\n")
	p.permit(t, args)
	f := p.follow(t, "%q\nBurstable\n", args...)
	stays := func(why string) {
		t.Helper()
		before := f.read(t, output)
		time.Sleep(time.Second)
		if got := f.read(t, output); got != before {
			t.Errorf("%s: output %q becomes %q; podfacts says:\n%s", why, before, got, &f.process.stderr)
		}
	}
	var began time.Time
	away := func() {
		t.Helper()
		began = time.Now()
		said := len(f.process.stderr.String())
		p.front.Refuse()
		p.front.Reset()
		within(t, live, "a complaint", func() error {
			if news := f.process.stderr.String()[said:]; !strings.Contains(news, "unreachable") {
				return fmt.Errorf("it says:\n%s", news)
			}
			return nil
		})
	}
	back := func() {
		t.Helper()
		mark, bound := len(p.front.Requests()), mended(began)
		p.front.Heal()
		within(t, bound, "a watch", func() error {
			for _, r := range p.front.Requests()[mark:] {
				if r.Watch() && r.Code == 200 {
					return nil
				}
			}
			return fmt.Errorf("only %v", p.front.Requests()[mark:])
		})
	}

	f.label(t, "first")
	f.showsWithin(t, live)
	stays("the volume is behind")
	volume("first")
	f.label(t, "second")
	f.showsWithin(t, live)
	volume("other")
	stays("the watch is live")
	volume("second")

	away()
	stays("nothing changed")
	f.label(t, "third")
	stays("nobody knows yet")
	volume("third")
	f.showsWithin(t, live)

	// The watch goes on from a version in which the label was the second one.
	p.front.Fail(p.front.Lagging(500 * time.Millisecond))
	back()
	stays("the kubelet was right")
	f.label(t, "fourth")
	f.showsWithin(t, live)
	p.front.Fail(nil)
	stays("the volume is behind")

	away()
	stays("the volume is behind, and nothing changed")
	f.label(t, "fifth")
	stays("nobody knows yet")
	back()
	f.showsWithin(t, live)
	stays("the volume is two behind")
	volume("fifth")
	stays("all agree")
	f.end(t)
}

// TestKubeletUnderOtherNames has files that only the pod's spec explains, and only the API
// server has shown that.
func TestKubeletUnderOtherNames(t *testing.T) {
	t.Parallel()
	p := shopPodWith(t, shared, "othernames", front(t, shared), `  volumes:
  - name: about
    projected:
      sources:
      - downwardAPI:
          items:
          - {path: pod-labels.txt, fieldRef: {fieldPath: metadata.labels}}
          - {path: cores, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}
`+mainContainer+"    volumeMounts: [{name: about, mountPath: /etc/about}]\n")
	volume := func(label string) {
		t.Helper()
		files := map[string]string{"pod-labels.txt": fmt.Sprintf("app=%q", label), "cores": "1000"}
		if err := cluster.Project(filepath.Join(p.root, "etc/about"), files); err != nil {
			t.Fatal(err)
		}
	}
	volume("behind")
	args := p.configure(t, "volumes: [{path: /etc/about}]\n"+rendering("pod.labels['app']")+
		"    {{ fact \"containers.main.limits.cpu\" }} {{ fact \"files.cores\" }}\n")
	p.permit(t, args)
	f := p.follow(t, "%q\n1 1000\n", args...)
	p.front.Refuse()
	p.front.Reset()
	within(t, live, "a complaint", func() error {
		if said := f.process.stderr.String(); !strings.Contains(said, "unreachable") {
			return fmt.Errorf("it says:\n%s", said)
		}
		return nil
	})
	time.Sleep(time.Second) // what is only behind is no news, which end looks for
	f.label(t, "pushed")
	volume("pushed")
	f.showsWithin(t, live)
	f.end(t)
}
