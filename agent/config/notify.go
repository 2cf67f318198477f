package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/watch"
)

// hook reads one entry of notify. Exactly one of its keys says what is done. What
// cannot be read is replaced by something that can be: all that is wrong with the
// rest is told, too.
func (r *reader) hook(n *yaml.Node) {
	var h agent.Hook
	var skipFirst *bool
	var kinds []string
	var actions []notify.Action
	before := len(r.mistakes)
	action := func(name string, read func(*yaml.Node) notify.Action) field {
		return field{name, func(n *yaml.Node) {
			kinds, actions = append(kinds, name), append(actions, read(n))
		}}
	}
	r.mapping(n, "notify",
		field{"name", func(n *yaml.Node) { r.hookName(n, &h.Name) }},
		field{"on", r.orElse(func(n *yaml.Node) { r.on(n, &h.On) }, func() { h.On = r.paths() })},
		field{"skipFirst", func(n *yaml.Node) {
			skipFirst = new(bool)
			r.boolean("skipFirst", skipFirst)(n)
		}},
		field{"timeout", r.duration("timeout", &h.Timeout)},
		action("exec", r.execHook),
		action("http", func(n *yaml.Node) notify.Action { return r.httpHook(n, &h) }),
		action("signal", r.signalHook),
		action("exit", func(n *yaml.Node) notify.Action {
			h.SkipFirst = true // what starts with us has just read the files
			return r.exitHook(n)
		}),
		action("touch", r.touchHook))
	if skipFirst != nil {
		h.SkipFirst = *skipFirst
	}
	if len(h.On) == 0 {
		h.On = r.paths()
	}
	switch {
	case len(kinds) > 1:
		r.fail(n, "notify has %s, but one entry does one thing; make an entry of each", strings.Join(kinds, " and "))
	case len(kinds) == 0 && len(r.mistakes) == before:
		r.fail(n, "notify has no target; say what to do by one of exec, http, signal, exit, touch")
	}
	for _, h.Action = range actions {
		for _, err := range watch.Errors(h.Validate()) {
			r.fail(n, "notify: %w", err)
		}
	}
	if len(r.mistakes) == before {
		r.config.Hooks = append(r.config.Hooks, h)
	}
}

// orElse has read say what is wrong, and then something else take the place of
// what could not be read.
func (r *reader) orElse(read func(*yaml.Node), replace func()) func(*yaml.Node) {
	return func(n *yaml.Node) {
		before := len(r.mistakes)
		if read(n); len(r.mistakes) > before {
			replace()
		}
	}
}

// hookName reads the name of a hook, which no other has.
func (r *reader) hookName(n *yaml.Node, name *string) {
	r.text("name", name)(n)
	if *name == "" {
		return
	}
	if line, taken := r.hookNames[*name]; taken {
		r.fail(n, "notify: %s is the name of another entry, in line %d; give it one of its own", *name, line)
		*name = ""
		return
	}
	if r.hookNames == nil {
		r.hookNames = make(map[string]int)
	}
	r.hookNames[*name] = n.Line
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
		field{"command", r.orElse(r.texts("exec.command", &x.Args), func() { x.Args = []string{"?"} })},
		field{"env", r.pairs("exec.env", &env)})
	if n.Kind != yaml.MappingNode {
		x.Args = []string{"?"}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		x.Env = append(x.Env, name+"="+env[name])
	}
	return x
}

func (r *reader) signalHook(n *yaml.Node) notify.Action {
	s := notify.Signal{Signal: syscall.SIGHUP}
	r.mapping(n, "signal",
		field{"name", func(n *yaml.Node) {
			var name string
			r.text("signal.name", &name)(n)
			if parsed, err := notify.ParseSignal(name); err != nil {
				r.fail(n, "signal.name: %w", err)
			} else {
				s.Signal = parsed
			}
		}},
		field{"process", r.orElse(r.text("signal.process", &s.Process), func() { s.Process = "?" })},
		field{"all", r.boolean("signal.all", &s.All)},
		field{"pidFile", r.orElse(r.text("signal.pidFile", &s.PIDFile), func() { s.PIDFile = "?" })})
	if n.Kind != yaml.MappingNode {
		s.Process = "?"
	}
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
	r.orElse(r.text("touch", &t.Path), func() { t.Path = "?" })(n)
	return t
}
