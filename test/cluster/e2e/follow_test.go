package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
)

// TestFollowsThroughWhateverTheServerDoes changes a label after each thing that can
// happen to a server, and sees the file replaced, and never anything wrong in it.
func TestFollowsThroughWhateverTheServerDoes(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t)
	f := shopPod(t, c, "follow", nil).followZone(t)
	n := 0
	step := func(name string, happens func(t *testing.T)) {
		if !t.Run(name, func(t *testing.T) {
			mark, err := c.Mark()
			if err != nil {
				t.Fatal(err)
			}
			happens(t)
			n++
			f.label(t, fmt.Sprintf("v%d", n))
			f.shows(t)
			n++
			f.label(t, fmt.Sprintf("v%d", n)) // by the watch, not by the read that began it
			f.shows(t)
			requests, err := c.Requests(mark, f.account.Username())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d requests", len(requests))
			const most = 20 // for two objects; a server that starts refuses at first
			if len(requests) > most {
				t.Errorf("%d requests, want at most %d: %v", len(requests), most, requests)
			}
		}) {
			t.Fatalf("podfacts says:\n%s", &f.process.stderr)
		}
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	step("nothing", func(*testing.T) {})
	step("restart", func(t *testing.T) {
		mark, err := c.Mark()
		must(t, err)
		// Or the pod's version might be the last one that there is, from which a watch can go on.
		apply(t, c, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: later, namespace: follow}\n")
		must(t, c.Restart(t.Context()))
		// The server has forgotten the version that the watch goes on from.
		eventually(t, "a watch from now on", func() error {
			requests, err := c.Requests(mark, f.account.Username())
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(requests, func(r cluster.Request) bool {
				return r.Verb == "watch" && r.Resource == "pods" && !strings.Contains(r.URI, "resourceVersion=") && r.Code == 200
			}) {
				return fmt.Errorf("only %v", requests)
			}
			return nil
		})
	})
	step("outage", func(t *testing.T) {
		must(t, c.StopServer())
		before := f.read(t, output)
		time.Sleep(3 * time.Second)
		if after := f.read(t, output); after != before || f.process.ended() {
			t.Errorf("during the outage %q became %q; podfacts says:\n%s", before, after, &f.process.stderr)
		}
		f.process.says(t, "stay")
		testRequired(t, f.pod)
		must(t, c.StartServer(t.Context()))
	})
	step("kill", func(t *testing.T) {
		must(t, c.KillServer())
		must(t, c.StartServer(t.Context()))
	})
	step("new certificate", func(t *testing.T) {
		must(t, c.RotateCertificate(t.Context()))
		f.renew(t, cluster.TokenOptions{}) // ca.crt too
		must(t, c.KillServer())
		must(t, c.StartServer(t.Context()))
	})
	step("certificate before its authority", func(t *testing.T) {
		must(t, c.KillServer())
		must(t, c.RotateCertificate(t.Context()))
		must(t, c.StartServer(t.Context()))
		eventually(t, "distrust", func() error {
			if said := f.process.stderr.String(); !strings.Contains(said, "not trusted") {
				return fmt.Errorf("not said in:\n%s", said)
			}
			return nil
		})
		f.renew(t, cluster.TokenOptions{})
	})
	step("expired token", func(t *testing.T) {
		f.renew(t, cluster.TokenOptions{Lifetime: -time.Hour})
		must(t, c.KillServer())
		must(t, c.StartServer(t.Context()))
		eventually(t, "a complaint", func() error {
			if said := f.process.stderr.String(); !strings.Contains(said, "expired on") {
				return fmt.Errorf("not said in:\n%s", said)
			}
			return nil
		})
		f.renew(t, cluster.TokenOptions{})
	})
	f.end(t)
}

// testRequired runs podfacts with --api required while there is no server.
func testRequired(t *testing.T, p *pod) {
	t.Helper()
	for _, command := range []string{"init", "run"} {
		process := p.run(t, command, "--api", "required", "-c", "/etc/podfacts/podfacts.yaml")
		process.wants(t, 1)
		process.says(t, "api.mode is required", "refused", "check network policies and the address")
	}
}

// TestAsksNothingWhileIdle counts requests over a minute. It is the part of the promise
// that a mistake in a watch breaks first.
func TestAsksNothingWhileIdle(t *testing.T) {
	t.Parallel()
	const s = shop("idle")
	apply(t, shared, s.objects()+"---\n"+deployment().pod(s, "web-1"))
	account, err := shared.ServiceAccount(t.Context(), string(s), "web-1")
	if err != nil {
		t.Fatal(err)
	}
	p := enter(t, shared, account, "web-1")
	config := "api:\n  objects:\n  - {id: settings, apiVersion: v1, kind: ConfigMap, name: settings}\noutputs:\n- path: /run/podfacts/out\n  text: |\n"
	for _, fact := range []string{"pod.labels['app']", "node.labels['kubernetes.io/os']", "namespace.labels['team']", "workload.labels['app']",
		"workload.replicas", "services", "objects.settings.data.colour", "cluster.uid", "cluster.version"} {
		config += fmt.Sprintf("    {{ fact %q | toJson }}\n", fact)
	}
	args := p.configure(t, config)
	p.permit(t, args)
	start, err := shared.Mark()
	if err != nil {
		t.Fatal(err)
	}
	process := p.start(t, append([]string{"run"}, args...)...)
	eventually(t, "output", func() error {
		if p.read(t, output) == "" {
			return fmt.Errorf("none; podfacts says:\n%s", &process.stderr)
		}
		return nil
	})
	eventually(t, "all watches, and three seconds in which nothing is asked", func() error {
		requests, err := shared.Requests(start, account.Username())
		if err != nil {
			return err
		}
		open := map[string]bool{}
		for _, r := range requests {
			if r.Verb == "watch" && r.Code == 200 && r.Stage == "ResponseStarted" {
				open[r.Resource] = true
			}
		}
		// What else is asked is asked once.
		for _, resource := range []string{"pods", "nodes", "namespaces", "deployments.apps", "services", "configmaps"} {
			if !open[resource] {
				return fmt.Errorf("no watch of %s among %v", resource, requests)
			}
		}
		const while = 3 * time.Second
		if last := requests[len(requests)-1]; time.Since(last.Received) < while {
			time.Sleep(time.Until(last.Received.Add(while))) // the audit log is long
			return fmt.Errorf("%v just now", last)
		}
		return nil
	})
	mark, err := shared.Mark()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	requests, err := shared.Requests(mark, account.Username())
	if err != nil {
		t.Fatal(err)
	}
	idle := len(requests)
	if idle > 1 {
		t.Errorf("%d requests while idle: %v", idle, requests)
	}
	if requests, err = shared.Requests(start, account.Username()); err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		if r.Resource == "pods" && r.Name != "web-1" {
			t.Errorf("looked at other pods: %s %s", r, r.URI)
		}
	}
	t.Logf("%d requests at start, %d in an idle minute: %v", len(requests)-idle, idle, requests)
	process.term(t)
}
