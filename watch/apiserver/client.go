package apiserver

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/podfacts/podfacts/watch/object"
)

// Client asks an API server. It may be shared. Get one from [Access.Client].
type Client struct {
	// Origin says where the access comes from: "service account /var/run/…",
	// "kubeconfig /home/ann/.kube/config, context dev".
	Origin string
	// Server is the URL.
	Server string
	// Namespace is that of the kubeconfig's context, or of the pod, else default.
	Namespace string

	found   found
	timeout time.Duration
	objects dynamic.Interface
	raw     rest.Interface
	conn    *connection

	mu        sync.Mutex
	stats     Stats
	served    map[string][]resource  // by apiVersion, from discovery
	suggested map[object.Kind]string // what may have been meant
}

// Stats counts what a [Client] has done.
type Stats struct {
	Requests map[Request]uint64
	// Restarts counts watches that ended before their time.
	Restarts uint64
}

// Request is a kind of request by its outcome.
type Request struct {
	Verb string // get, list or watch
	Code int    // of the answer, 0 where there was none
}

func newClient(f found, timeout time.Duration) (*Client, error) {
	c := &Client{
		Origin: f.origin, Server: f.config.Host, Namespace: cmp.Or(f.namespace, metav1.NamespaceDefault), found: f,
		timeout: cmp.Or(timeout, 5*time.Second),
		stats:   Stats{Requests: make(map[Request]uint64)},
		served:  make(map[string][]resource), suggested: make(map[object.Kind]string),
	}
	config := dynamic.ConfigFor(f.config)
	config.QPS = -1 // the requests of a plan are few
	config.GroupVersion = &schema.GroupVersion{}
	config.WarningHandler = rest.NoWarnings{}
	authorized, conn, err := connect(found{config: config, ca: f.ca, tokenFile: f.tokenFile}, func(*http.Transport) {})
	if err != nil {
		return nil, err
	}
	raw, err := rest.UnversionedRESTClientForConfigAndClient(config, &http.Client{Transport: caller{next: authorized, count: c.count}})
	if err != nil {
		return nil, err
	}
	c.conn, c.raw, c.objects = conn, raw, dynamic.New(raw)
	return c, nil
}

// Available asks the API server for its version, to tell whether it can be
// reached and trusted. The error is an [*Error].
func (c *Client) Available(ctx context.Context) error {
	_, err := c.version(ctx)
	return err
}

// Get returns one object, without metadata.managedFields. An empty namespace
// is that of a kind without namespace.
func (c *Client) Get(ctx context.Context, apiVersion, kind, namespace, name string) (map[string]any, error) {
	return c.get(ctx, question{part: partObjects, apiVersion: apiVersion, kind: kind, namespace: namespace, name: name})
}

// List returns objects, without metadata.managedFields. An empty namespace
// means all of them.
func (c *Client) List(ctx context.Context, apiVersion, kind, namespace, labelSelector string) ([]map[string]any, error) {
	list, _, err := c.list(ctx, question{part: partObjects, apiVersion: apiVersion, kind: kind, namespace: namespace, labels: labelSelector})
	return list, err
}

// Stats returns what was counted up to now.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{Requests: maps.Clone(c.stats.Requests), Restarts: c.stats.Restarts}
}

// Close closes the connections that are not in use. The client can still be
// used; it then opens new ones.
func (c *Client) Close() { c.conn.close() }

func (c *Client) count(verb string, code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Requests[Request{verb, code}]++
}

func (c *Client) restarted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Restarts++
}

