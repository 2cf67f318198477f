package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/podfacts/podfacts/test/cluster"
)

// proxies are podfacts and kubectl, which pass the same API server on for the same account.
type proxies struct {
	pod          *pod
	process      *process
	ours, theirs string // URLs
	home         string // of kubectl, which keeps there what it has learned of the API
}

// passOn starts both in a pod whose account may read everything, Secrets among it.
func passOn(t *testing.T, c *cluster.Cluster, s shop, args ...string) proxies {
	t.Helper()
	apply(t, c, s.objects()+"---\n"+deployment().pod(s, "web-1"))
	account, err := c.ServiceAccount(t.Context(), string(s), "web-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := account.Grant(t.Context(), "", rbacv1.PolicyRule{
		APIGroups: []string{"", "batch", "apps"}, Resources: []string{"pods", "nodes", "secrets", "jobs", "deployments", "pods/log"}, Verbs: []string{"get", "list", "watch"},
	}); err != nil {
		t.Fatal(err)
	}
	p := proxies{pod: enter(t, c, account, "web-1"), home: t.TempDir()}
	p.process = p.pod.start(t, append([]string{"serve", "--proxy", "127.0.0.1:0"}, args...)...)
	p.ours = listening(t, "podfacts", &p.process.stderr)

	token, err := account.Token(t.Context(), cluster.TokenOptions{Pod: "web-1"})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := c.WriteKubeconfig(kubeconfig, token, string(s)); err != nil {
		t.Fatal(err)
	}
	p.theirs = listening(t, "kubectl", &p.kubectl(t, "--kubeconfig", kubeconfig, "proxy", "--port", "0").stdout)
	return p
}

// kubectl starts kubectl without the credentials of anybody.
func (p *proxies) kubectl(t *testing.T, args ...string) *process {
	t.Helper()
	cmd, err := cluster.Command(t.Context(), io.Discard, cluster.Kubectl, args...)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = []string{"HOME=" + p.home, "KUBECONFIG=" + os.DevNull}
	return begin(t, cmd)
}

// listening waits for the address that a proxy says that it has.
func listening(t *testing.T, name string, said *buffer) (url string) {
	t.Helper()
	address := regexp.MustCompile(`127\.0\.0\.1:[0-9]{2,}`)
	eventually(t, name+" listens", func() error {
		if url = address.FindString(said.String()); url == "" {
			return fmt.Errorf("it says %q", said)
		}
		return nil
	})
	return "http://" + url
}

// ask makes a request as it is written here, compression included.
func ask(t *testing.T, ctx context.Context, method, url string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// whole makes a request and reads all of the answer.
func whole(t *testing.T, method, url string, header ...string) (*http.Response, string) {
	t.Helper()
	resp := ask(t, t.Context(), method, url, header...)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s %s: %v", method, url, err)
	}
	return resp, string(body)
}

// TestProxyAnswers holds what podfacts passes on against what kubectl does: status,
// headers but those of one request, and every byte.
func TestProxyAnswers(t *testing.T) {
	t.Parallel()
	const s = shop("proxied")
	p := passOn(t, shared, s)
	in := "/namespaces/" + string(s)
	for _, path := range []string{
		"/api", "/api/", "/apis", "/api/v1", "/apis/batch/v1", "/version", "/healthz", "/livez?verbose", "/openapi/v3", "/nothing", "/metrics",
		"/apis/batch/v1" + in + "/jobs", "/apis/batch/v1" + in + "/jobs/migrate", "/apis/batch/v1" + in + "/jobs/none", "/apis/batch/v1" + in + "/jobs/",
		"/api/v1/pods?labelSelector=app%3Dweb&limit=1", "/api/v1" + in + "/pods/web-1", "/api/v1" + in + "/pods/web%2D1?pretty=true", "/api/v1" + in + "/pods?fieldSelector=nonsense",
		"/api/v1/nodes/" + s.node(), "/api/v1" + in + "/configmaps", "/api/v1" + in + "/pods/web-1/log", "/api/v1" + in + "/services/http:web:80/proxy", "/api/v1" + in + "/services/web/proxy/a%20b?c=d",
	} {
		for _, header := range [][]string{
			{"Accept-Encoding", "identity"}, {"Accept-Encoding", "gzip"}, {"Accept", "application/yaml"}, {"Accept", "application/vnd.kubernetes.protobuf"},
			{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}, {"User-Agent", ""},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				eventually(t, "both give the same", func() error { // other tests make new versions of lists
					ours, body := whole(t, method, p.ours+path, header...)
					theirs, want := whole(t, method, p.theirs+path, header...)
					if a, b := comparable(ours), comparable(theirs); a != b || body != want {
						return fmt.Errorf("%s %s %v:\nours   %s\n%.500s\ntheirs %s\n%.500s", method, path, header, a, body, b, want)
					}
					return nil
				})
			}
		}
	}
}

