package metadata

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/podfacts/podfacts/watch"
)

// problem is why a request is not answered, as RFC 9457 has it.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Fact is what was asked for, Reason why it is not there, and Hint the next
	// step, as far as there are such.
	Fact   string `json:"fact,omitempty"`
	Reason string `json:"reason,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

func (p *problem) Error() string { return p.Detail }

// refuse makes a problem of a status and a sentence.
func refuse(status int, format string, args ...any) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// hidden is the problem of a fact that is not exposed.
func hidden(paths ...watch.Path) *problem {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = string(p)
	}
	list, verb := strings.Join(names, ", "), "is"
	if len(paths) > 1 {
		verb = "are"
	}
	hint := "add " + list + " to serve.expose, or to --expose"
	p := refuse(http.StatusForbidden, "%s %s not exposed; %s", list, verb, hint)
	p.Fact, p.Reason, p.Hint = list, "not exposed", hint
	return p
}

// explain makes a problem of what the rest of podfacts says.
func explain(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*watch.MissingError](err); ok {
		p := refuse(http.StatusNotFound, "%v", err)
		p.Fact, p.Reason, p.Hint = string(e.Path), e.Reason, e.Hint
		return p
	}
	if e, ok := errors.AsType[*watch.UnknownFactError](err); ok {
		p := refuse(http.StatusNotFound, "%v", err)
		p.Fact, p.Reason = e.Name, "unknown fact"
		if e.Nearest != "" {
			p.Hint = "did you mean " + e.Nearest + "?"
		}
		return p
	}
	if e, ok := errors.AsType[*watch.ContainerError](err); ok {
		p := refuse(http.StatusBadRequest, "%v", err)
		p.Fact = string(e.Path)
		return p
	}
	return refuse(http.StatusBadRequest, "%v", err)
}

// write answers with the problem, as JSON for those who ask for that or for JSON,
// and else as a line of text.
func (p *problem) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	kind, body := typeText, []byte(p.Detail+"\n")
	if p.asJSON(r.Header.Values("Accept")) {
		kind = typeProblem
		body, _ = json.Marshal(p) // strings and a number
		body = append(body, '\n')
	}
	h.Set("Content-Type", kind)
	w.WriteHeader(p.Status)
	w.Write(body) //nolint:errcheck // who asked may have gone
}

func (*problem) asJSON(accept []string) bool {
	if strings.Contains(strings.Join(accept, ","), typeProblem) {
		return true
	}
	kind, ok := negotiate(accept, typeText, typeJSON)
	return ok && kind == typeJSON
}
