package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/test/cluster/faultproxy"
)

// Bounds on how long the output may lag behind the server. All but the last leave room for
// machines that are busy with other tests.
const (
	// live is while a watch is open. It takes a tenth of a second.
	live = 5 * time.Second
	// retried is after a fault that was over in a few seconds, see mended.
	retried = 10 * time.Second
	// slow is over a connection with four bytes a millisecond.
	slow = 20 * time.Second
	// spared is after a server asked not to be asked for 8 s: that, and at most as long
	// again by chance, since it told many the same.
	spared = 16*time.Second + live
	// pinged is where a connection died and nobody said so: it was idle for 30 s, then a
	// ping had no answer for 15 s.
	pinged = 45*time.Second + live
)

// mended is the bound after a fault that began then and is over now: pauses double from half
// a second to half a minute, so that the next try comes before the fault has lasted twice as
// long.
func mended(began time.Time) time.Duration { return max(retried, time.Since(began)+live) }

// A fault begins, lasts and ends.
type fault struct {
	name  string
	begin func(*faultproxy.Proxy)
	lasts time.Duration // before it is mended; zero where podfacts gets by with it
	bound time.Duration // from then on; zero means that of mended
	says  string        // what podfacts says of it; empty where it need not notice
	most  int           // requests for each thing that is asked, while it lasts; zero means 7
}

func faults() []fault {
	const lasts = 4 * time.Second
	answers := func(code int, headers ...string) func(*faultproxy.Proxy) {
		return func(p *faultproxy.Proxy) { p.Fail(faultproxy.Status(code, headers...)); p.End() }
	}
	text := func(code int, contentType, text string) func(*faultproxy.Proxy) {
		return func(p *faultproxy.Proxy) { p.Fail(faultproxy.Text(code, contentType, text)); p.End() }
	}
	fails := func(fault func(*faultproxy.Proxy) http.Handler) func(*faultproxy.Proxy) {
		return func(p *faultproxy.Proxy) { p.Fail(fault(p)); p.End() }
	}
	return []fault{
		{name: "half-open", begin: (*faultproxy.Proxy).Freeze, bound: pinged, says: "connection was lost", most: 2},
		{name: "requests hang", lasts: 2 * lasts, says: "does not answer within 5s", begin: fails(func(*faultproxy.Proxy) http.Handler { return faultproxy.Hang() })},
		{name: "new connections hang", lasts: 2 * lasts, says: "unreachable", begin: func(p *faultproxy.Proxy) { p.FreezeAll(); p.Reset() }},
		{name: "frozen for a while", lasts: lasts, bound: live, most: 1, begin: (*faultproxy.Proxy).FreezeAll},
		{name: "refused", lasts: lasts, says: "refused", begin: func(p *faultproxy.Proxy) { p.Refuse(); p.Reset() }},
		{name: "reset in mid-watch", begin: (*faultproxy.Proxy).Reset, most: 2},
		{name: "reset again and again", lasts: lasts, says: "reset", begin: (*faultproxy.Proxy).ResetAll},
		{name: "ended", begin: (*faultproxy.Proxy).End, most: 2},
		{name: "401", lasts: lasts, says: "unauthorized", begin: answers(401)},
		{name: "403", lasts: 2 * lasts, says: "forbidden", begin: answers(403)},
		{name: "404", lasts: lasts, says: "not found",
			begin: fails(func(p *faultproxy.Proxy) http.Handler { return p.Only("/pods", faultproxy.Status(404)) })},
		{name: "404 of a load balancer", lasts: lasts, says: "is an API server", most: 12, begin: text(404, "text/plain", "404 page not found\n")},
		{name: "409", lasts: lasts, says: "as the test wishes", begin: answers(409)},
		{name: "410", lasts: lasts, says: "as the test wishes", begin: answers(410)},
		// Six rounds of four, if every pause is its shortest.
		{name: "410 in the watch", most: 6 * 4, begin: fails(func(p *faultproxy.Proxy) http.Handler { return p.Broken(410) })},
		{name: "429", lasts: lasts, says: "as the test wishes", begin: answers(429, "Retry-After: 1")},
		{name: "429 for longer", lasts: lasts, says: "as the test wishes", begin: answers(429, "Retry-After: 8"), bound: spared, most: 1},
		{name: "500", lasts: lasts, says: "as the test wishes", begin: answers(500)},
		{name: "500 in the watch", lasts: lasts, says: "as the test wishes", begin: fails(func(p *faultproxy.Proxy) http.Handler { return p.Broken(500) })},
		{name: "503", lasts: lasts, says: "as the test wishes", begin: answers(503)},
		{name: "502 of a load balancer", lasts: lasts, says: "cannot answer", begin: text(502, "text/html", "<html>bad gateway</html>")},
		{name: "200 of a load balancer", lasts: lasts, says: "is an API server", begin: text(200, "text/html", "<html>welcome</html>")},
		{name: "200 of no kind", lasts: lasts, says: "cannot answer", begin: text(200, "application/json", "{}")},
		{name: "200 of another kind", lasts: lasts, says: "cannot answer", begin: answers(200)},
		{name: "truncated", lasts: lasts, says: "cannot answer", begin: fails(func(p *faultproxy.Proxy) http.Handler { return p.Truncated(100, true) })},
		{name: "truncated by a reset", lasts: lasts, says: "connection was lost", begin: fails(func(p *faultproxy.Proxy) http.Handler { return p.Truncated(100, false) })},
		{name: "byte by byte", bound: slow, most: 2, begin: func(p *faultproxy.Proxy) { p.Throttle(250 * time.Microsecond); p.Reset() }},
		{name: "too slow", lasts: 2 * lasts, says: "unreachable", begin: func(p *faultproxy.Proxy) { p.Throttle(20 * time.Millisecond); p.Reset() }},
		{name: "5 MiB", most: 2, begin: fails(func(p *faultproxy.Proxy) http.Handler { return p.Inflated(5 << 20) })},
	}
}

