package proxy

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/":                       "/",
		"/api":                    "/api",
		"/api/v1/pods/?watch=1":   "/api/v1/pods/",
		"/api/v1/pods?a=/../b":    "/api/v1/pods",
		"/%61pi/v1/pods":          "/api/v1/pods",
		"/a/system:node:x/web%3A": "/a/system:node:x/web:",
		"/a/b%20c/d+e/é/%C3%A9":   "/a/b c/d+e/é/é",
		"/a/...":                  "/a/...",
		"/a/.b/c.":                "/a/.b/c.",
	} {
		if got, _, err := canonical(target); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", target, got, err, want)
		}
	}
	for _, target := range []string{
		"", "*", "api/v1/pods", "http://localhost/api/v1/pods", "localhost:80",
		"//api", "/api//v1", "/api/v1//", "/api/./v1", "/api/../v1", "/api/..", "/api/.",
		"/api/%2e%2e/v1", "/api/%2E./v1", "/api%2fv1", "/api%2Fv1", "/api/%252e%252e", "/api/%25", "/api/%2", "/api/%zz",
		"/api;a=b/v1", "/api/v1/secrets;x", "/api/v1/secrets%3bx", `/api\v1`, "/api%5cv1", "/api/v1/secrets%3fa", "/api/v1/secrets%23", "/api/v1/secrets#a",
		"/api/v1/secrets%20", "/api/%20v1", "/api/%00", "/api/%0d%0a", "/api/%7f", "/api/%c0%afsecrets", "/api/%ff", "/api/\u00a0", "/api/\u200bsecrets", "/api/\u2028",
	} {
		if got, _, err := canonical(target); err == nil {
			t.Errorf("%q is taken for %q", target, got)
		}
	}
}

// FuzzCanonical holds what is sent against all that anybody may read it as. What is
// rejected is found by splitting, as the API server does, and not by patterns.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{
		"/api/v1/secrets", "/api/v1/namespaces/a/secrets/b", "/api/v1/watch/namespaces/a/secrets", "/apis/a/v1/namespaces/b/secrets", "/api/v1/%73ecrets/",
		"/api/v1/SECRETS", "/api/v1/\u017fecrets", "/api/v1/namespaces/a/pods/b/exec", "/api/v1/nodes/a/proxy/run", "/api/v1/pods/..%2fsecrets", "/api/v1;a/secrets",
		"/a/api/v1/secrets", "/api/v1/namespaces/a/serviceaccounts/b/token", "/api/v1/proxy/nodes/a", "/api/v1/namespaces/a/pods/b/attach/", "/%2561pi/v1/secrets",
	} {
		f.Add(s)
	}
	filter, err := Rules{}.Filter()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string) {
		matched, _, err := canonical(target)
		if err != nil {
			return
		}
		sent := (&url.URL{Scheme: "https", Host: "server", Path: matched}).RequestURI()
		read, err := url.ParseRequestURI(sent) // what net/http's server does
		if err != nil || read.Path != matched {
			t.Fatalf("%q is matched as %q, sent as %q, read as %v: %v", target, matched, sent, read, err)
		}
		if again, _, err := canonical(sent); err != nil || again != matched {
			t.Fatalf("%q is matched as %q, then %q: %v", target, matched, again, err)
		}
		if clean := path.Clean(matched); clean != matched && clean+"/" != matched {
			t.Fatalf("%q is matched as %q, which is %q", target, matched, clean)
		}
		if !filter.path(matched) {
			return
		}
		for _, reading := range readings(sent) {
			if what := sensitive(reading); what != "" {
				t.Fatalf("%q is passed on as %q, and may be read as %q: %s", target, sent, reading, what)
			}
		}
	})
}

// readings is what servers make of a path: decoded once or more, without parameters, with
// one kind of slash, clean, in lower case.
func readings(sent string) []string {
	all := []string{sent}
	add := func(s string) {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	for i := 0; i < len(all) && len(all) < 200; i++ {
		s := all[i]
		if decoded, err := url.PathUnescape(s); err == nil {
			add(decoded)
		}
		for _, cut := range []string{";", "?", "#", "\x00"} {
			before, _, _ := strings.Cut(s, cut)
			add(before)
		}
		add(path.Clean("/" + strings.ReplaceAll(s, `\`, "/")))
		add(strings.ToLower(s))
		add(strings.ToLower(strings.ToUpper(s)))
		add(strings.TrimSpace(s))
	}
	return all
}

// sensitive reads a path as apiserver's RequestInfoFactory does.
func sensitive(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return ""
	}
	if parts[0] == "proxy" {
		return "proxy"
	}
	if parts[0] == "watch" {
		parts = parts[1:]
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	parts = append(parts, "", "", "")
	switch resource, sub := parts[0], parts[2]; {
	case resource == "secrets":
		return resource
	case strings.HasPrefix(path, "/apis"):
	case resource == "pods" && (sub == "exec" || sub == "attach" || sub == "portforward"), resource == "nodes" && sub == "proxy",
		resource == "serviceaccounts" && sub == "token":
		return resource + "/" + sub
	}
	return ""
}

// TestTargets sends what no client of Go would.
func TestTargets(t *testing.T) {
	t.Parallel()
	p := newProxied(t, Rules{}, never(t))
	for _, target := range []string{
		"http://127.0.0.1/api/v1/secrets", "http://127.0.0.1/api/v1/pods", "//api/v1/pods", "/api/../v1", "/api/v1/%2e%2e/v1/secrets", "/api/v1/pods%2f..%2fsecrets",
		`/api\v1`, "/api;x/v1/pods", "/api/v1/secrets%3fx", "/api/v1/pods#x",
	} {
		resp, body := p.raw(t, "GET "+target+" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		refuses(t, resp, body, http.StatusBadRequest, "BadRequest", "more than one way")
	}
	for _, target := range []string{"/api/v1/%73ecrets", "/api/v1/Secrets/", "/API/V1/namespaces/a/SECRETS/b", "/apis/a/v1/namespaces/b/secrets", "/api/v1/watch/secrets"} {
		resp, body := p.raw(t, "GET "+target+"?watch=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		refuses(t, resp, body, http.StatusForbidden, "Forbidden", "--proxy-reject-paths")
	}
}
