package metadata

import (
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

func presets() []string  { return config.Presets() }
func dialects() []string { return config.Dialects() }

// envAnswer answers /v1/env.
func envAnswer(q *request) (answer, error) {
	e, kind, err := q.env()
	if err != nil {
		return answer{}, err
	}
	if unseen := q.view.unseen(e.Needs()); len(unseen) > 0 {
		return answer{}, hidden(unseen...)
	}
	var b bytes.Buffer
	if err := e.Render(q.Context(), &b, q.view.part); err != nil {
		return answer{}, envProblem(q.view, err)
	}
	return answer{kind, b.Bytes()}, nil
}

// envProblem tells what is missing from what the dialect cannot hold.
func envProblem(v *view, err error) *problem {
	all := watch.Errors(err)
	if missing, ok := errors.AsType[*watch.MissingError](err); ok && len(all) == 1 {
		advised := v.advise(missing)
		p := explain(advised)
		p.Detail = strings.TrimSuffix(err.Error(), missing.Error()) + advised.Error() // with the variable in front
		return p
	}
	if slices.ContainsFunc(all, watch.IsMissing) {
		return refuse(http.StatusNotFound, "%v", err)
	}
	return refuse(http.StatusUnprocessableEntity, "%v", err)
}

// env reads what is asked for, and decides on the dialect and its content type.
func (q *request) env() (*render.Env, string, error) {
	e := &render.Env{Name: "/v1/env", Container: q.view.mainContainer(q.query.Get("container"))}
	kind, err := q.dialect(e)
	if err != nil {
		return nil, "", err
	}
	var errs []error
	for _, list := range q.query["preset"] {
		for name := range strings.SplitSeq(list, ",") {
			preset, err := config.Preset(strings.TrimSpace(name))
			if err != nil {
				errs = append(errs, err)
				continue
			}
			e.Presets = append(e.Presets, preset)
		}
	}
	for _, kv := range q.query["env"] {
		entry, err := entryOf(kv, e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		e.Entries = append(e.Entries, entry)
	}
	if len(errs) == 0 && len(e.Presets)+len(e.Entries) == 0 {
		errs = append(errs, refuse(http.StatusBadRequest, "nothing is asked for; add ?preset=pod or ?env=ZONE=node.zone"))
	}
	if len(errs) > 0 {
		return nil, "", refuse(http.StatusBadRequest, "%v", watch.Join(errs...))
	}
	return e, kind, nil
}

// dialect chooses the dialect: by its name, else by Accept.
func (q *request) dialect(e *render.Env) (kind string, err error) {
	name := q.query.Get("format")
	if name == "" {
		kind, err := q.accepts(typeText, typeJSON, typeYAML)
		switch kind {
		case typeJSON:
			e.Dialect = envfile.JSON
		case typeYAML:
			e.Dialect = envfile.YAML
		}
		return kind, err
	}
	if e.Dialect, err = config.Dialect(name); err != nil {
		return "", refuse(http.StatusBadRequest, "%v", err)
	}
	kind = typeText
	switch e.Dialect {
	case envfile.JSON:
		kind = typeJSON
	case envfile.YAML:
		kind = typeYAML
	case envfile.Environ:
		kind = typeBytes // it has NUL bytes
	}
	return q.accepts(kind)
}

// entryOf reads NAME=fact.
func entryOf(kv string, e *render.Env) (render.Entry, error) {
	name, fact, ok := strings.Cut(kv, "=")
	if !ok {
		return render.Entry{}, refuse(http.StatusBadRequest, "env is %q, but must be NAME=fact, as in ZONE=node.zone", kv)
	}
	if err := e.Dialect.CheckName(name); err != nil {
		return render.Entry{}, err
	}
	if slices.ContainsFunc(e.Entries, func(other render.Entry) bool { return other.Name == name }) {
		return render.Entry{}, refuse(http.StatusBadRequest, "variable %s is set twice; leave one out", name)
	}
	p, err := watch.ParsePath(fact)
	return render.Entry{Name: name, From: p}, err
}

// mainContainer is the container that limits.memory means: the one that was
// asked for, else the configured one, else the pod's default.
func (v *view) mainContainer(asked string) string {
	if asked != "" {
		return asked
	}
	if v.container != "" {
		return v.container
	}
	p, err := v.whole.Resolve("limits")
	if s := p.Segments(); err == nil && len(s) > 1 {
		return s[1]
	}
	return ""
}

// unseen are the facts among some needs that are known, and not exposed: leaving
// them out would make the variables others than those of a file.
func (v *view) unseen(needs watch.Needs) []watch.Path {
	var unseen []watch.Path
	for _, p := range needs.Paths() {
		known, err := v.whole.Lookup(p)
		if err != nil {
			if v.veils(p) {
				unseen = append(unseen, p)
			}
			continue
		}
		shown, err := v.part.Lookup(p)
		if err != nil || !reflect.DeepEqual(known.Value, shown.Value) {
			unseen = append(unseen, known.Path)
		}
	}
	return unseen
}
