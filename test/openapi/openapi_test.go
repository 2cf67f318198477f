package openapi

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/metadata"
	"github.com/podfacts/podfacts/watch"
)

// pod is a source of facts.
type pod struct{}

func (pod) String() string { return "pod" }

func (pod) Read(context.Context) (watch.Layer, error) {
	var l watch.Layer
	l.Set(watch.PodName, "web-0", "name")
	l.State(watch.PodLabels, watch.Statement{Value: map[string]string{"quote": "it's"}})
	l.Set(watch.NodeZone, "zone-a", "")
	return l, nil
}

// serve answers; late says that the sources have not been read.
func serve(t *testing.T, late bool) string {
	t.Helper()
	s := &metadata.Service{}
	s.Set(metadata.Settings{Expose: []metadata.Exposed{{Path: "pod"}}})
	if !late {
		snapshot, err := watch.Collect(t.Context(), pod{})
		if err != nil {
			t.Fatal(err)
		}
		s.Report(agent.Looked{Snapshot: snapshot})
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// load reads the document as a client would.
func load(t *testing.T, url string) *openapi3.T {
	t.Helper()
	resp, body := get(t, url+"/openapi.json")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	doc, err := openapi3.NewLoader().LoadFromData(body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// get asks, and reads the first event of what has no end.
func get(t *testing.T, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, body
	}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return resp, []byte(data)
		}
	}
	t.Fatal("there is no event")
	return nil, nil
}

// request is one that is answered with a status.
type request struct {
	target  string
	headers []string
	late    bool // before the sources have been read
}

// TestDocument: the document is one, and every response that it names is given,
// in every form that it names, and is what it says.
func TestDocument(t *testing.T) {
	t.Parallel()
	url, late := serve(t, false), serve(t, true)
	doc := load(t, url)
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("it says that it is OpenAPI %s", doc.OpenAPI)
	}
	for path, item := range doc.Paths.Map() {
		if item.Get == nil || len(item.Operations()) != 1 {
			t.Errorf("%s: more or less than GET", path)
			continue
		}
		for status, response := range item.Get.Responses.Map() {
			kinds := []string{""}
			if len(response.Value.Content) > 0 {
				kinds = kinds[:0]
				for kind := range response.Value.Content {
					kinds = append(kinds, kind)
				}
			}
			for _, kind := range kinds {
				t.Run(strings.Join([]string{item.Get.OperationID, status, kind}, " "), func(t *testing.T) {
					t.Parallel()
					r := provoke(path, status, kind)
					if r.late {
						r.target = late + r.target
					} else {
						r.target = url + r.target
					}
					resp, body := get(t, r.target, r.headers...)
					got, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
					if strconv.Itoa(resp.StatusCode) != status || got != kind {
						t.Fatalf("%s %q: %d %s\n%s", r.target, r.headers, resp.StatusCode, got, body)
					}
					hold(t, item, path, resp, body)
				})
			}
		}
	}
}

// provoke makes the request of an operation that is answered so.
func provoke(path, status, kind string) request {
	r := request{target: strings.ReplaceAll(path, "{fact}", "pod.name")}
	if path == "/v1/env" {
		r.target += "?env=A=pod.name"
		if kind == "application/octet-stream" {
			r.target += "&format=environ"
		}
	}
	switch {
	case status == "200":
		r.headers = []string{"Accept", kind}
	case kind == "application/problem+json":
		r.headers = []string{"Accept", kind + ", */*;q=0.1"}
	}
	add := func(query string) {
		if strings.Contains(r.target, "?") {
			r.target += "&" + query
		} else {
			r.target += "?" + query
		}
	}
	switch status {
	case "304":
		r.headers = append(r.headers, "If-None-Match", "*")
	case "400":
		add("unheard-of=1")
	case "403":
		r.headers = append(r.headers, "Sec-Fetch-Site", "cross-site")
	case "404":
		r.target = strings.ReplaceAll(r.target, "pod.name", "pod.uid")
	case "406":
		r.headers = []string{"Accept", "image/png"}
		if kind == "application/problem+json" {
			r.headers[1] += ", " + kind
		}
	case "422":
		r.target = strings.ReplaceAll(r.target, "pod.name", "pod.labels['quote']") + "&format=kubernetes"
	case "503":
		r.late = true
	}
	return r
}

// hold compares an answer with what the document says of it.
func hold(t *testing.T, item *openapi3.PathItem, path string, resp *http.Response, body []byte) {
	t.Helper()
	response := item.Get.Responses.Status(resp.StatusCode).Value
	for name, header := range response.Headers {
		if resp.Header.Get(name) == "" && header.Value != nil {
			t.Errorf("it has no %s", name)
		}
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if !slices.Contains([]string{"application/json", "application/problem+json", "text/plain"}, kind) {
		return
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: resp.Request, Route: &routers.Route{Path: path, PathItem: item, Method: http.MethodGet, Operation: item.Get},
		},
		Status: resp.StatusCode, Header: resp.Header, Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	input.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(t.Context(), input); err != nil {
		t.Errorf("%v\n%s", err, body)
	}
}

// TestSchemas: what has a schema of its own fits it.
func TestSchemas(t *testing.T) {
	t.Parallel()
	url := serve(t, false)
	doc := load(t, url)
	for target, name := range map[string]string{"/v1/watch": "Event", "/v1/view?show=origins": "Origin", "/v1/facts/pod.uid": "Problem"} {
		var headers []string
		if name == "Problem" {
			headers = []string{"Accept", "application/problem+json"}
		}
		_, body := get(t, url+target, headers...)
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			t.Fatal(err)
		}
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		schema := doc.Components.Schemas[name].Value
		for _, one := range list {
			if err := schema.VisitJSON(one); err != nil {
				t.Errorf("%s: %v", target, err)
			}
			for key := range one.(map[string]any) {
				if schema.Properties[key] == nil {
					t.Errorf("%s: %s is not described", target, key)
				}
			}
		}
		if len(list) == 0 {
			t.Errorf("%s gives nothing", target)
		}
	}
}

// TestParameters: the examples of parameters are answered, and values that are not
// among those that are listed are not.
func TestParameters(t *testing.T) {
	t.Parallel()
	url := serve(t, false)
	for path, item := range load(t, url).Paths.Map() {
		for _, p := range item.Get.Parameters {
			if p.Value.In != "query" {
				continue
			}
			schema := p.Value.Schema.Value
			if schema.Items != nil {
				schema = schema.Items.Value
			}
			base := url + strings.ReplaceAll(path, "{fact}", "pod.name") + "?"
			if path == "/v1/env" && p.Value.Name != "env" {
				base += "env=A=pod.name&"
			}
			for _, value := range schema.Enum {
				if resp, body := get(t, base+p.Value.Name+"="+value.(string)); resp.StatusCode == http.StatusBadRequest {
					t.Errorf("%s %s=%v: %s", path, p.Value.Name, value, body)
				}
			}
			if resp, body := get(t, base+p.Value.Name+"=unheard-of"); (len(schema.Enum) > 0 || p.Value.Name == "wait") && resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s=unheard-of: %d %s", path, p.Value.Name, resp.StatusCode, body)
			}
		}
	}
}