// TestFaults does to the connection of a running podfacts what happens to connections. The
// last state of the server is rendered within a bound, nothing that was not true is ever
// published, and the server is not asked more than need be.
func TestFaults(t *testing.T) {
	t.Parallel()
	const s = shop("faults")
	apply(t, shared, s.objects())
	const config = `api:
  objects:
  - {id: settings, apiVersion: v1, kind: ConfigMap, name: settings, optional: true}
  - {id: all, apiVersion: v1, kind: ConfigMap, labelSelector: app=web}
outputs:
- path: /run/podfacts/out
  text: |
    {{ fact "pod.labels['app']" }} {{ fact "node.zone" }} {{ fact "objects.settings.data.colour" "lost" }} {{ len (fact "objects.all") }}
`
	account, err := shared.ServiceAccount(t.Context(), string(s), "web")
	if err != nil {
		t.Fatal(err)
	}
	first := container(t, shared)
	first.account = account
	first.permit(t, first.configure(t, config))
	for i, fault := range faults() {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			name := fmt.Sprintf("web-%d", i)
			apply(t, shared, strings.ReplaceAll(deployment().pod(s, name), "serviceAccountName: "+name, "serviceAccountName: web"))
			p := container(t, shared)
			p.account, p.name, p.front = account, name, front(t, shared)
			p.renew(t, cluster.TokenOptions{})
			fault.test(t, p.follow(t, "%s zone-a blue 1\n", p.configure(t, config)...))
		})
	}
}

func (x fault) test(t *testing.T, f *following) {
	const things = 4 // the pod, its node, an object and a list
	f.label(t, "before")
	f.showsWithin(t, live)
	f.settles(t, things)
	asked := func() int { return len(f.front.Requests()) }
	start, before, began := asked(), f.truth(), time.Now()
	x.begin(f.front)
	f.label(t, "during")
	next := live
	var took time.Duration
	if x.lasts == 0 {
		bound := cmp.Or(x.bound, retried)
		took = f.showsWithin(t, bound)
		next = bound // it need not have been a watch that told
	} else {
		time.Sleep(x.lasts)
		if got := f.read(t, output); got != before || f.process.ended() {
			t.Errorf("while it lasts, the output becomes %q; podfacts says:\n%s", got, &f.process.stderr)
		}
	}
	over := asked()
	bound := cmp.Or(x.bound, mended(began))
	f.front.Heal()
	if x.lasts > 0 {
		took = f.showsWithin(t, bound)
	}
	f.label(t, "after") // by the watch, not by the read that began it
	f.showsWithin(t, next)
	f.process.says(t, x.says)
	if most := things * cmp.Or(x.most, 7); over-start > most {
		t.Errorf("%d requests while it lasts, want at most %d: %v", over-start, most, f.front.Requests()[start:over])
	}
	if most := 3 * things; asked()-over > most {
		t.Errorf("%d requests afterwards, want at most %d: %v", asked()-over, most, f.front.Requests()[over:])
	}
	t.Logf("%d requests, then right after %s and %d more", over-start, took.Round(time.Millisecond), asked()-over)
	f.end(t)
}
