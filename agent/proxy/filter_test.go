package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestFilterPaths(t *testing.T) {
	t.Parallel()
	type paths map[string]bool
	for name, test := range map[string]struct {
		rules Rules
		paths paths
	}{
		"default": {Rules{}, paths{
			"/": true, "/api": true, "/version": true, "/metrics": true, "/openapi/v3": true, "/healthz": true,
			"/api/v1/pods": true, "/api/v1/namespaces/secrets": true, "/api/v1/namespaces/secrets/pods": true, "/api/v1/namespaces/a/configmaps/secrets": true,
			"/api/v1/namespaces/a/pods/exec": true, "/api/v1/namespaces/a/pods/exec/log": true, "/api/v1/namespaces/a/serviceaccounts/token": true,
			"/api/v1/namespaces/a/services/http:web:80/proxy/": true, "/api/v1/namespaces/a/pods/web/proxy/metrics": true,
			"/api/v1/namespaces/a/services/web/proxy/secrets": true, "/apis/batch/v1/namespaces/a/jobs": true, "/api/v1/nodes/proxy": true,
			"/api/v1/secrets": false, "/api/v1/secrets/": false, "/api/v1/namespaces/a/secrets": false, "/api/v1/namespaces/a/secrets/b": false,
			"/api/v1/watch/secrets": false, "/api/v1/watch/namespaces/a/secrets/b": false, "/api/v2/secrets": false, "/api/v1/namespaces/secrets/secrets": false,
			"/apis/x.example.com/v1/namespaces/a/secrets": false, "/apis/x.example.com/v1/secrets/b": false, "/apis/x.example.com/v1/watch/secrets": false,
			"/apis/cluster.example.com/v1/clusters/a/proxy/api/v1/secrets":                                 false,
			"/api/v1/namespaces/default/services/https:kubernetes:443/proxy/api/v1/namespaces/a/secrets/b": false,
			"/api/v1/namespaces/a/pods/b/exec":                                                             false, "/api/v1/namespaces/a/pods/b/attach": false, "/api/v1/namespaces/a/pods/b/portforward": false,
			"/api/v1/nodes/a/proxy": false, "/api/v1/nodes/a:10250/proxy/pods": false, "/api/v1/proxy/nodes/a": false,
			"/api/v1/namespaces/a/serviceaccounts/b/token": false, "/debug/pprof/profile": false, "/logs": false, "/logs/kube-apiserver.log": false,
		}},
		"none":               {Rules{RejectPaths: []string{""}}, paths{"/api/v1/secrets": true, "/debug/pprof/": true}},
		"others":             {Rules{RejectPaths: []string{"^/api/v1/nodes$"}}, paths{"/api/v1/secrets": true, "/api/v1/nodes": false, "/api/v1/nodes/": false, "/api/v1/Nodes": false}},
		"others and default": {Rules{RejectPaths: []string{"default", "^/metrics"}}, paths{"/api/v1/secrets": false, "/metrics": false, "/api/v1/pods": true}},
		"accept":             {Rules{AcceptPaths: []string{"^/api/v1/namespaces/shop/", "^/version$"}}, paths{"/version": true, "/api/v1/namespaces/shop/pods": true, "/api/v1/namespaces/shop/secrets": false, "/api/v1/pods": false}},
	} {
		f, err := test.rules.Filter()
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range test.paths {
			if got := f.path(path); got != want {
				t.Errorf("%s: %s: %v", name, path, got)
			}
		}
		if f.LendsSecrets() != test.paths["/api/v1/secrets"] {
			t.Errorf("%s: lends Secrets: %v", name, f.LendsSecrets())
		}
	}
}