// get asks for one object.
func (c *Client) get(ctx context.Context, q question) (map[string]any, error) {
	r, err := c.resource(ctx, q.apiVersion, q.kind)
	if err != nil {
		return nil, err
	}
	var o map[string]any
	err = c.do(ctx, request{verb: "get", resource: r, question: q}, func(ctx context.Context) error {
		got, err := c.of(r, q).Get(ctx, q.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if got.GetName() != q.name {
			return fmt.Errorf("the answer is no JSON of it, but %s %q", got.GetKind(), got.GetName())
		}
		o = q.keep(r, q.mask(), got)
		return nil
	})
	return o, err
}

// list asks for a list, a page at a time so that what is not kept need not be
// in memory at once.
func (c *Client) list(ctx context.Context, q question) (all []map[string]any, version string, err error) {
	r, err := c.resource(ctx, q.apiVersion, q.kind)
	if err != nil {
		return nil, "", err
	}
	const page = 100
	m := q.mask()
	opts := metav1.ListOptions{LabelSelector: q.labels, FieldSelector: q.fields, Limit: page}
	for {
		err := c.do(ctx, request{verb: "list", resource: r, question: q}, func(ctx context.Context) error {
			list, err := c.of(r, q).List(ctx, opts)
			if err != nil {
				return err
			}
			if kind := list.GetKind(); kind == "Status" || kind == r.kind { // which would pass for a list of nothing
				return fmt.Errorf("the answer is no JSON of a list, but of kind %s", kind)
			}
			for i := range list.Items {
				all = append(all, q.keep(r, m, &list.Items[i]))
			}
			version, opts.Continue = list.GetResourceVersion(), list.GetContinue()
			return nil
		})
		switch {
		case gone(err) && opts.Continue != "": // the list took too long to be read in pages
			all, opts.Continue, opts.Limit = nil, "", 0
		case err != nil:
			return nil, "", err
		case opts.Continue == "":
			return all, version, nil
		}
	}
}

// watch follows a question from a version on. Without one it begins with what
// is there now.
func (c *Client) watch(ctx context.Context, q question, version string, timeout time.Duration) (apiwatch.Interface, error) {
	r, err := c.resource(ctx, q.apiVersion, q.kind)
	if err != nil {
		return nil, err
	}
	fields := q.fields
	if q.name != "" {
		fields = "metadata.name=" + q.name
	}
	seconds := int64(timeout / time.Second)
	opts := metav1.ListOptions{
		LabelSelector: q.labels, FieldSelector: fields, ResourceVersion: version,
		AllowWatchBookmarks: true, TimeoutSeconds: &seconds,
	}
	req := request{verb: "watch", resource: r, question: q}
	info := &call{verb: "watch", metadata: q.metadata}
	// The answer's headers must come in time, its body may take for ever.
	began, cancel := context.WithCancelCause(withCall(silent(ctx), info))
	timer := time.AfterFunc(c.timeout, func() { cancel(context.DeadlineExceeded) })
	w, err := c.of(r, q).Watch(began, opts)
	err = info.why(err)
	if !timer.Stop() && err == nil {
		w.Stop()
		err = context.DeadlineExceeded
	}
	if err != nil {
		if cause := context.Cause(began); cause != nil && ctx.Err() == nil {
			err = cause
		}
		cancel(nil)
		return nil, c.refine(ctx, req, c.fail(req, err, info))
	}
	return stopper{w, func() { cancel(nil) }}, nil
}

// stopper is a watch that frees its context.
type stopper struct {
	apiwatch.Interface
	free func()
}

func (s stopper) Stop() {
	s.free()
	s.Interface.Stop()
}

// of is where a question's objects are.
func (c *Client) of(r resource, q question) dynamic.ResourceInterface {
	if r.namespaced && q.namespace != "" {
		return c.objects.Resource(r.gvr()).Namespace(q.namespace)
	}
	return c.objects.Resource(r.gvr())
}

// version asks for the version of the API server.
func (c *Client) version(ctx context.Context) (string, error) {
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	err := c.path(ctx, versionPath, "", &version)
	return version.GitVersion, err
}

const versionPath = "/version"

// path asks for what is no object. An empty accept takes any JSON.
func (c *Client) path(ctx context.Context, path, accept string, into any) error {
	req := request{verb: "get", path: path}
	return c.do(ctx, req, func(ctx context.Context) error {
		get := c.raw.Get().AbsPath(path)
		if accept != "" {
			get.SetHeader("Accept", accept)
		}
		data, err := get.Do(ctx).Raw()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, into); err != nil {
			return fmt.Errorf("the answer is no JSON; is %s an API server?: %w", c.Server, err)
		}
		return nil
	})
}

// do makes a request, and again where the server asks for patience or the
// connection broke, as long as that may soon succeed.
func (c *Client) do(ctx context.Context, req request, fn func(context.Context) error) error {
	tries := 4
	if ctx.Value(retriesKey{}) != nil {
		tries = 1
	}
	pause := 100 * time.Millisecond
	for try := 1; ; try++ {
		info := &call{verb: req.verb, metadata: req.question.metadata}
		err := c.once(ctx, info, fn)
		if err == nil {
			return nil
		}
		pause = max(info.retryAfter, pause)
		wait := pause + rand.N(pause) // all those whom the server told the same do not come back together
		again := info.code == http.StatusTooManyRequests || info.code == http.StatusServiceUnavailable ||
			info.code == http.StatusInternalServerError || info.code == http.StatusGatewayTimeout || reset(err)
		if try == tries || !again || wait > c.timeout || !sleep(ctx, wait) {
			return c.refine(ctx, req, c.fail(req, err, info))
		}
		pause *= 2
	}
}

func (c *Client) once(ctx context.Context, info *call, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(withCall(silent(ctx), info), c.timeout)
	defer cancel()
	return info.why(fn(ctx))
}

type retriesKey struct{}

// withoutRetries is for callers that try again themselves: each request that
// was tried four times would be four times the load on a server that has too
// much of it.
func withoutRetries(ctx context.Context) context.Context {
	return context.WithValue(ctx, retriesKey{}, false)
}

// silent keeps client-go from writing to standard error what is reported here.
func silent(ctx context.Context) context.Context { return klog.NewContext(ctx, logr.Discard()) }

// sleep waits, and reports whether there is time left.
func sleep(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	return wait(ctx, d)
}
