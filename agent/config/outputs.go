package config

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/environ"
)

// outputsReader reads outputs, and what must hold between them.
type outputsReader struct {
	*reader
	paths  map[string]int    // path to line
	groups map[string]string // group to directory
}

// output is one entry of outputs as it is written.
type output struct {
	node                          *yaml.Node
	path, mode, owner             string
	format, template, text, group string
	onInvalid, container          string
	delimiters, presets           []string
	env                           *yaml.Node
	inPlace, makeDirs             bool
	check                         *publish.Command
	textNode                      *yaml.Node // nil: no text
	// sound: its keys are right, so that what is absent was left out.
	sound bool
}

func (r outputsReader) output(n *yaml.Node) {
	o := output{node: n, mode: "0644", onInvalid: "error", container: r.config.Container}
	before := len(r.mistakes)
	r.mapping(n, "output",
		field{"path", r.text("path", &o.path)},
		field{"format", r.text("format", &o.format)},
		field{"presets", r.texts("presets", &o.presets)},
		field{"env", func(n *yaml.Node) { o.env = n }},
		field{"template", r.text("template", &o.template)},
		field{"text", func(n *yaml.Node) { o.textNode = n; r.text("text", &o.text)(n) }},
		field{"delimiters", r.texts("delimiters", &o.delimiters)},
		field{"container", r.text("container", &o.container)},
		field{"onInvalid", r.text("onInvalid", &o.onInvalid)},
		field{"mode", r.text("mode", &o.mode)},
		field{"owner", r.text("owner", &o.owner)},
		field{"group", r.text("group", &o.group)},
		field{"inPlace", r.boolean("inPlace", &o.inPlace)},
		field{"makeDirs", r.boolean("makeDirs", &o.makeDirs)},
		field{"check", func(n *yaml.Node) { o.check = r.check(n) }})
	if n.Kind != yaml.MappingNode {
		return
	}
	o.sound = len(r.mistakes) == before
	renderer := r.renderer(&o)
	r.variablesListed(&o, renderer.Needs())
	r.place(&o)
	file := publish.File{Path: o.path, Mode: r.mode(&o), InPlace: o.inPlace, MakeDirs: o.makeDirs}
	file.UID, file.GID = r.owner(&o)
	output := agent.Output{File: file, Renderer: renderer, Group: o.group}
	if o.check != nil {
		output.File.Check, output.CheckTimeout = o.check.Check, o.check.Timeout
	}
	r.config.Outputs = append(r.config.Outputs, output)
}

// place holds the output's path and group against those of the others.
func (r outputsReader) place(o *output) {
	if o.path == "" {
		if o.sound {
			r.fail(o.node, "output has no path; name the file to write")
		}
		return
	}
	path := filepath.Clean(o.path)
	if name := filepath.Base(o.path); strings.HasSuffix(o.path, "/") || name == "." || name == ".." {
		r.fail(o.node, "path %s is that of a directory; name a file in it", o.path)
		return
	}
	if line, taken := r.paths[path]; taken {
		r.fail(o.node, "two outputs write %s, the other in line %d; give one of them another path", o.path, line)
	}
	r.paths[path] = o.node.Line
	if o.group == "" {
		return
	}
	if o.inPlace {
		r.fail(o.node, "%s: inPlace and group exclude each other", o.path)
	}
	dir := filepath.Dir(path)
	if other, ok := r.groups[o.group]; ok && other != dir {
		r.fail(o.node, "group %s has files in %s and in %s; a group shares one directory", o.group, other, dir)
	}
	for group, other := range r.groups {
		if group != o.group && other == dir {
			r.fail(o.node, "groups %s and %s share the directory %s; a directory holds one group", group, o.group, dir)
		}
	}
	r.groups[o.group] = dir
}

// renderer decides what kind of output it is, and makes it.
func (r outputsReader) renderer(o *output) render.Renderer {
	if o.template != "" || o.textNode != nil {
		return r.templated(o)
	}
	if len(o.delimiters) > 0 {
		r.fail(o.node, "%s: delimiters belong to a template", o.path)
	}
	empty := o.env == nil && len(o.presets) == 0
	if empty && (o.format == "json" || o.format == "yaml") {
		return &render.View{Name: o.path, Format: o.format}
	}
	if empty && o.sound {
		r.fail(o.node, "%s: nothing to write; give it env entries, presets, a template or text, or format: json for the whole view", o.path)
	}
	return r.variables(o)
}

