package metadata

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// viewAnswer answers /v1/view.
func viewAnswer(q *request) (answer, error) {
	kind, err := q.accepts(q.route.kinds...)
	if err != nil {
		return answer{}, err
	}
	switch show := q.query.Get("show"); show {
	case "":
		if kind == typeJSON {
			return answer{kind, q.view.json}, nil
		}
		return encode(kind, q.view.part.Tree())
	case "origins":
		return encode(kind, render.Origins(q.view.part.Facts(), true))
	default:
		return answer{}, refuse(http.StatusBadRequest, "show is %q, but must be origins, or left out", show)
	}
}

// encode writes a value in a content type.
func encode(kind string, value any) (answer, error) {
	format := "json"
	if kind == typeYAML {
		format = "yaml"
	}
	var b bytes.Buffer
	if err := render.Encode(&b, format, value); err != nil {
		return answer{}, refuse(http.StatusInternalServerError, "%v", err)
	}
	return answer{kind, b.Bytes()}, nil
}

// factAnswer answers /v1/facts/.
func factAnswer(q *request) (answer, error) {
	p, list, err := parsePath(q.rest)
	if err != nil {
		return answer{}, err
	}
	v := q.view
	if p, err = v.whole.Resolve(render.InContainer(p, v.container)); err != nil {
		return answer{}, err
	}
	if p == "" {
		return listing(q, v.part.Tree())
	}
	if !v.shows(p) {
		return answer{}, hidden(p)
	}
	f, err := v.part.Lookup(p)
	if err != nil {
		if v.veils(p) {
			return answer{}, hidden(p)
		}
		return answer{}, v.advise(err)
	}
	if list {
		return listing(q, f.Value)
	}
	return factValue(q, f)
}

// factValue gives one value as text, and anything else as JSON, unless the client
// likes another form better.
func factValue(q *request, f watch.Fact) (answer, error) {
	offers := []string{typeJSON, typeYAML}
	text, err := render.Text(f)
	switch f.Value.(type) {
	case []any, []string:
		if err == nil {
			offers = append(offers, typeText)
		}
	default:
		if err == nil {
			offers = []string{typeText, typeJSON, typeYAML}
		}
	}
	kind, err := q.accepts(offers...)
	switch {
	case err != nil:
		return answer{}, err
	case kind == typeText:
		return answer{kind, []byte(text)}, nil
	}
	return encode(kind, f.Value)
}

// listing names what is below, one a line. What has names below it ends in a
// slash. Each line can be added to the path.
func listing(q *request, value any) (answer, error) {
	var names []string
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			escaped := url.PathEscape(name)
			switch v[name].(type) {
			case map[string]any, map[string]string:
				escaped += "/"
			}
			names = append(names, escaped)
		}
	case map[string]string:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			names = append(names, url.PathEscape(name))
		}
	default:
		return answer{}, refuse(http.StatusNotFound, "there is nothing below; leave out the slash at the end")
	}
	kind, err := q.accepts(typeText, typeJSON, typeYAML)
	switch {
	case err != nil:
		return answer{}, err
	case kind == typeText && len(names) == 0:
		return answer{kind, nil}, nil
	case kind == typeText:
		return answer{kind, []byte(strings.Join(names, "\n") + "\n")}, nil
	}
	return encode(kind, append([]string{}, names...))
}

// parsePath reads the rest of a path below /v1/facts/, escaped as it was sent:
// the path of a fact, pod.labels['app'], or its segments, pod/labels/app. No
// first segment of a fact has a dot or a bracket, so that one tells them apart.
// A slash at the end asks for the names below.
func parsePath(rest string) (p watch.Path, list bool, err error) {
	if rest == "" {
		return "", true, nil
	}
	rest, list = strings.CutSuffix(rest, "/")
	text, err := url.PathUnescape(rest)
	if err != nil {
		return "", false, refuse(http.StatusBadRequest, "the path cannot be read: %v", err)
	}
	first, _, _ := strings.Cut(rest, "/")
	if first, _ = url.PathUnescape(first); strings.ContainsAny(first, ".[") {
		p, err = watch.ParsePath(text)
		return p, list, err
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if segment, err = url.PathUnescape(segment); err != nil || segment == "" {
			return "", false, refuse(http.StatusBadRequest, "a part of the path is empty; keys with slashes are written with %%2F")
		}
		p = p.Key(segment)
	}
	p, err = watch.ParsePath(string(p))
	return p, list, err
}