// comparable is all of an answer but its body, the time and the number of the request.
func comparable(r *http.Response) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %d bytes, %v\n", r.Proto, r.Status, r.ContentLength, r.TransferEncoding)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name != "Date" && name != "Audit-Id" {
			fmt.Fprintf(&b, "%s: %q\n", name, r.Header[name])
		}
	}
	return b.String()
}

// lists waits until kubectl lists pods through podfacts.
func (p *proxies) lists(t *testing.T, s shop) {
	t.Helper()
	eventually(t, "kubectl lists pods", func() error {
		k := p.kubectl(t, "--server", p.ours, "-n", string(s), "get", "pods")
		if k.wait(t); k.code() != 0 || !strings.Contains(k.stdout.String(), "web-1") {
			return fmt.Errorf("%s%s", &k.stdout, &k.stderr)
		}
		return nil
	})
}

// TestProxyWatches follows pods by both, as curl does and as kubectl does.
func TestProxyWatches(t *testing.T) {
	t.Parallel()
	const s = shop("proxywatches")
	p := passOn(t, shared, s)
	var lines []*bufio.Reader
	var tables []*process
	for _, url := range []string{p.ours, p.theirs} {
		resp := ask(t, t.Context(), "GET", url+"/api/v1/namespaces/"+string(s)+"/pods?watch=true")
		t.Cleanup(func() { resp.Body.Close() }) //nolint:errcheck // it goes on for ever
		lines = append(lines, bufio.NewReader(resp.Body))
		tables = append(tables, p.kubectl(t, "--server", url, "-n", string(s), "get", "pods", "-w", "--no-headers", "-L", "version"))
	}
	for i := range 5 {
		var got [2]string
		for j, l := range lines {
			var err error
			if got[j], err = l.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if got[0] != got[1] || !strings.HasPrefix(got[0], `{"type":`) {
			t.Fatalf("event %d:\nours   %s\ntheirs %s", i, got[0], got[1])
		}
		eventually(t, "kubectl prints the same", func() error {
			a, b := tables[0].stdout.String(), tables[1].stdout.String()
			if strings.Count(a, "\n") <= i || strings.Count(a, "\n") != strings.Count(b, "\n") {
				return fmt.Errorf("%q and %q; %s", a, b, &tables[0].stderr)
			}
			return nil
		})
		if _, err := shared.Kubectl(t.Context(), "-n", string(s), "label", "--overwrite", "pod", "web-1", fmt.Sprintf("version=v%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	age := regexp.MustCompile(`\b([0-9]+[smhd])+ *`) // and the space that makes up for its length
	if a, b := age.ReplaceAllString(tables[0].stdout.String(), "AGE "), age.ReplaceAllString(tables[1].stdout.String(), "AGE "); !strings.HasPrefix(a, b) && !strings.HasPrefix(b, a) {
		t.Errorf("kubectl prints\n%s\nand\n%s", a, b)
	}
	// The end of the proxy is that of a watch: in good order.
	p.process.term(t)
	if rest, err := io.ReadAll(lines[0]); err != nil {
		t.Errorf("a watch ends with %v after %q", err, rest)
	}
}

// TestProxyLends asks for what is not lent, in another's name, and with a token that
// comes and goes. The account could do all that the proxy does not.
func TestProxyLends(t *testing.T) {
	t.Parallel()
	const s = shop("proxylends")
	p := passOn(t, shared, s)
	p.lists(t, s)
	mark, err := shared.Mark()
	if err != nil {
		t.Fatal(err)
	}
	for args, says := range map[string]string{
		"get secrets -A":                              "Forbidden): the proxy is told not to pass on this path",
		"get secret password -w":                      "told not to pass on this path",
		"get --raw /api/v1/watch/secrets":             "told not to pass on this path",
		"create configmap a":                          "the proxy only reads",
		"delete pod web-1":                            "the proxy only reads",
		"create token web-1":                          "the proxy only reads",
		"exec web-1 -- true":                          "no upgrades",
		"port-forward web-1 80":                       "no upgrades",
		"get pods --as admin":                         "act as its account",
		"get pods --as-group system:masters --as web": "act as its account",
	} {
		k := p.kubectl(t, append([]string{"--server", p.ours, "-n", string(s)}, strings.Fields(args)...)...)
		k.wait(t)
		if k.code() == 0 || !strings.Contains(k.stderr.String(), says) {
			t.Errorf("kubectl %s: %d, %s%s", args, k.code(), &k.stdout, &k.stderr)
		}
	}
	config, err := shared.Config()
	if err != nil {
		t.Fatal(err)
	}
	nodes := p.ours + "/api/v1/nodes"
	for _, header := range [][]string{{"Authorization", "Bearer " + config.BearerToken}, {"Authorization", "Basic YWRtaW46YWRtaW4="}, {"X-Forwarded-User", "admin"}} {
		if resp, body := whole(t, "GET", nodes, header...); resp.StatusCode != http.StatusOK {
			t.Errorf("%v: %d %s", header, resp.StatusCode, body)
		}
	}
	requests, err := shared.Requests(mark, p.pod.account.Username())
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, r := range requests {
		if r.Resource == "nodes" {
			asked++
		}
		if r.Resource == "secrets" || r.Verb != "get" && r.Verb != "list" && r.Verb != "watch" {
			t.Errorf("the server was asked: %v", r)
		}
	}
	if asked != 3 {
		t.Errorf("%d requests of %d are the account's", asked, 3)
	}

	// A token that is over is the server's to refuse; the next one counts at once.
	over, err := p.pod.account.Token(t.Context(), cluster.TokenOptions{Lifetime: -time.Hour, Pod: "web-1"})
	if err != nil {
		t.Fatal(err)
	}
	p.pod.mount(t, over)
	if resp, body := whole(t, "GET", nodes); resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "Unauthorized") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	p.pod.renew(t, cluster.TokenOptions{})
	if resp, body := whole(t, "GET", nodes); resp.StatusCode != http.StatusOK {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if said := p.process.stderr.String(); strings.Contains(said, "eyJ") || strings.Contains(said, config.BearerToken) {
		t.Errorf("the log holds tokens:\n%s", said)
	}
}

// TestProxyWithoutServer asks while the server is away, and after it has come back with
// another certificate.
func TestProxyWithoutServer(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t)
	const s = shop("proxyaway")
	p := passOn(t, c, s)
	p.lists(t, s)
	watch := ask(t, t.Context(), "GET", p.ours+"/api/v1/pods?watch=1")
	defer watch.Body.Close()
	pods := []string{"--server", p.ours, "-n", string(s), "get", "pods"}
	if err := c.KillServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(&bytes.Buffer{}, watch.Body); err == nil {
		t.Error("a watch that is cut ends in good order")
	}
	k := p.kubectl(t, pods...)
	k.wait(t)
	if said := k.stderr.String(); k.code() == 0 || !strings.Contains(said, "Error from server (ServiceUnavailable): the proxy cannot reach the API server: dial tcp ") {
		t.Errorf("%d %s", k.code(), said)
	}
	if err := c.RotateCertificate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.StartServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	k = p.kubectl(t, pods...)
	k.wait(t)
	if said := k.stderr.String(); k.code() == 0 || !strings.Contains(said, "certificate") {
		t.Errorf("%d %s", k.code(), said)
	}
	p.pod.renew(t, cluster.TokenOptions{}) // and the CA beside it
	p.lists(t, s)
	p.process.says(t, "the proxy cannot reach the API server", "the proxy reaches the API server again")
}