func (r outputsReader) templated(o *output) render.Renderer {
	for _, other := range []struct {
		name  string
		given bool
	}{
		{"format", o.format != ""}, {"presets", len(o.presets) > 0}, {"env", o.env != nil}, {"text", o.template != "" && o.textNode != nil},
	} {
		if other.given {
			r.fail(o.node, "%s: template and %s exclude each other", o.path, other.name)
		}
	}
	options := render.TemplateOptions{Container: o.container}
	switch len(o.delimiters) {
	case 0:
	case 2:
		options.LeftDelim, options.RightDelim = o.delimiters[0], o.delimiters[1]
	default:
		r.fail(o.node, "%s: delimiters are two strings, such as [\"[[\", \"]]\"]", o.path)
	}
	name, text := r.file, o.text
	if o.template != "" {
		var ok bool
		if name, text, ok = r.templateFile(o); !ok {
			return &render.Template{}
		}
	} else {
		text = atLine(o.textNode, options) + text
	}
	t, err := render.ParseTemplate(name, text, options)
	if err != nil {
		for _, err := range watch.Errors(err) {
			r.add(o.node.Line, err)
		}
		return &render.Template{}
	}
	return t
}

// atLine makes the lines in a template's errors those of the configuration,
// by a comment as long as what stands above.
func atLine(n *yaml.Node, options render.TemplateOptions) string {
	lines := n.Line - 1
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		lines++ // the text begins below the |
	}
	return cmp.Or(options.LeftDelim, "{{") + "/*" + strings.Repeat("\n", lines) + "*/" + cmp.Or(options.RightDelim, "}}")
}

func (r outputsReader) templateFile(o *output) (name, text string, ok bool) {
	name = o.template
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.dir, name)
	}
	read := r.loader.ReadFile
	if read == nil {
		read = os.ReadFile
	}
	data, err := read(name)
	if err != nil {
		r.fail(o.node, "%s: template %w", o.path, err)
		return name, "", false
	}
	return name, string(data), true
}

// variables reads an output of env entries and presets.
func (r outputsReader) variables(o *output) *render.Env {
	e := &render.Env{Name: o.path, Container: o.container, SkipInvalid: o.onInvalid == "skip"}
	if o.onInvalid != "skip" && o.onInvalid != "error" {
		r.fail(o.node, "%s: onInvalid is %q, but must be error or skip", o.path, o.onInvalid)
	}
	var err error
	if o.format != "" {
		if e.Dialect, err = Dialect(o.format); err != nil {
			r.fail(o.node, "%s: %w", o.path, err)
		}
	}
	for _, name := range o.presets {
		p, err := Preset(name)
		if err != nil {
			r.fail(o.node, "%s: %w", o.path, err)
			continue
		}
		e.Presets = append(e.Presets, p)
	}
	if o.env != nil {
		r.list("env", func(n *yaml.Node) {
			entry, ok := r.entry(n, e)
			if !ok {
				return
			}
			if i := slices.IndexFunc(e.Entries, func(other render.Entry) bool { return other.Name == entry.Name }); i >= 0 {
				r.fail(n, "variable %s is set twice, first at %s", entry.Name, e.Entries[i].Where)
			}
			e.Entries = append(e.Entries, entry)
		})(o.env)
	}
	return e
}

// variablesListed finds variables of podfacts itself that an output cannot do
// without, and that environment does not list: they would never be read.
func (r outputsReader) variablesListed(o *output, needs watch.Needs) {
	for _, need := range needs {
		s := need.Path.Segments()
		if need.Optional || len(s) != 2 || s[0] != "env" {
			continue
		}
		if !slices.ContainsFunc(r.config.Environment, func(v environ.Var) bool { return v.Name == s[1] }) {
			r.fail(o.node, "%s: variable %s is not listed, so it is not read; add {name: %s} to environment", o.path, s[1], s[1])
		}
	}
}

// mode reads octal permission bits, quoted or not.
func (r outputsReader) mode(o *output) fs.FileMode {
	mode, err := strconv.ParseUint(strings.TrimPrefix(o.mode, "0o"), 8, 32)
	if err != nil || mode == 0 || mode > 0o777 {
		r.fail(o.node, "%s: mode is %q, but must be octal permissions such as \"0644\"", o.path, o.mode)
		return 0o644
	}
	return fs.FileMode(mode)
}

// owner reads "uid", "uid:gid" or ":gid".
func (r outputsReader) owner(o *output) (uid, gid *int) {
	if o.owner == "" {
		return nil, nil
	}
	user, group, _ := strings.Cut(o.owner, ":")
	for _, part := range []struct {
		text string
		dst  **int
	}{{user, &uid}, {group, &gid}} {
		if part.text == "" {
			continue
		}
		id, err := strconv.ParseUint(part.text, 10, 31)
		if err != nil {
			r.fail(o.node, "%s: owner is %q, but must be numeric, as in \"1000:1000\" (an image without /etc/passwd has no names)", o.path, o.owner)
			return nil, nil
		}
		n := int(id)
		*part.dst = &n
	}
	return uid, gid
}

func (r outputsReader) check(n *yaml.Node) *publish.Command {
	var c publish.Command
	before := len(r.mistakes)
	r.mapping(n, "check",
		field{"command", r.texts("check.command", &c.Args)},
		field{"timeout", r.duration("check.timeout", &c.Timeout)})
	if len(c.Args) == 0 && len(r.mistakes) == before {
		r.fail(n, "check has no command; give it a list, such as [nginx, -t, -c, $PODFACTS_FILE]")
	}
	return &c
}
