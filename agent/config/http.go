package config

import (
	"net/http"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// httpHook reads a request, and what of it is rendered into the hook.
func (r *reader) httpHook(n *yaml.Node, hook *agent.Hook) notify.Action {
	var h notify.HTTP
	r.mapping(n, "http",
		field{"url", r.orElse(r.text("http.url", &h.URL), func() { h.URL = "http://-" })},
		field{"method", r.text("http.method", &h.Method)},
		field{"headers", func(n *yaml.Node) { r.headers(n, &h, hook) }},
		field{"body", func(n *yaml.Node) { hook.Message = r.sent(n, "http.body", hook) }},
		field{"status", func(n *yaml.Node) { r.statuses(n, &h.Status) }},
		field{"socket", r.text("http.socket", &h.Socket)},
		field{"caFile", r.text("http.caFile", &h.CAFile)})
	if n.Kind != yaml.MappingNode {
		h.URL = "http://-"
	}
	h.Method = strings.ToUpper(h.Method)
	return h
}

// headers reads a mapping of names to templates, or to files. HTTP knows no upper
// and lower case in names.
func (r *reader) headers(n *yaml.Node, h *notify.HTTP, hook *agent.Hook) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "http.headers is %s, but must be a mapping of names to templates, or to {file: …, prefix: …}", describe(n))
		return
	}
	first := make(map[string]*yaml.Node)
	for _, e := range (&merger{decoder: r.decoder, what: "http.headers", open: make(map[*yaml.Node]bool)}).entries(n) {
		name, value := http.CanonicalHeaderKey(e.key.Value), resolve(e.value)
		if other, twice := first[name]; twice {
			r.fail(e.key, "http.headers: %s and %s, in line %d, are one header; leave one out", e.key.Value, other.Value, other.Line)
			continue
		}
		first[name] = e.key
		if err := notify.CheckHeader(e.key.Value); err != nil {
			r.fail(e.key, "http.headers: %w", err)
			continue
		}
		what := "http.headers." + e.key.Value
		switch {
		case value.Kind == yaml.MappingNode:
			var f notify.HeaderFile
			r.mapping(value, what, field{"file", r.orElse(r.text(what+".file", &f.Path), func() { f.Path = "?" })}, field{"prefix", r.text(what+".prefix", &f.Prefix)})
			if h.HeaderFiles == nil {
				h.HeaderFiles = make(map[string]notify.HeaderFile)
			}
			h.HeaderFiles[name] = f
		case value.Kind == yaml.ScalarNode && !strings.Contains(value.Value, "{{"):
			if h.Header == nil {
				h.Header = make(http.Header)
			}
			h.Header.Set(name, value.Value)
		default:
			if hook.Headers == nil {
				hook.Headers = make(map[string]render.Renderer)
			}
			hook.Text += name + "\x00"
			hook.Headers[name] = r.sent(value, what, hook)
		}
	}
}

// sent reads a template of what is sent.
func (r *reader) sent(n *yaml.Node, what string, hook *agent.Hook) render.Renderer {
	var text string
	r.text(what, &text)(n)
	hook.Text += text + "\x00"
	options := render.TemplateOptions{Container: r.config.Container}
	t, err := render.ParseTemplate(r.file, atLine(n, options)+text, options)
	for _, err := range watch.Errors(err) {
		r.add(n.Line, err)
	}
	return t
}

// statuses reads one status or a list of them.
func (r *reader) statuses(n *yaml.Node, all *[]int) {
	one := func(n *yaml.Node) {
		status, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			r.fail(n, "http.status is %s, but must be a status such as 204, or a list of them", describe(n))
			return
		}
		*all = append(*all, status)
	}
	if n.Kind == yaml.ScalarNode {
		one(n)
		return
	}
	r.list("http.status", one)(n)
}
