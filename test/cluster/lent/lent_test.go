// Package lent asks the API server's own code what a request is about that agent/proxy
// passes on: whatever bytes come in, it is none that is to be refused.
package lent

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"

	"github.com/podfacts/podfacts/agent/proxy"
)

// judge reads each request that is passed on as the API server does.
type judge struct{ passed func(r *http.Request) }

func (j judge) RoundTrip(r *http.Request) (*http.Response, error) {
	line := r.Method + " " + r.URL.RequestURI() + " HTTP/1.1\r\nHost: " + r.Host + "\r\n"
	var headers strings.Builder
	if err := r.Header.Write(&headers); err != nil {
		return nil, err
	}
	seen, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line + headers.String() + "\r\n")))
	if err != nil {
		return nil, err
	}
	j.passed(seen)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
}

// start serves a proxy that lends what it lends by default, and writes if it is told to.
func start(f *testing.F, passed func(*http.Request)) (address string) {
	f.Helper()
	filter, err := proxy.Rules{AllowWrites: true}.Filter()
	if err != nil {
		f.Fatal(err)
	}
	p := &proxy.Proxy{Server: &url.URL{Scheme: "https", Host: "server"}, Transport: judge{passed}}
	p.Set(filter)
	l, err := new(net.ListenConfig).Listen(f.Context(), "unix", filepath.Join(f.TempDir(), "s")) // there are more of these than ports
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, l) }()
	f.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.Error(err)
		}
	})
	return l.Addr().String()
}

// refused says what of a request must not be passed on, by what authorization would look at.
func refused(r *http.Request) string {
	factory := request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}
	info, err := factory.NewRequestInfo(r)
	if err != nil || info == nil {
		return ""
	}
	core := info.APIGroup == ""
	switch {
	case info.IsResourceRequest && info.Resource == "secrets":
		return "Secrets"
	case core && info.Resource == "pods" && (info.Subresource == "exec" || info.Subresource == "attach" || info.Subresource == "portforward"):
		return info.Subresource
	case core && info.Resource == "nodes" && info.Subresource == "proxy", info.Verb == "proxy":
		return "nodes"
	case core && info.Resource == "serviceaccounts" && info.Subresource == "token":
		return "tokens"
	}
	for name := range r.Header {
		for _, claim := range []string{"Authorization", "Impersonate-", "X-Remote-", "Upgrade", "Connection", "Transfer-Encoding", "X-Forwarded-", "Cookie"} {
			if strings.HasPrefix(name, claim) && (name != "Cookie" || !strings.Contains(r.URL.Path, "/proxy")) {
				return name
			}
		}
	}
	return ""
}

// FuzzRequest sends any bytes for a request's method, target and headers.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{
		"/api/v1/secrets", "/api/v1/namespaces/a/secrets/b", "/api/v1/watch/namespaces/a/secrets", "/apis/a/v1/secrets", "/api/v1/namespaces/a/pods/b/exec?command=a",
		"/api/v1/nodes/a/proxy/run", "/api/v1/proxy/nodes/a", "/api/v1/namespaces/a/serviceaccounts/b/token", "/api/v1/pods?watch=true", "/api/v1/%73ecrets",
		"/api/v1//secrets", "/api/v1/pods/../secrets", "/api/v1/namespaces/%2e%2e/secrets", "http://a/api/v1/secrets", "/api/v1/namespaces/secrets/secrets", "/api/v1/namespaces/status/secrets",
		"/api/v1/namespaces/a/status/secrets", "/api/v1/namespaces/a/services/b/proxy/secrets",
	} {
		f.Add("GET", path, "Accept: */*")
	}
	f.Add("POST", "/api/v1/namespaces/a/pods", "Content-Length: 0\r\nAuthorization: Bearer a")
	f.Add("GET", "/api", "Impersonate-User: a")
	f.Add("GET", "/api", "Connection: Upgrade, X-A\r\nUpgrade: websocket\r\nX-A: b")
	f.Add("GET", "/api HTTP/1.1\r\nHost: localhost\r\n\r\nGET /api/v1/secrets", "X-Remote-User: a")
	var report func(r *http.Request)
	address := start(f, func(r *http.Request) { report(r) })
	f.Fuzz(func(t *testing.T, method, target, headers string) {
		report = func(r *http.Request) {
			if what := refused(r); what != "" {
				t.Errorf("%s is passed on: %s %s %v", what, r.Method, r.RequestURI, r.Header)
			}
		}
		c, err := net.Dial("unix", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, method+" "+target+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+headers+"\r\n\r\n") //nolint:errcheck // the server may have had enough
		c.(*net.UnixConn).CloseWrite()                                                                                  //nolint:errcheck // as above
		io.Copy(io.Discard, c)                                                                                          //nolint:errcheck // what is passed on is of interest
	})
}
