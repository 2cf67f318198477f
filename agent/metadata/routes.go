package metadata

import (
	"net/http"
	"strings"
)

// route is one row of what is served. The OpenAPI document is made of the same
// rows.
type route struct {
	path    string // {fact} stands for the rest of the path
	id      string // the name of the operation
	summary string
	doc     string
	params  []param
	kinds   []string // what it answers with, by Accept; the first is the default
	fails   []int    // with which status, beside what every route can fail with
	answer  func(*request) (answer, error)
	stream  func(*Service, *request) error // in place of answer
	// fixed answers need no facts, and do not change.
	fixed bool
}

// param is a parameter of a query.
type param struct {
	name, doc string
	list      bool     // it may be repeated
	enum      []string // its values; nil: any
	example   string
}

// answer is what a request gets.
type answer struct {
	kind string
	body []byte
}

// routes are all of them.
func routes() []route {
	wait := param{name: "wait", doc: "with If-None-Match, how long to wait for a change, at most 2m", example: "30s"}
	return []route{
		{
			path: "/v1/view", id: "view", summary: "everything that is exposed",
			doc:    "The tree of facts. With show=origins a list of facts with source, from, confirmed, written, stale, unset, sensitive and others, which differ.",
			params: []param{{name: "show", doc: "what to show in place of the tree", enum: []string{"origins"}}, wait},
			kinds:  []string{typeJSON, typeYAML}, answer: viewAnswer,
		},
		{
			path: "/v1/facts/{fact}", id: "fact", summary: "one fact, a map, a group, or what is below it",
			doc: "The path is that of a fact, as pod.labels['app'], or its parts, as pod/labels/app.kubernetes.io%2Fname. One value is " +
				"plain text, without a newline at its end; maps, lists and groups are JSON. With a slash at the end it lists the names " +
				"below, one a line and ready to be added to the path; those that have names below them end in a slash.",
			params: []param{wait},
			kinds:  []string{typeText, typeJSON, typeYAML}, fails: []int{http.StatusForbidden, http.StatusNotFound}, answer: factAnswer,
		},
		{
			path: "/v1/env", id: "env", summary: "variables in a dialect of env files",
			params: []param{
				{name: "preset", doc: "a set of variables", list: true, enum: presets(), example: "pod"},
				{name: "env", doc: "a variable and its fact, as NAME=fact", list: true, example: "ZONE=node.zone"},
				{name: "format", doc: "the dialect; without it sh, or json or yaml by Accept", enum: dialects()},
				{name: "container", doc: "the container that limits.memory and the like mean", example: "main"},
				wait,
			},
			kinds: []string{typeText, typeJSON, typeYAML, typeBytes},
			fails: []int{http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}, answer: envAnswer,
		},
		{
			path: "/v1/watch", id: "watch", summary: "server-sent events, one for each change",
			doc: "Each event has the id of the view, which is its ETag, and as data the names of the facts that have changed since " +
				"the id in `since`. Without `since` all are named. Who sends Last-Event-ID hears of what has changed since then.",
			kinds: []string{typeEvents}, stream: (*Service).watch,
		},
		{path: "/openapi.json", id: "openapi", summary: "this document", kinds: []string{typeJSON}, fixed: true, answer: openAPIAnswer},
		{path: "/", id: "page", summary: "a page that shows all of it", kinds: []string{typeHTML}, fixed: true, answer: page(typeHTML, pageHTML)},
		{path: "/page.js", id: "script", summary: "its script", kinds: []string{typeScript}, fixed: true, answer: page(typeScript, pageScript)},
		{path: "/page.css", id: "style", summary: "its style", kinds: []string{typeStyle}, fixed: true, answer: page(typeStyle, pageStyle)},
	}
}

const factParam = "{fact}"

// find looks for the route of an escaped path. rest is what stands in the place
// of {fact}.
func (s *Service) find(path string) (found *route, rest string) {
	s.routing.Do(func() { s.routes = routes() })
	for i := range s.routes {
		r := &s.routes[i]
		prefix, open := strings.CutSuffix(r.path, factParam)
		switch {
		case path == r.path, open && path+"/" == prefix:
			return r, ""
		case open && strings.HasPrefix(path, prefix):
			return r, path[len(prefix):]
		}
	}
	return nil, ""
}
