package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/test/cluster/suite"
)

// TestAmbassador has an application that has only wget ask the API server: for lists and
// objects, a watch, the log of another container, and a service. What it gets is what kubectl
// proxy gives.
func TestAmbassador(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	ns.Apply("../../examples/ambassador")
	pod := ns.AwaitPod("app.kubernetes.io/name=ops", suite.Ready).Name
	for _, line := range []string{"jobs: migrate", "service: hello", "log: ", "tier: silver"} {
		ns.AwaitLine(pod, "main", line, time.Time{})
	}
	for i := range 3 {
		start, tier := time.Now(), fmt.Sprintf("tier-%d", i)
		ns.Label(pod, "shop.example.com/tier", tier)
		ns.Measure("label to watch", ns.AwaitLine(pod, "main", "tier: "+tier, start).Sub(start))
	}
	in := "/api/v1/namespaces/" + ns.Name
	wget := func(path string) string {
		return ns.Exec(pod, "main", "sh", "-c", "wget -q -O - 'http://127.0.0.1:8001"+path+"' 2>&1 || true")
	}
	start := time.Now()
	wget(in + "/services/http:ops:web/proxy/none.txt")
	ns.Measure("request to log", ns.AwaitLine(pod, "main", "response:404", start).Sub(start))

	kubectl := kubectlProxy(t, ns)
	for _, path := range []string{
		"/api", "/apis/batch/v1", "/apis/batch/v1/namespaces/" + ns.Name + "/jobs/migrate", in + "/pods/" + pod, in + "/pods?labelSelector=app.kubernetes.io%2Fname%3Dops",
		in + "/services/http:ops:web/proxy/page.txt", in + "/pods/" + pod + "/log?container=web", in + "/pods/" + pod + "/log?container=podfacts&tailLines=1",
	} {
		ns.Await(path+" to be the same", func() error { // versions and logs go on
			if ours, theirs := wget(path), kubectl(path); ours != theirs || ours == "" {
				return fmt.Errorf("ours:\n%s\ntheirs:\n%s", ours, theirs)
			}
			return nil
		})
	}
	for path, says := range map[string]string{
		in + "/secrets":          "403 Forbidden", // by podfacts
		in + "/configmaps":       "403 Forbidden", // by the API server
		"/version":               "403 Forbidden", // no path of --proxy-accept-paths
		in + "/pods/" + "ghost":  "404 Not Found",
		in + "/../../v1/secrets": "400 Bad Request",
	} {
		if got := wget(path); !strings.Contains(got, says) {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// kubectlProxy starts kubectl proxy, and asks it.
func kubectlProxy(t *testing.T, ns *suite.Namespace) func(path string) string {
	t.Helper()
	cmd := ns.Suite().Command(t.Context(), cluster.Kubectl, "proxy", "--port", "0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // as it was told to
	})
	said := make([]byte, 100)
	n, err := out.Read(said)
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(string(said[:n]))
	if err != nil || address == "" {
		t.Fatalf("kubectl proxy says %q: %v", said[:n], err)
	}
	return func(path string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", "Wget") // for which the server indents
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(body))
	}
}