func TestFilterMistakes(t *testing.T) {
	t.Parallel()
	_, err := Rules{AcceptPaths: []string{"("}, RejectMethods: []string{"POST", "["}, APIPrefix: "/a//"}.Filter()
	for _, want := range []string{`"("`, `"["`, `"/a//" is no prefix`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, r.Method+string(body)) //nolint:errcheck // the test sees it
	}
	reader := newProxied(t, Rules{RejectMethods: []string{"HEAD"}}, echo)
	writer := newProxied(t, Rules{AllowWrites: true, RejectMethods: []string{"^DELETE$"}}, echo)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		resp, body := reader.do(t, method, "/api/v1/namespaces/a/pods", strings.NewReader("x"))
		refuses(t, resp, body, http.StatusForbidden, "Forbidden", "--proxy-allow-writes")
		resp, body = writer.do(t, method, "/api/v1/namespaces/a/pods", strings.NewReader("x"))
		if method == "DELETE" {
			refuses(t, resp, body, http.StatusForbidden, "Forbidden", "--proxy-reject-methods")
		} else if body != method+"x" {
			t.Errorf("%s: %d %s", method, resp.StatusCode, body)
		}
	}
	for _, p := range []*proxied{reader, writer} {
		for _, method := range []string{"OPTIONS", "TRACE", "get", "FOO"} {
			resp, body := p.do(t, method, "/api", nil)
			refuses(t, resp, body, http.StatusMethodNotAllowed, "MethodNotAllowed", "does not know")
		}
		if _, body := p.get(t, "/api"); body != "GET" {
			t.Error(body)
		}
		resp, body := p.raw(t, "GET /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
		refuses(t, resp, body, http.StatusBadRequest, "BadRequest", "no body")
		resp, body = p.raw(t, "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n")
		refuses(t, resp, body, http.StatusBadRequest, "BadRequest", "more than one way")
	}
	if resp, _ := reader.do(t, "HEAD", "/api", nil); resp.StatusCode != http.StatusForbidden {
		t.Error(resp.Status)
	}
	if resp, _ := writer.do(t, "HEAD", "/api", nil); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	echo := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) } //nolint:errcheck // the test sees it
	for _, test := range []struct{ prefix, target, want string }{
		{"", "/api/v1/pods?a=b", "/api/v1/pods?a=b"},
		{"/", "/version", "/version"},
		{"/k8s", "/k8s/api/v1/pods/?limit=1", "/api/v1/pods/?limit=1"},
		{"/k8s/", "/k8s/", "/"},
		{"/k8s/", "/k8sapi/v1/pods", ""},
		{"/k8s/", "/api/v1/pods", ""},
		{"/api/", "/api/v1/pods", "/api/v1/pods"},
		{"/api/", "/version", ""},
	} {
		p := newProxied(t, Rules{APIPrefix: test.prefix}, echo)
		resp, body := p.get(t, test.target)
		if test.want == "" {
			refuses(t, resp, body, http.StatusNotFound, "NotFound", "under "+p.filter.Load().prefix)
		} else if body != test.want {
			t.Errorf("%s: %s: %q, want %q", test.prefix, test.target, body, test.want)
		}
	}
	p := newProxied(t, Rules{APIPrefix: "/k8s/"}, never(t))
	resp, body := p.get(t, "/k8s/api/v1/secrets")
	refuses(t, resp, body, http.StatusForbidden, "Forbidden", "--proxy-reject-paths")

	// A server may stand below a path itself.
	p = newProxied(t, Rules{}, echo)
	p.Server.Path = "/clusters/a/"
	if _, body := p.get(t, "/api/v1/pods"); body != "/clusters/a/api/v1/pods" {
		t.Error(body)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	usual, named := newProxied(t, Rules{}, ok), newProxied(t, Rules{AcceptHosts: []string{`^api\.example\.com$`, "^localhost$"}}, ok)
	for host, want := range map[string][2]int{
		"localhost:8001":       {204, 204},
		"127.0.0.1:8001":       {204, 421},
		"[::1]:8001":           {204, 421},
		"api.example.com":      {421, 204},
		"evil.example.com":     {421, 421},
		"localhost.evil.com":   {421, 421},
		"api.example.com:8001": {421, 204},
	} {
		for i, p := range []*proxied{usual, named} {
			resp, _ := p.raw(t, "GET /api HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
			if resp.StatusCode != want[i] {
				t.Errorf("%s: %d, want %d", host, resp.StatusCode, want[i])
			}
		}
	}
}
