package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// echoHeaders answers with the headers that it got.
func echoHeaders(w http.ResponseWriter, r *http.Request) {
	r.Header["Host"] = []string{r.Host}
	json.NewEncoder(w).Encode(r.Header) //nolint:errcheck // the test sees it
}

// TestHeadersPassedOn sends what makes a client someone else, or an API server see
// another request than the proxy did, and looks at what arrives.
func TestHeadersPassedOn(t *testing.T) {
	t.Parallel()
	p := newProxied(t, Rules{}, echoHeaders)
	for _, header := range []string{
		"Authorization: Bearer stolen", "authorization: Basic YTpi", "Proxy-Authorization: Basic YTpi", "Proxy-Connection: keep-alive",
		"X-Forwarded-For: 10.0.0.1", "X-Forwarded-User: admin", "x-forwarded-client-cert: a", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1", "X_Forwarded_For: 10.0.0.1",
		"Connection: X-Secret\r\nX-Secret: 1", "Connection: close, x_secret\r\nX-Secret: 1", "Connection: keep-alive", "Keep-Alive: timeout=5", "TE: trailers", "Trailer: X-A", "Expect: 100-continue",
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
		"Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.c3RvbGVu", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE",
		"X-Original-URL: /api/v1/secrets", "X-Rewrite-URL: /api/v1/secrets", "Cookie: R_SESS=token",
	} {
		resp, body := p.raw(t, "GET /api HTTP/1.1\r\nHost: localhost\r\nUser-Agent: me\r\nAccept: */*\r\n"+header+"\r\n\r\n")
		var got http.Header
		if err := json.Unmarshal([]byte(body), &got); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %v\n%s", header, resp.StatusCode, err, body)
			continue
		}
		want := http.Header{"Host": {p.Server.Host}, "User-Agent": {"me"}, "Accept": {"*/*"}}
		if len(got) != len(want) || got.Get("Host") != want.Get("Host") || got.Get("User-Agent") != "me" {
			t.Errorf("%s: what arrives is %v", header, got)
		}
	}
	for _, header := range []string{
		"Accept-Encoding: gzip", "If-None-Match: \"a\"", "Kubectl-Command: kubectl get", "Range: bytes=0-1", "Traceparent: 00-a-b-01", "X-Scope-Orgid: shop", "Accept-Language: de",
	} {
		name, value, _ := strings.Cut(header, ": ")
		_, body := p.get(t, "/api", name, value)
		var got http.Header
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Get(name) != value {
			t.Errorf("%s: %v\n%s", header, err, body)
		}
	}
	if _, body := p.get(t, "/api/v1/namespaces/a/services/web/proxy/", "Cookie", "session=1"); !strings.Contains(body, "session=1") {
		t.Errorf("an application behind a service gets no cookies: %s", body)
	}
}

func TestHeadersRefused(t *testing.T) {
	t.Parallel()
	p := newProxied(t, Rules{AllowWrites: true, RejectPaths: []string{}}, never(t))
	for header, says := range map[string]string{
		"Impersonate-User: admin": "Impersonate-User", "impersonate-group: system:masters": "Impersonate-Group", "Impersonate-Uid: 1": "act as its account",
		"Impersonate-Extra-Scopes: a": "act as its account", "Impersonate_User: admin": "act as its account",
		"X-Remote-User: admin": "X-Remote-User", "X-Remote-Group: system:masters": "act as its account", "X-Remote-Extra-A: b": "act as its account", "X_Remote_User: admin": "act as its account",
		"Connection: Impersonate-User\r\nImpersonate-User: admin": "act as its account",
		"Connection: Upgrade\r\nUpgrade: SPDY/3.1":                "no upgrades", "Upgrade: websocket": "no upgrades", "Upgrade: h2c, websocket": "no upgrades",
		"Connection: upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13": "no upgrades", "Sec-WebSocket-Key: a": "no upgrades",
		"Sec-Fetch-Site: cross-site": "web pages", "Sec-Fetch-Site: same-site": "web pages", "Origin: http://evil.example.com": "web pages", "Origin: null": "web pages",
		"Origin: https://localhost": "web pages", "Origin: http://localhost:3000": "web pages", "Origin: http://localhost\r\nOrigin: http://evil.example.com": "web pages",
		"Origin: http://": "web pages", "Origin: ": "web pages", "Origin: http://[": "web pages",
	} {
		resp, body := p.raw(t, "GET /api/v1/namespaces/a/pods/b/exec HTTP/1.1\r\nHost: localhost\r\n"+header+"\r\n\r\n")
		refuses(t, resp, body, http.StatusForbidden, "Forbidden", says)
	}
	p = newProxied(t, Rules{}, echoHeaders)
	for _, header := range []string{"Sec-Fetch-Site: none", "Sec-Fetch-Site: same-origin", "Origin: http://localhost"} {
		if resp, body := p.raw(t, "GET /api HTTP/1.1\r\nHost: localhost\r\n"+header+"\r\n\r\n"); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d\n%s", header, resp.StatusCode, body)
		}
	}
}

// TestFraming sends requests whose end is in question. There must be no second one in what
// is left.
func TestFraming(t *testing.T) {
	t.Parallel()
	smuggled := "GET /api/v1/secrets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	p := newProxied(t, Rules{AllowWrites: true}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(r.RequestURI, "secrets") || r.Header["Transfer-Encoding"] != nil {
			t.Errorf("%s arrives: %v", r.RequestURI, r.Header)
		}
		w.Write(body) //nolint:errcheck // the test sees it
	})
	for _, request := range []string{
		"GET /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /api HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"POST /api HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		"POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
		"POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: +0\r\n\r\n",
		"POST /api HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"GET /api HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
		"GET /api HTTP/1.1\r\nHost: localhost\r\nA: b\r\n Authorization: c\r\n\r\n",
	} {
		c := p.dial(t)
		io.WriteString(c, request+smuggled) //nolint:errcheck // the connection may be closed by now
		answers, err := io.ReadAll(c)
		c.Close() //nolint:errcheck // it was read to its end
		if n := bytes.Count(answers, []byte("HTTP/1.1 ")); n < 1 || n > 2 || n == 2 && !bytes.Contains(answers, []byte("403 Forbidden")) {
			t.Errorf("%q: %v\n%s", request, err, answers)
		}
	}
}
