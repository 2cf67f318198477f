package health

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/podfacts/podfacts/agent"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	tests := []struct {
		probe  Probe
		target string
		accept string
		code   int
		kind   string
		body   string // part of it
	}{
		{Live, "/livez", "", http.StatusOK, "text/plain; charset=utf-8", "ok\n"},
		{Live, "/livez?verbose", "*/*", http.StatusOK, "text/plain; charset=utf-8", "[+]rounds ok\n[+]hook reload ok\nlive check passed\n"},
		{Ready, "/readyz", "", http.StatusServiceUnavailable, "text/plain; charset=utf-8",
			"[+]output /run/app.conf ok\n[-]output /run/pod.env failed: never published, failing for 0s: broken in two lines\n[!]hook reload warning: failing for 0s: broken in two lines\nready check failed\n"},
		{Startup, "/startupz", "application/json", http.StatusServiceUnavailable, "application/json", `"ok":false`},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &Monitor{}
				began(m)
				round(m, map[string]error{env: errBroken})
				m.Report(agent.Notified{Hook: "reload", Err: errBroken})
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.target, nil)
				r.Header.Set("Accept", test.accept)
				w := httptest.NewRecorder()
				m.Handler(test.probe).ServeHTTP(w, r)
				if kind := w.Header().Get("Content-Type"); w.Code != test.code || kind != test.kind || !strings.Contains(w.Body.String(), test.body) {
					t.Errorf("%d %s\n%s\nwant %d %s\n%s", w.Code, kind, w.Body, test.code, test.kind, test.body)
				}
			})
		})
	}
}

func TestHandlerJSON(t *testing.T) {
	t.Parallel()
	m := &Monitor{}
	began(m)
	round(m, map[string]error{env: errBroken})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	m.Handler(Ready).ServeHTTP(w, r)
	var v Verdict
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	if v.Probe != Ready || v.OK || len(v.Checks) != 2 || v.Checks[0] != (Check{Name: "output " + app, State: OK}) || v.Checks[1].State != Failed {
		t.Errorf("%+v", v)
	}
}
