package metadata

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

// FuzzPath: whatever a request asks for is a path as watch.ParsePath gives it, and
// every such path can be asked for in both forms, and comes through a server as it
// was.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"pod.name", "pod/name", "pod/labels/app.kubernetes.io%2Fname", "pod.labels['app.kubernetes.io/name']", "pod.labels['a/b']/",
		"metadata.labels['app']", "limits.memory", "node/allocatable/nvidia.com%2Fgpu", "files.ca.crt", "files/a%2Fb", "env.A", "objects/a/b/",
		"pod//name", "pod/", "/", "%2F", "%", "pod%2Ename", `pod.labels["a']"]`, "pod/labels/%2E%2E", "pod/labels/..", "pod/labels/'%5D%22%5D",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		p, list, err := parsePath(rest)
		if err == nil && p != "" {
			if canonical, err := watch.ParsePath(string(p)); err != nil || canonical != p {
				t.Errorf("%q asks for %q, which is %q, %v", rest, p, canonical, err)
			}
			if list != strings.HasSuffix(rest, "/") {
				t.Errorf("%q: list %v", rest, list)
			}
		}
		if p, err = watch.ParsePath(rest); err != nil {
			return
		}
		var segments []string
		for _, s := range p.Segments() {
			segments = append(segments, url.PathEscape(s))
		}
		for _, form := range []string{strings.Join(segments, "/"), url.PathEscape(string(p))} {
			for _, form := range []string{form, form + "/"} {
				if again, list, err := parsePath(form); err != nil || again != p || list != strings.HasSuffix(form, "/") {
					t.Errorf("%q asks for %q, %v, %v; want %q", form, again, list, err, p)
				}
			}
		}
	})
}

// What lists name is found where they say.
func TestListsLead(t *testing.T) {
	t.Parallel()
	s := exposing(web(t, "odd/../key", "x", "with space & ?", "y", "%41", "z", "é", "w"), "pod", "containers", "objects.settings", "peers")
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	found := 0
	var walk func(path string)
	walk = func(path string) {
		w := ask(t, s, path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if !strings.HasSuffix(path, "/") {
			found++
			resp, err := http.Get(server.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close() //nolint:errcheck // the status is enough
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %d over a connection", path, resp.StatusCode)
			}
			return
		}
		for name := range strings.Lines(w.Body.String()) {
			walk(path + strings.TrimSuffix(name, "\n"))
		}
	}
	walk("/v1/facts/")
	if want := 6 + 4 + 1 + 1 + 5; found != want {
		t.Errorf("%d facts, want %d", found, want)
	}
}
