package apiserver

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// fakeAPI is a tiny API server: it serves objects by get, list and watch, and lets a
// test break whatever it wants. What a real one does is tested with a real one.
type fakeAPI struct {
	*httptest.Server

	mu       sync.Mutex
	objects  map[string]map[string]any // by path
	version  int
	oldest   int // versions before are too old to watch from
	watchers map[*watching]bool
	requests []string
	fault    func(w http.ResponseWriter, r *http.Request) bool
}

type watching struct {
	collection, field string
	selector          labels.Selector
	events            chan event
}

type event struct {
	Type   string         `json:"type"`
	Object map[string]any `json:"object"`
}

func newAPI(t *testing.T, start func(http.Handler) *httptest.Server) *fakeAPI {
	t.Helper()
	a := &fakeAPI{objects: map[string]map[string]any{}, watchers: map[*watching]bool{}, version: 1000}
	a.Server = start(a)
	t.Cleanup(func() { a.CloseClientConnections(); a.Close() })
	return a
}

func plainAPI(t *testing.T) *fakeAPI { return newAPI(t, httptest.NewServer) }

// load serves the objects of a directory.
func (a *fakeAPI) load(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var o map[string]any
		if err := yaml.Unmarshal(data, &o); err != nil {
			t.Fatal(err)
		}
		if items, ok := o["items"].([]any); ok {
			for _, item := range items {
				a.put(item.(map[string]any))
			}
		} else {
			a.put(o)
		}
	}
}

func pathOf(o map[string]any) string {
	r := guess(object.Text(o, "apiVersion"), object.Text(o, "kind"))
	p := "/apis/" + r.group + "/" + r.version
	if r.group == "" {
		p = "/api/" + r.version
	}
	if namespace := object.Text(o, "metadata", "namespace"); namespace != "" && r.namespaced {
		p += "/namespaces/" + namespace
	}
	return p + "/" + r.name + "/" + object.Text(o, "metadata", "name")
}

// put stores an object with a new version and tells the watchers.
func (a *fakeAPI) put(o map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o = object.Copy(o)
	metadata := object.Map(o, "metadata")
	a.version++
	metadata["resourceVersion"] = strconv.Itoa(a.version)
	metadata["managedFields"] = []any{map[string]any{"manager": "test"}}
	kind := "MODIFIED"
	if a.objects[pathOf(o)] == nil {
		kind = "ADDED"
	}
	a.objects[pathOf(o)] = o
	a.tell(kind, o)
}

func (a *fakeAPI) remove(o map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	delete(a.objects, pathOf(o))
	o = object.Copy(o)
	object.Map(o, "metadata")["resourceVersion"] = strconv.Itoa(a.version)
	a.tell("DELETED", o)
}

func (a *fakeAPI) tell(kind string, o map[string]any) {
	for w := range a.watchers {
		if w.matches(o) {
			w.events <- event{kind, o}
		}
	}
}

// compact makes every version up to now too old.
func (a *fakeAPI) compact() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.oldest = a.version
}

// hangUp ends every watch, or sends its last event first.
func (a *fakeAPI) hangUp(last ...event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.watchers {
		for _, e := range last {
			w.events <- e
		}
		close(w.events)
		delete(a.watchers, w)
	}
}

func (a *fakeAPI) watches() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.watchers)
}

func (a *fakeAPI) breakWith(fault func(http.ResponseWriter, *http.Request) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = fault
}

// asked lists the requests so far: "get /api/v1/…".
func (a *fakeAPI) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

func (w *watching) matches(o map[string]any) bool {
	collection := pathOf(o)
	collection = collection[:strings.LastIndexByte(collection, '/')]
	everywhere := strings.Replace(collection, "/namespaces/"+object.Text(o, "metadata", "namespace"), "", 1)
	return (collection == w.collection || everywhere == w.collection) && (w.field == "" || w.field == "metadata.name="+object.Text(o, "metadata", "name")) &&
		w.selector.Matches(labels.Set(object.Strings(o, "metadata", "labels")))
}

