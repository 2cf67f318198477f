/*
Package template executes text/template's language. The parser is that of
text/template/parse; what its trees mean is said here, for text/template's own
executor costs more than it gives:

  - It finds methods by name through reflection. The linker then has to keep
    each exported method of each type in the program, which for podfacts is
    2.6 MB of client-go.
  - It cannot be stopped. A [Run] ends when its context does, and when its text
    grows over a limit, however deep in loops and templates it is.
  - What goes wrong is told in words only. An [Error] says where, and its cause
    can be matched.

# What is the same

Templates mean what they mean to text/template with the option
missingkey=error: pipelines, variables, the rules of comparing and printing, and
the place that an error names. Tests run both and compare them, on the table of
text/template's own tests and on templates made at random.

# What is not

Methods are called on times ([time.Time] and its kin) and on values that are an
[Object]; fields are read from maps and structs. Channels are not ranged over.
The function index takes a missing key for an error, and slice is left to who
makes the [Set]. Errors never quote a value, only its type; what a function says,
it says.
*/
package template

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// Set holds templates that can call each other by name. Once its templates are
// parsed, a Set may be used from several goroutines.
type Set struct {
	// LeftDelim and RightDelim replace {{ and }}.
	LeftDelim, RightDelim string
	// Funcs are the functions beside those of text/template, and go before
	// them. Each returns one value, or a value and an error.
	Funcs map[string]any

	trees map[string]*parse.Tree
}

// Parse adds a template and those that it defines, and returns its own tree. As
// in text/template, one that is empty does not replace another.
func (s *Set) Parse(name, text string) (*parse.Tree, error) {
	trees, err := parse.Parse(name, text, s.LeftDelim, s.RightDelim, s.Funcs, builtins())
	if err != nil {
		return nil, parseError(name, err)
	}
	if s.trees == nil {
		s.trees = make(map[string]*parse.Tree, len(trees))
	}
	for name, tree := range trees {
		if s.trees[name] == nil || !parse.IsEmptyTree(tree.Root) {
			s.trees[name] = tree
		}
	}
	return trees[name], nil
}

// Clone makes a set with the same templates. What is added to one is not in the
// other.
func (s *Set) Clone() *Set {
	clone := *s
	clone.trees = maps.Clone(s.trees)
	return &clone
}

// Lookup returns the template of a name, nil if there is none.
func (s *Set) Lookup(name string) *parse.Tree { return s.trees[name] }

// Names lists the templates in alphabetical order.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.trees)) }

// parseError takes apart what the parser says: "template: NAME:3: reason". It
// knows no columns.
func parseError(name string, err error) error {
	e := &Error{Template: name, Name: name, Err: err}
	reason, ok := strings.CutPrefix(err.Error(), "template: "+name+":")
	line, reason, cut := strings.Cut(reason, ": ")
	if e.Line, err = strconv.Atoi(line); !ok || !cut || err != nil {
		return e
	}
	e.Err = errors.New(reason)
	if quoted, ok := strings.CutPrefix(reason, "function "); ok {
		quoted, ok = strings.CutSuffix(quoted, " not defined")
		if function, err := strconv.Unquote(quoted); ok && err == nil {
			e.Err = &UndefinedError{Function: function}
		}
	}
	return e
}
