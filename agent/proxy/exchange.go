package proxy

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/podfacts/podfacts/agent/serve"
)

// exchange is a request and its answer.
type exchange struct {
	*handler
	client *http.ResponseController
	w      http.ResponseWriter
	r      *http.Request

	path    string // canonical, as the API server sees it
	query   string
	nested  bool // what answers stands behind the API server
	watch   bool
	streams bool // the answer goes on for as long as both want

	read   atomic.Bool // all of the request's body
	code   int         // what was answered, 0 if nobody was there to be told
	bytes  int64       // of the answer's body
	last   byte        // of them
	broken bool        // and that is not all of it
}

// run answers. The error is for the log.
func (e *exchange) run() error {
	e.patient()
	defer e.patient() // what is written last is written after this
	defer e.drop()
	if refusal := e.judge(); refusal != nil {
		return e.refuse(refusal)
	}
	refusal := e.enter()
	defer e.leave()
	if refusal != nil {
		return e.refuse(refusal)
	}
	ctx, cancel := context.WithCancelCause(e.r.Context())
	defer cancel(nil)
	if e.watch { // a watch that ends in good order begins anew elsewhere
		defer context.AfterFunc(e.ends, func() { cancel(errEnds) })()
	}
	body := &body{exchange: e}
	defer body.ended.Store(true)
	resp, err := e.ask(ctx, cancel, body)
	if err == nil && resp.StatusCode < http.StatusOK {
		resp.Body.Close() //nolint:errcheck // it is of no use
		err = errSwitched
	}
	if err != nil {
		return e.fail(ctx, err)
	}
	defer resp.Body.Close()
	e.reached()
	return e.answer(resp)
}

// patient gives the client time to take the answer, or the next part of it.
func (e *exchange) patient() {
	e.client.SetWriteDeadline(time.Now().Add(stall)) //nolint:errcheck // a connection that has gone says so when it is written to
}

// drop bounds how long the server, which reads what is left of a body when all is
// answered, waits for it.
func (e *exchange) drop() {
	if e.unread() {
		e.client.SetReadDeadline(time.Now().Add(leftover)) //nolint:errcheck // as above
	}
}

// unread reports whether there may be more of the request's body.
func (e *exchange) unread() bool { return e.r.ContentLength != 0 && !e.read.Load() }

// parts has the connection end with an answer that does not wait for all of the
// request's body: what came later would be taken for another request.
func (e *exchange) parts() {
	if e.unread() {
		e.w.Header().Set("Connection", "close")
	}
}

func (e *exchange) refuse(r *refusal) error {
	e.code = r.code
	e.patient()
	e.parts()
	r.write(e.w)
	return errors.New(r.message)
}

// judge says why a request is not passed on, if it is not.
func (e *exchange) judge() *refusal {
	path, query, err := canonical(e.r.RequestURI)
	if err != nil {
		return refuse(http.StatusBadRequest, reasonBadRequest, err.Error()+"; leave out dots, double and encoded slashes, backslashes, semicolons, and what is encoded twice")
	}
	filter := e.filter.Load()
	inner, served := filter.inner(path)
	e.path, e.query = inner, query
	h := e.r.Header
	claimed := claims(h)
	_, foreign := serve.Foreign(e.r) // a page of the proxy's own address is some service's of the cluster
	switch {
	case foreign:
		return refuse(http.StatusForbidden, reasonForbidden, "the proxy does not answer the web pages of others")
	case !served:
		return refuse(http.StatusNotFound, reasonNotFound, "the proxy serves the API under "+filter.prefix)
	case claimed != "":
		return refuse(http.StatusForbidden, reasonForbidden, "the proxy's users act as its account and as nobody else; leave out the header "+claimed+" (kubectl: --as)")
	case upgrades(h):
		return refuse(http.StatusForbidden, reasonForbidden, "the proxy passes on no upgrades to SPDY or WebSocket; exec, attach, cp and port-forward take the API server itself")
	}
	if refusal := filter.method(e.r.Method); refusal != nil {
		return refusal
	}
	if !filter.path(e.path) {
		return refuse(http.StatusForbidden, reasonForbidden, "the proxy is told not to pass on this path; see --proxy-reject-paths and --proxy-accept-paths")
	}
	if e.r.ContentLength != 0 && reads(e.r.Method) {
		return refuse(http.StatusBadRequest, reasonBadRequest, "the proxy passes on no body with "+e.r.Method)
	}
	e.classify()
	return nil
}

func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// classify says how the request is treated.
func (e *exchange) classify() {
	e.nested = strings.Contains(e.path, "/proxy/") || strings.HasSuffix(e.path, "/proxy")
	if e.nested {
		return
	}
	values, _ := url.ParseQuery(e.query) // what cannot be read is not what is looked for
	e.watch = isTrue(values, "watch") || underWatch(e.path)
	e.streams = e.watch || isTrue(values, "follow")
}

// underWatch reports a path of the old way to watch: /api/v1/watch/pods.
func underWatch(path string) bool {
	s := strings.Split(path, "/")
	return len(s) > 3 && s[1] == "api" && s[3] == "watch" || len(s) > 4 && s[1] == "apis" && s[4] == "watch"
}

// isTrue reads a parameter as the API server does: what is there and not false.
// apimachinery: pkg/runtime.Convert_Slice_string_To_bool.
func isTrue(values url.Values, name string) bool {
	v, ok := values[name]
	return ok && v[0] != "0" && !strings.EqualFold(v[0], "false")
}

// enter takes a place among the requests under way.
func (e *exchange) enter() *refusal {
	full := e.stats.inFlight.Load() > maxRequests
	if e.streams {
		full = e.stats.streams.Add(1) > maxStreams || full
	}
	if full {
		return refuse(http.StatusTooManyRequests, reasonTooMany, "the proxy has as many requests under way as it takes; end some watches, or try again")
	}
	return nil
}

func (e *exchange) leave() {
	if e.streams {
		e.stats.streams.Add(-1)
	}
}

// ask makes the request, as whoever started the proxy. An answer must begin in time,
// where it is the API server's own.
func (e *exchange) ask(ctx context.Context, cancel context.CancelCauseFunc, body *body) (*http.Response, error) {
	to := *e.Server
	to.Path, to.RawPath, to.RawQuery = strings.TrimSuffix(to.Path, "/")+e.path, "", e.query
	out := &http.Request{
		Method: e.r.Method, URL: &to, Host: to.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: requestHeader(e.r.Header, e.nested), ContentLength: e.r.ContentLength,
	}
	if e.r.ContentLength != 0 {
		out.Body = body
		e.client.EnableFullDuplex() //nolint:errcheck // else the server takes the rest of the body for itself once an answer begins; HTTP/1.1 can
	}
	if !e.nested && !strings.HasSuffix(e.path, "/log") {
		defer time.AfterFunc(patience, func() { cancel(errLate) }).Stop()
	}
	return e.Transport.RoundTrip(out.WithContext(ctx))
}

// answer passes an answer on.
func (e *exchange) answer(resp *http.Response) error {
	e.code = resp.StatusCode
	h := e.w.Header()
	answerHeader(h, resp.Header)
	for name := range resp.Trailer {
		h.Add("Trailer", name)
	}
	e.parts()
	e.patient()
	e.w.WriteHeader(resp.StatusCode)
	err := e.copy(resp.Body, resp.ContentLength < 0)
	maps.Copy(h, resp.Trailer)
	betweenEvents := e.watch && (e.bytes == 0 || e.last == '\n')
	e.broken = err != nil && !(betweenEvents && e.ends.Err() != nil)
	return err
}
