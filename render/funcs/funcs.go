package funcs

import (
	"slices"
	"strings"
)

// Group is a chapter of the function reference.
type Group struct {
	Name  string
	Funcs []Func
	// sprig says that consul-template knows the functions as sprig_NAME too.
	sprig bool
}

// Func describes one template function. Example is a template that yields
// Output; a test holds every one of them to it.
type Func struct {
	Name    string
	Also    string // further names of the same function, separated by spaces
	Doc     string
	Example string
	Output  string
	fn      any
}

// Names gives the name of the function and its further names.
func (f Func) Names() []string {
	return append([]string{f.Name}, strings.Fields(f.Also)...)
}

// Map gives all functions, in a map that belongs to the caller.
func Map() map[string]any {
	m := make(map[string]any, 512)
	for _, g := range Groups() {
		for _, f := range g.Funcs {
			for _, name := range f.Names() {
				m[name] = f.fn
				if g.sprig {
					m["sprig_"+name] = f.fn
				}
			}
		}
	}
	return m
}

// Names lists all functions in alphabetical order, without their sprig_
// doubles.
func Names() []string {
	var names []string
	for _, g := range Groups() {
		for _, f := range g.Funcs {
			names = append(names, f.Names()...)
		}
	}
	slices.Sort(names)
	return names
}

// Groups gives the functions in the order of the reference.
func Groups() []Group {
	return []Group{
		{"Defaults and flow", defaultFuncs(), true},
		{"Strings", stringFuncs(), true},
		{"Casing and wrapping", casingFuncs(), true},
		{"Lists", listFuncs(), true},
		{"Maps", mapFuncs(), true},
		{"Whole numbers", integerFuncs(), true},
		{"Fractions", floatFuncs(), true},
		{"Conversion and types", typeFuncs(), true},
		{"Encoding", encodingFuncs(), true},
		{"Regular expressions", regexFuncs(), true},
		{"Paths and URLs", pathFuncs(), true},
		{"Dates and durations", dateFuncs(), true},
		{"Versions", semverFuncs(), true},
		{"Configuration", configFuncs(), false},
		{"YAML and TOML", yamlFuncs(), false},
		{"consul-template", consulFuncs(), false},
	}
}
