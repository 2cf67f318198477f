package metadata

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/podfacts/podfacts/agent/serve"
)

// request is what a route answers.
type request struct {
	*http.Request
	w     http.ResponseWriter
	route *route
	rest  string // of the path, escaped
	query url.Values
	view  *view // nil where the route is fixed
}

// ServeHTTP answers by the table of routes.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	if err := s.serve(w, r); err != nil {
		p := explain(err)
		switch p.Status {
		case http.StatusServiceUnavailable:
			h.Set("Retry-After", "1")
		case http.StatusMethodNotAllowed:
			h.Set("Allow", "GET, HEAD")
		}
		p.write(w, r)
	}
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) error {
	if err := admit(r); err != nil {
		return err
	}
	q := &request{Request: r, w: w}
	if q.route, q.rest = s.find(r.URL.EscapedPath()); q.route == nil {
		return refuse(http.StatusNotFound, "there is no %s; /openapi.json lists what there is", r.URL.Path)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return refuse(http.StatusMethodNotAllowed, "%s is not allowed; facts are read with GET", r.Method)
	}
	if r.ContentLength != 0 { // one that does not come would be waited for, and a client that goes not be noticed
		w.Header().Set("Connection", "close")
		return refuse(http.StatusBadRequest, "the request has a body; facts are read without")
	}
	var err error
	if q.query, err = q.params(); err != nil {
		return err
	}
	switch {
	case q.route.stream != nil:
		return q.route.stream(s, q)
	case q.route.fixed:
		a, err := q.route.answer(q)
		if err != nil {
			return err
		}
		q.reply(a)
		return nil
	}
	return s.reply(q)
}

// admit turns away what a web page of somebody else sends, and what a proxy has been
// made to pass on, which says so. The metadata services of clouds do the same.
func admit(r *http.Request) error {
	if r.Header["X-Forwarded-For"] != nil || r.Header["Forwarded"] != nil {
		return refuse(http.StatusForbidden, "a proxy has passed this on; ask the address itself")
	}
	if by, foreign := serve.Foreign(r); foreign {
		return refuse(http.StatusForbidden, "a page of %s has sent this; open the address itself", by)
	}
	return nil
}

// params reads the query, which holds nothing but what the route knows.
func (q *request) params() (url.Values, error) {
	values, err := url.ParseQuery(q.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the query cannot be read: %v", err)
	}
	for name, given := range values {
		i := slices.IndexFunc(q.route.params, func(p param) bool { return p.name == name })
		if i < 0 {
			return nil, refuse(http.StatusBadRequest, "unknown parameter %q; %s has %s", name, q.route.path, q.route.names())
		}
		if p := q.route.params[i]; len(given) > 1 && !p.list {
			return nil, refuse(http.StatusBadRequest, "%s is given %d times, but is one value", name, len(given))
		}
	}
	return values, nil
}

func (r *route) names() string {
	if len(r.params) == 0 {
		return "none"
	}
	var names []string
	for _, p := range r.params {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// accepts chooses among content types.
func (q *request) accepts(offers ...string) (string, error) {
	q.w.Header().Set("Vary", "Accept")
	if kind, ok := negotiate(q.Header.Values("Accept"), offers...); ok {
		return kind, nil
	}
	var names []string
	for _, offer := range offers {
		name, _, _ := strings.Cut(offer, ";")
		names = append(names, name)
	}
	return "", refuse(http.StatusNotAcceptable, "this is there as %s, and Accept takes none of it", strings.Join(names, ", "))
}

const (
	maxWait    = 2 * time.Minute
	maxWaiting = 256              // requests that wait at the same time
	writing    = 10 * time.Second // what a client may take to read an answer
)

// reply answers at once, or when the answer has changed.
func (s *Service) reply(q *request) error {
	wait, err := q.wait()
	if err != nil {
		return err
	}
	var timeout <-chan time.Time
	for {
		moves := s.moves()
		if q.view = s.current(); q.view == nil {
			return refuse(http.StatusServiceUnavailable, "the sources have not been read yet; ask again in a second")
		}
		a, err := q.route.answer(q)
		if err != nil {
			return err
		}
		if wait == 0 || !q.has(a.etag()) {
			q.reply(a)
			return nil
		}
		if timeout == nil {
			leave, err := s.enter()
			if err != nil {
				return err
			}
			defer leave()
			q.lasts(wait)
			timer := time.NewTimer(wait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-moves:
		case <-timeout:
			q.reply(a) // 304
			return nil
		case <-q.Context().Done():
			return refuse(http.StatusServiceUnavailable, "podfacts ends")
		}
	}
}

// enter lets a request wait, unless too many do.
func (s *Service) enter() (leave func(), err error) {
	if s.waiting.Add(1) > maxWaiting {
		s.waiting.Add(-1)
		return nil, refuse(http.StatusServiceUnavailable, "%d requests wait already; ask again without waiting", maxWaiting)
	}
	return func() { s.waiting.Add(-1) }, nil
}

// wait reads how long to wait for a change.
func (q *request) wait() (time.Duration, error) {
	text := q.query.Get("wait")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, refuse(http.StatusBadRequest, "wait is %q, but must be a duration such as 30s", text)
	}
	return min(d, maxWait), nil
}

// lasts gives a request more time than the server does.
func (q *request) lasts(d time.Duration) {
	// Without deadlines, as in tests, there is nothing to move. That for reading is
	// over once the request has been read.
	_ = http.NewResponseController(q.w).SetWriteDeadline(time.Now().Add(d + writing))
}

// etag is the strong validator of an answer.
func (a answer) etag() string { return `"` + digest(a.kind, a.body) + `"` }

// has reports whether the client has an answer already. RFC 9110, section
// 13.1.2, compares weakly here.
func (q *request) has(etag string) bool {
	for _, header := range q.Header.Values("If-None-Match") {
		for tag := range strings.SplitSeq(header, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// reply sends an answer, or says that the client has it.
func (q *request) reply(a answer) {
	h, etag := q.w.Header(), a.etag()
	h.Set("Cache-Control", "no-cache") // it may be kept, and is asked for again
	h.Set("ETag", etag)
	if q.has(etag) {
		q.w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.kind)
	q.w.Write(a.body) //nolint:errcheck // who asked may have gone
}