func (a *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	a.mu.Lock()
	verb := "get"
	if query.Get("watch") == "true" {
		verb = "watch"
	}
	request := verb + " " + r.URL.Path
	if selector := query.Get("labelSelector"); selector != "" {
		request += "?" + selector
	}
	a.requests = append(a.requests, request)
	fault := a.fault
	a.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	if r.URL.Path == "/version" {
		fmt.Fprint(w, `{"gitVersion":"v1.36.3"}`)
		return
	}
	only := strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata")
	a.mu.Lock()
	o := a.objects[r.URL.Path]
	a.mu.Unlock()
	if o != nil {
		reply(w, shape(o, only))
		return
	}
	if list := discovery(r.URL.Path); list != "" {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, list)
		return
	}
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	selector, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		refuse(w, 400, "BadRequest", "")
		return
	}
	ws := &watching{collection: r.URL.Path, field: query.Get("fieldSelector"), selector: selector, events: make(chan event, 100)}
	switch {
	case verb == "watch":
		a.serveWatch(w, r, ws, only)
	case isCollection(name):
		a.mu.Lock()
		items := a.matching(ws)
		list := map[string]any{"kind": "List", "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": strconv.Itoa(a.version)}, "items": items}
		a.mu.Unlock()
		reply(w, list)
	default:
		refuse(w, 404, "NotFound", name)
	}
}

func isCollection(name string) bool {
	return slices.Contains(strings.Fields("pods services configmaps secrets widgets nodes namespaces jobs replicasets"), name)
}

func discovery(path string) string {
	switch path {
	case "/api":
		return `{"kind":"APIVersions","versions":["v1"]}`
	case "/apis":
		return `{"kind":"APIGroupList","apiVersion":"v1","groups":[
		{"name":"example.com","versions":[{"groupVersion":"example.com/v1","version":"v1"}]}]}`
	case "/api/v1":
		return `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"v1","resources":[
		{"name":"configmaps","kind":"ConfigMap","namespaced":true,"verbs":["get","list","watch"]},
		{"name":"pods","kind":"Pod","namespaced":true,"verbs":["get","list","watch"]}]}`
	case "/apis/example.com/v1":
	default:
		return ""
	}
	return `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"example.com/v1","resources":[
		{"name":"widgets","kind":"Widget","namespaced":true,"verbs":["get","list","watch"]},
		{"name":"widgets/status","kind":"Widget","namespaced":true,"verbs":["get"]},
		{"name":"gears","kind":"Gear","namespaced":false,"verbs":["get","list","watch"]}]}`
}

// matching lists objects; the caller holds mu.
func (a *fakeAPI) matching(w *watching) []any {
	items := []any{}
	var paths []string
	for path, o := range a.objects {
		if w.matches(o) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		items = append(items, a.objects[path])
	}
	return items
}

func (a *fakeAPI) serveWatch(w http.ResponseWriter, r *http.Request, ws *watching, only bool) {
	from, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	a.mu.Lock()
	if from != 0 && from < a.oldest {
		a.mu.Unlock()
		refuse(w, 410, "Expired", "")
		return
	}
	for _, item := range a.matching(ws) {
		o := item.(map[string]any)
		if version, _ := strconv.Atoi(object.Text(o, "metadata", "resourceVersion")); version > from {
			ws.events <- event{"ADDED", o}
		}
	}
	a.watchers[ws] = true
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.watchers, ws)
		a.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case e, open := <-ws.events:
			if !open {
				return
			}
			if e.Type != "ERROR" {
				e.Object = shape(e.Object, only)
			}
			if json.NewEncoder(w).Encode(e) != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}
}

func shape(o map[string]any, only bool) map[string]any {
	if !only {
		return o
	}
	return map[string]any{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]}
}

func reply(w http.ResponseWriter, o map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(o); err != nil {
		slog.Debug("the client went away", "err", err)
	}
}

func refuse(w http.ResponseWriter, code int, reason, name string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"no","details":{"name":%q}}`, reason, code, name)
}

func status(code int, reason string) event {
	return event{"ERROR", map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": "no"}}
}

// client is one that nothing of the machine leads astray.
func (a *fakeAPI) client(t *testing.T) *Client {
	t.Helper()
	return connectTo(t, Access{Server: a.URL})
}

func connectTo(t *testing.T, access Access) *Client {
	t.Helper()
	if access.Getenv == nil {
		access.Getenv = func(string) string { return "" }
	}
	if access.Home == "" {
		access.Home = t.TempDir()
	}
	if access.Timeout == 0 {
		access.Timeout = time.Minute // where requests are counted, none is to be late
	}
	access.Log = slog.New(slog.DiscardHandler)
	c, err := access.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func needs(paths ...watch.Path) watch.Needs {
	var all watch.Needs
	for _, p := range paths {
		all = append(all, watch.Need{Path: p})
	}
	return all
}

// eventually waits for what other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
