package config

import (
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// hook reads one entry of notify. Exactly one of its keys says what is done.
func (r *reader) hook(n *yaml.Node) {
	var h agent.Hook
	var skipFirst *bool
	var actions []string
	before := len(r.mistakes)
	action := func(name string, read func(*yaml.Node) notify.Action) field {
		return field{name, func(n *yaml.Node) {
			actions = append(actions, name)
			h.Action = read(n)
		}}
	}
	r.mapping(n, "notify",
		field{"on", func(n *yaml.Node) { r.on(n, &h.On) }},
		field{"skipFirst", func(n *yaml.Node) {
			skipFirst = new(bool)
			r.boolean("skipFirst", skipFirst)(n)
		}},
		field{"timeout", r.duration("timeout", &h.Timeout)},
		action("exec", r.execHook),
		action("http", func(n *yaml.Node) notify.Action { return r.httpHook(n, &h.Message) }),
		action("signal", r.signalHook),
		action("exit", func(n *yaml.Node) notify.Action {
			h.SkipFirst = true // what starts with us has just read the files
			return r.exitHook(n)
		}),
		action("touch", r.touchHook))
	if skipFirst != nil {
		h.SkipFirst = *skipFirst
	}
	if len(r.mistakes) > before {
		return
	}
	kinds := []string{"exec", "http", "signal", "exit", "touch"}
	switch len(actions) {
	case 0:
		r.fail(n, "notify has no target; say what to do by one of %s", strings.Join(kinds, ", "))
		return
	case 1:
	default:
		r.fail(n, "notify has %s, but one entry does one thing; make an entry of each", strings.Join(actions, " and "))
		return
	}
	if len(h.On) == 0 {
		h.On = r.paths()
	}
	for _, err := range watch.Errors(h.Validate()) {
		r.fail(n, "notify: %w", err)
	}
	r.config.Hooks = append(r.config.Hooks, h)
}

// paths are those of all outputs.
func (r *reader) paths() []string {
	var all []string
	for _, o := range r.config.Outputs {
		all = append(all, o.File.Path)
	}
	return append(all, r.loader.Outputs...)
}

// on reads the paths of outputs.
func (r *reader) on(n *yaml.Node, paths *[]string) {
	known := r.paths()
	r.list("on", func(n *yaml.Node) {
		var path string
		r.text("an item of on", &path)(n)
		i := slices.IndexFunc(known, func(k string) bool { return filepath.Clean(k) == filepath.Clean(path) })
		if i < 0 {
			r.fail(n, "on: %w", unknown("output", path, known))
			return
		}
		*paths = append(*paths, known[i])
	})(n)
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.fail(n, "on names no output; name some, or leave on out for all of them")
	}
}

func (r *reader) execHook(n *yaml.Node) notify.Action {
	var x notify.Exec
	var env map[string]string
	r.mapping(n, "exec",
		field{"command", r.texts("exec.command", &x.Args)},
		field{"env", r.pairs("exec.env", &env)})
	for _, name := range slices.Sorted(maps.Keys(env)) {
		x.Env = append(x.Env, name+"="+env[name])
	}
	return x
}

func (r *reader) httpHook(n *yaml.Node, body *render.Renderer) notify.Action {
	var h notify.HTTP
	var headers map[string]string
	r.mapping(n, "http",
		field{"url", r.text("http.url", &h.URL)},
		field{"method", r.text("http.method", &h.Method)},
		field{"headers", r.pairs("http.headers", &headers)},
		field{"body", func(n *yaml.Node) { r.body(n, body) }},
		field{"status", func(n *yaml.Node) { r.statuses(n, &h.Status) }},
		field{"socket", r.text("http.socket", &h.Socket)},
		field{"caFile", r.text("http.caFile", &h.CAFile)})
	h.Method = strings.ToUpper(h.Method)
	for name, value := range headers {
		if h.Header == nil {
			h.Header = make(http.Header)
		}
		h.Header.Set(name, value)
	}
	return h
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

// body reads what a request sends, a template.
func (r *reader) body(n *yaml.Node, body *render.Renderer) {
	var text string
	r.text("http.body", &text)(n)
	options := render.TemplateOptions{Container: r.config.Container}
	t, err := render.ParseTemplate(r.file, atLine(n, options)+text, options)
	for _, err := range watch.Errors(err) {
		r.add(n.Line, err)
	}
	*body = t
}

func (r *reader) signalHook(n *yaml.Node) notify.Action {
	s := notify.Signal{Signal: syscall.SIGHUP}
	r.mapping(n, "signal",
		field{"name", func(n *yaml.Node) {
			var name string
			r.text("signal.name", &name)(n)
			var err error
			if s.Signal, err = notify.ParseSignal(name); err != nil {
				r.fail(n, "signal.name: %w", err)
			}
		}},
		field{"process", r.text("signal.process", &s.Process)},
		field{"all", r.boolean("signal.all", &s.All)},
		field{"pidFile", r.text("signal.pidFile", &s.PIDFile)})
	return s
}

func (r *reader) exitHook(n *yaml.Node) notify.Action {
	code, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		r.fail(n, "exit is %s, but must be a code from 0 to 255", describe(n))
	}
	return notify.Exit{Code: code}
}

func (r *reader) touchHook(n *yaml.Node) notify.Action {
	var t notify.Touch
	r.text("touch", &t.Path)(n)
	return t
}
