package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// layer is a source that says one thing.
type layer struct {
	watch.Layer
	err error
}

func (*layer) String() string                              { return "test" }
func (l *layer) Read(context.Context) (watch.Layer, error) { return l.Layer, l.err }
func (*layer) Explain(watch.Path) (reason, hint string) {
	return "the test does not say so", "change the test"
}

// report has an agent see a snapshot, in a round of its own.
func report(s *Service, snapshot *watch.Snapshot) {
	s.Report(agent.Looked{Snapshot: snapshot})
	s.Report(agent.Ended{})
}

// labels makes a map of pairs.
func labels(pairs ...string) map[string]string {
	m := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// web is a snapshot of a pod with some labels.
func web(t *testing.T, pairs ...string) *watch.Snapshot {
	t.Helper()
	var l layer
	l.Set(watch.PodName, "web-0", "name")
	l.Set(watch.PodNamespace, "shop", "namespace")
	l.Set(watch.PodIPs, []string{"10.0.0.7", "fd00::7"}, "ips")
	l.Set("pod.ordinal", int64(0), "")
	l.Set(watch.NodeZone, "zone-a", "")
	l.Set("containers.main.limits.memory", "1Gi", "main/memory")
	l.Set("node.labels", labels("disk", "fast"), "")
	l.Set("peers", []any{map[string]any{"name": "web-1"}}, "")
	l.State("pod.labels", watch.Statement{Value: labels(append(pairs, "app.kubernetes.io/name", "web")...), From: "labels"})
	for id, kind := range map[string]string{"settings": "ConfigMap", "db": "Secret"} {
		l.Add(object.Tree(id, map[string]any{
			"apiVersion": "v1", "kind": kind,
			"metadata": map[string]any{"name": id}, "data": map[string]any{"password": "c2VjcmV0", "user": "YWRtaW4="},
		}, kind))
	}
	snapshot, err := watch.Collect(t.Context(), &l)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// exposing is a service that shows some facts of a snapshot, all of them named.
func exposing(snapshot *watch.Snapshot, paths ...watch.Path) *Service {
	s := &Service{}
	var settings Settings
	for _, p := range paths {
		settings.Expose = append(settings.Expose, Exposed{Path: p, Named: true})
	}
	s.Set(settings)
	if snapshot != nil {
		report(s, snapshot)
	}
	return s
}

// ask sends a request with some headers.
func ask(t *testing.T, s *Service, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	method, target, ok := strings.Cut(target, " ")
	if !ok {
		method, target = http.MethodGet, method
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.Host = "localhost"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := exposing(web(t, "tier", "it's", "odd/../key", "x"), "pod", "node.zone", "containers", "peers", "objects.settings.data", "objects.db.data.user")
	const (
		text, js, yaml = typeText, typeJSON, typeYAML
	)
	tests := []struct {
		target, accept string
		code           int
		kind, body     string // the body, or with … at its ends a part of it
	}{
		{"/v1/facts/pod/name", "", 200, text, "web-0"},
		{"/v1/facts/pod.name", "*/*", 200, text, "web-0"},
		{"/v1/facts/metadata.name", "", 200, text, "web-0"},
		{"/v1/facts/pod/name", "application/json", 200, js, "\"web-0\"\n"},
		{"/v1/facts/pod/name", "application/json;q=0.5, text/*", 200, text, "web-0"},
		{"/v1/facts/pod/name", "text/plain;q=0, */*", 200, js, "\"web-0\"\n"},
		{"/v1/facts/pod/name", "application/yaml", 200, yaml, "web-0\n"},
		{"/v1/facts/pod/name", "image/png", 406, text, "this is there as text/plain, application/json, application/yaml, and Accept takes none of it\n"},
		{"/v1/facts/pod/ordinal", "", 200, text, "0"},
		{"/v1/facts/pod/ordinal", "application/json", 200, js, "0\n"},
		{"/v1/facts/pod/ips", "", 200, js, "[\n  \"10.0.0.7\",\n  \"fd00::7\"\n]\n"},
		{"/v1/facts/pod/ips", "text/plain", 200, text, "10.0.0.7,fd00::7"},
		{"/v1/facts/pod/labels", "", 200, js, "…\"tier\": \"it's\"…"},
		{"/v1/facts/pod/labels", "text/plain", 406, text, "…application/json, application/yaml…"},
		{"/v1/facts/pod/labels/app.kubernetes.io%2Fname", "", 200, text, "web"},
		{"/v1/facts/pod.labels['app.kubernetes.io/name']", "", 200, text, "web"},
		{"/v1/facts/pod.labels%5B%22app.kubernetes.io%2Fname%22%5D", "", 200, text, "web"},
		{"/v1/facts/pod/labels/odd%2F%2E%2E%2Fkey", "", 200, text, "x"},
		{"/v1/facts/limits.memory", "", 200, text, "1Gi"},
		{"/v1/facts/limits/memory", "", 200, text, "1Gi"},
		{"/v1/facts/", "", 200, text, "containers/\nnode/\nobjects/\npeers\npod/\n"},
		{"/v1/facts/pod/", "", 200, text, "ip\nips\nlabels/\nname\nnamespace\nordinal\n"},
		{"/v1/facts/pod.labels/", "", 200, text, "app.kubernetes.io%2Fname\nodd%2F..%2Fkey\ntier\n"},
		{"/v1/facts/node/", "application/json", 200, js, "[\n  \"zone\"\n]\n"},
		{"/v1/facts/objects/", "", 200, text, "db/\nsettings/\n"},
		{"/v1/facts/objects/settings/data/user", "", 200, text, "YWRtaW4="},
		{"/v1/facts/objects/db", "", 200, js, "{\n  \"data\": {\n    \"user\": \"admin\"\n  }\n}\n"},

		{"/v1/facts/pod/name/", "", 404, text, "there is nothing below; leave out the slash at the end\n"},
		{"/v1/facts/pod/labels/absent", "", 404, text, "pod.labels['absent'] is missing: pod.labels has no such key; give it a default, or set it on the pod\n"},
		{"/v1/facts/pod/hostname", "", 404, text, "pod.hostname is missing: the test does not say so; change the test\n"},
		{"/v1/facts/pod/hostname", "application/json", 404, typeProblem,
			`{"title":"Not Found","status":404,"detail":"pod.hostname is missing: the test does not say so; change the test","fact":"pod.hostname","reason":"the test does not say so","hint":"change the test"}` + "\n"},
		{"/v1/facts/pod/nam", "", 404, text, "…did you mean \"pod.name\"?…"},
		{"/v1/facts/pod//name", "", 400, text, "…a part of the path is empty…"},
		{"/v1/facts/pod.labels[tier]", "", 400, text, "…a subscript is written ['key']…"},
		{"/v1/facts/node/labels/disk", "", 403, text, "node.labels['disk'] is not exposed; add node.labels['disk'] to serve.expose, or to --expose\n"},
		{"/v1/facts/files.a/b", "", 403, text, "files['a/b'] is not exposed; add files['a/b'] to serve.expose, or to --expose\n"},
		{"/v1/facts/files/a.b", "", 403, text, "files['a.b'] is not exposed; add files['a.b'] to serve.expose, or to --expose\n"},
		{"/v1/facts/cluster.uid", "", 403, text, "…cluster.uid is not exposed…"},
		{"/v1/facts/objects/db/data/password", "", 403, text, "…is not exposed…"},
		{"/v1/facts/objects/db/metadata", "", 403, text, "…is not exposed…"},
		{"/v1/facts/objects/db/data/none", "", 403, text, "…is not exposed…"},
		{"/v1/env?env=A=objects.db.data.none", "", 403, text, "…is not exposed…"},
		{"/v1/env?env=A=objects.settings.data.none", "", 404, text, "…is missing…"},
		{"/v1/facts", "application/json", 200, js, "…\"pod/\"…"},

		{"/v1/view?show=origins", "", 200, js, "…\"fact\": \"node.zone\"…"},
		{"/v1/view", "application/yaml", 200, yaml, "…\nnode:\n  zone: zone-a\n…"},
		{"/v1/view?show=all", "", 400, text, "show is \"all\", but must be origins, or left out\n"},
		{"/v1/view?shw=origins", "", 400, text, "unknown parameter \"shw\"; /v1/view has show, wait\n"},
		{"/v1/view?wait=1&wait=2", "", 400, text, "wait is given 2 times, but is one value\n"},
		{"/v1/view?wait=soon", "", 400, text, "wait is \"soon\", but must be a duration such as 30s\n"},

		{"/v1/env?preset=pod&env=ZONE=node.zone", "", 200, text, "POD_NAME='web-0'\nPOD_NAMESPACE='shop'\nPOD_IP='10.0.0.7'\nPOD_IPS='10.0.0.7,fd00::7'\nZONE='zone-a'\n"},
		{"/v1/env?env=L=limits.memory&container=main", "application/json", 200, js, "{\n  \"L\": \"1Gi\"\n}\n"},
		{"/v1/env?preset=go&format=docker", "", 200, text, "GOMEMLIMIT=966367641\n"},
		{"/v1/env?env=A=pod.name&format=environ", "", 200, typeBytes, "A=web-0\x00"},
		{"/v1/env?env=A=pod.name&format=json", "text/plain", 406, text, "…application/json…"},
		{"/v1/env?env=T=pod.labels['tier']&format=kubernetes", "", 422, text, "…single quote…"},
		{"/v1/env?env=T=pod.labels['absent']", "", 404, text, "T: pod.labels['absent'] is missing: pod.labels has no such key; give it a default, or set it on the pod\n"},
		{"/v1/env?env=T=node.labels['disk']", "", 403, text, "node.labels['disk'] is not exposed; add node.labels['disk'] to serve.expose, or to --expose\n"},
		{"/v1/env?preset=nod&env=A&env=B=pod.nam&env=1=pod.name&env=C=pod.name&env=C=pod.uid", "", 400, text,
			"…unknown preset \"nod\"; did you mean pod?\nenv is \"A\", but must be NAME=fact, as in ZONE=node.zone\nunknown fact \"pod.nam\"; did you mean \"pod.name\"?…"},
		{"/v1/env?format=shh", "", 400, text, "…did you mean sh?…"},
		{"/v1/env", "", 400, text, "…nothing is asked for…"},

		{"/v1/fact", "", 404, text, "there is no /v1/fact; /openapi.json lists what there is\n"},
		{"POST /v1/view", "", 405, text, "POST is not allowed; facts are read with GET\n"},
		{"/v1/watch", "application/json", 406, typeProblem, "…text/event-stream…"},
	}
	for _, test := range tests {
		t.Run(test.target+" "+test.accept, func(t *testing.T) {
			t.Parallel()
			var headers []string
			if test.accept != "" {
				headers = []string{"Accept", test.accept}
			}
			w := ask(t, s, test.target, headers...)
			kind, body := w.Header().Get("Content-Type"), w.Body.String()
			matches := body == test.body
			if part, ok := strings.CutPrefix(test.body, "…"); ok {
				matches = strings.Contains(body, strings.TrimSuffix(part, "…"))
			}
			if w.Code != test.code || kind != test.kind || !matches {
				t.Errorf("%d %s\n%q\nwant %d %s\n%q", w.Code, kind, body, test.code, test.kind, test.body)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Error("it may be sniffed")
			}
			if w.Code == 405 && w.Header().Get("Allow") != "GET, HEAD" {
				t.Error("it does not say what is allowed")
			}
		})
	}
}

// Nothing of a Secret is in any answer, unless somebody has named it.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Service{
		"by a group":    exposing(web(t), "objects", "pod"),
		"by an output":  {},
		"by a neighbor": exposing(web(t), "objects.settings", "pod"),
	} {
		if name == "by an output" {
			s.Set(Settings{Expose: []Exposed{{Path: "objects.db"}, {Path: ""}}})
			report(s, web(t))
		}
		for _, target := range []string{
			"/v1/view", "/v1/view?show=origins", "/v1/facts/objects/", "/v1/facts/objects", "/v1/facts/objects/db",
			"/v1/facts/objects.db.data.password", "/v1/env?env=A=objects.db.data.password",
		} {
			if body := ask(t, s, target).Body.String(); strings.Contains(body, "admin") || strings.Contains(body, `"secret"`) || strings.Contains(body, "'secret'") {
				t.Errorf("%s: %s tells\n%s", name, target, body)
			}
		}
	}
	s := exposing(web(t), "objects.db")
	if w := ask(t, s, "/v1/env?env=A=objects.db.data.password"); w.Body.String() != "A='secret'\n" {
		t.Errorf("named: %d %s", w.Code, w.Body)
	}
}

// A page of another site gets nothing, not even a reason to go on asking.
func TestSites(t *testing.T) {
	t.Parallel()
	s := exposing(web(t), "pod")
	tests := []struct {
		headers []string
		code    int
	}{
		{nil, 200},
		{[]string{"Sec-Fetch-Site", "same-origin", "Origin", "http://localhost"}, 200},
		{[]string{"Sec-Fetch-Site", "none"}, 200},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site"}, 403},
		{[]string{"Origin", "http://example.com"}, 403},
		{[]string{"Origin", "http://localhost:8080"}, 403},
		{[]string{"Origin", "null"}, 403},
		{[]string{"Origin", "https://localhost"}, 403},
		{[]string{"Origin", "http://localhost", "Origin", "http://example.com"}, 403},
		{[]string{"Origin", ""}, 403},
		{[]string{"X-Forwarded-For", "203.0.113.7"}, 403},
		{[]string{"X-Forwarded-For", ""}, 403},
		{[]string{"Forwarded", "for=203.0.113.7"}, 403},
	}
	for _, test := range tests {
		for _, target := range []string{"/v1/facts/pod/name", "/", "/nowhere"} {
			w := ask(t, s, target, test.headers...)
			if denied := w.Code == 403; denied != (test.code == 403) {
				t.Errorf("%s %q: %d", target, test.headers, w.Code)
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %q: shared with others", target, test.headers)
			}
		}
	}
}

// Before the sources have been read there is nothing to tell but that.
func TestEarly(t *testing.T) {
	t.Parallel()
	s := exposing(nil, "pod")
	for _, target := range []string{"/v1/view", "/v1/facts/pod/name", "/v1/env?preset=pod", "/v1/watch"} {
		w := ask(t, s, target)
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), "not been read yet") {
			t.Errorf("%s: %d %v\n%s", target, w.Code, w.Header(), w.Body)
		}
	}
	for _, target := range []string{"/", "/openapi.json", "/page.js", "/page.css"} {
		if w := ask(t, s, target); w.Code != 200 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

// What is known, and not exposed, would change what a preset writes.
func TestUnseen(t *testing.T) {
	t.Parallel()
	s := exposing(web(t), "pod.name")
	w := ask(t, s, "/v1/env?preset=pod", "Accept", "application/json")
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	const fact = "pod.ip, pod.ips, pod.namespace"
	if p.Status != 403 || p.Fact != fact || p.Hint != "add "+fact+" to serve.expose, or to --expose" {
		t.Errorf("%+v", p)
	}
	if w := ask(t, exposing(web(t), "pod.name", "pod.ips", "pod.ip", "pod.namespace"), "/v1/env?preset=pod"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What is shown by default is not asked for, and the advice is to name it.
func TestUnasked(t *testing.T) {
	t.Parallel()
	s := &Service{}
	s.Set(Settings{Expose: []Exposed{{Path: "pod"}}})
	report(s, web(t))
	const hint = "change the test; the API server is asked for what serve.expose or --expose names"
	for target, want := range map[string]string{
		"/v1/facts/pod/hostname":        "pod.hostname is missing: the test does not say so; " + hint + "\n",
		"/v1/env?env=A=pod.hostname":    "A: pod.hostname is missing: the test does not say so; " + hint + "\n",
		"/v1/facts/pod/labels/none":     "pod.labels['none'] is missing: pod.labels has no such key; give it a default, or set it on the pod\n",
		"/v1/env?env=A=pod.labels.none": "A: pod.labels['none'] is missing: pod.labels has no such key; give it a default, or set it on the pod\n",
	} {
		if w := ask(t, s, target); w.Code != 404 || w.Body.String() != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// Settings take effect at once.
func TestSet(t *testing.T) {
	t.Parallel()
	s := exposing(web(t), "pod")
	if w := ask(t, s, "/v1/facts/node/zone"); w.Code != 403 {
		t.Errorf("before: %d", w.Code)
	}
	s.Set(Settings{Expose: []Exposed{{Path: "node"}}})
	if w := ask(t, s, "/v1/facts/node/zone"); w.Code != 200 {
		t.Errorf("after: %d", w.Code)
	}
	if w := ask(t, s, "/v1/facts/pod/name"); w.Code != 403 {
		t.Errorf("after: %d", w.Code)
	}
}

// A source that fails is said to, with what it said before.
func TestStale(t *testing.T) {
	t.Parallel()
	l := &layer{err: errors.New("the disk is gone")}
	l.Set(watch.PodName, "web-0", "name")
	snapshot, _ := watch.Collect(t.Context(), l)
	s := exposing(snapshot, "pod")
	if w := ask(t, s, "/v1/facts/pod/name"); w.Code != 200 || w.Body.String() != "web-0" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
