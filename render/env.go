package render

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-multierror"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

// Env writes variables in a dialect.
type Env struct {
	Name    string // the output's name in errors and needs
	Dialect envfile.Dialect
	// Presets come first; an entry of the same name replaces theirs.
	Presets []Preset
	Entries []Entry
	// Container is what a path without container means, such as
	// limits.memory; empty: the pod's default container.
	Container string
	// SkipInvalid leaves out what the dialect cannot hold, instead of failing.
	SkipInvalid bool
}

// Entry is one variable. Either From or Value is set.
type Entry struct {
	Name string
	From watch.Path
	// Value is literal text, in which $(NAME) stands for an earlier variable
	// of the same file, as in a pod's env.
	Value string
	// Default is written where the fact is missing; nil makes it required.
	Default *string
	// Divisor divides a quantity. The result is a whole number, rounded up
	// as Kubernetes does, or down where Percent is set. Zero: no division,
	// the result is a quantity such as 2500m.
	Divisor resource.Quantity
	// Percent takes a share of a quantity, for headroom under a limit; it
	// refuses a limit that nobody set. Zero: all of it.
	Percent float64
	// AllowUnset lets Percent use the node's allocatable for an unset limit.
	AllowUnset bool
	// Where is the place in the configuration, for errors: "podfacts.yaml:12".
	Where string
}

// Needs lists the facts of the presets and entries.
func (e *Env) Needs() watch.Needs {
	var needs watch.Needs
	for _, p := range e.Presets {
		for _, path := range p.paths {
			needs = append(needs, watch.Need{Path: e.path(path), Optional: true, By: e.Name + ": preset " + p.name})
		}
	}
	for _, entry := range e.Entries {
		if entry.From != "" {
			needs = append(needs, watch.Need{Path: e.path(entry.From), Optional: entry.Default != nil, By: e.Name + ": " + entry.Name})
		}
	}
	return needs
}

// Render writes the file. It reports everything that is wrong at once.
func (e *Env) Render(w io.Writer, s *watch.Snapshot) error {
	variables, err := e.Variables(s)
	var all *multierror.Error
	all = multierror.Append(all, err)
	out, invalid := e.Dialect.Append(nil, entries(variables))
	if !e.SkipInvalid {
		for _, i := range invalid {
			all = multierror.Append(all, e.invalid(i, variables))
		}
	}
	if err := all.ErrorOrNil(); err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// VariableName is a variable that a file may hold.
type VariableName struct {
	Name     string
	Optional bool // it may be absent
}

// Names lists the variables that the file can hold, as far as they do not
// depend on the pod: what the labels preset writes does.
func (e *Env) Names() []VariableName {
	var all []VariableName
	for _, p := range e.Presets {
		for _, name := range p.names {
			if !e.sets(name) && !slices.Contains(all, VariableName{name, true}) {
				all = append(all, VariableName{name, true})
			}
		}
	}
	for _, entry := range e.Entries {
		all = append(all, VariableName{entry.Name, e.SkipInvalid})
	}
	return all
}

// Variable is one variable with the fact it was made from, if any.
type Variable struct {
	Name, Value string
	From        watch.Path
	Where       string
}

// Variables evaluates presets and entries, without a dialect.
func (e *Env) Variables(s *watch.Snapshot) ([]Variable, error) {
	var all *multierror.Error
	var variables []Variable
	var claims []envfile.Claim
	index := make(map[string]int)
	add := func(v Variable) {
		if i, ok := index[v.Name]; ok {
			variables[i] = v
			return
		}
		index[v.Name] = len(variables)
		variables = append(variables, v)
	}
	for _, p := range e.Presets {
		made, err := p.make(presetContext{s: s, env: e})
		if err != nil {
			all = multierror.Append(all, fmt.Errorf("preset %s: %w", p.name, err))
		}
		for _, v := range made {
			claim := envfile.Claim{Name: v.Name, By: string(v.From)}
			if !e.sets(v.Name) && !slices.Contains(claims, claim) {
				claims = append(claims, claim)
			}
			add(v)
		}
	}
	for _, collision := range envfile.Collisions(claims) {
		all = multierror.Append(all, fmt.Errorf("%w, by an env entry", collision))
	}
	for _, entry := range e.Entries {
		v, err := e.value(s, entry, variables)
		if err != nil {
			all = multierror.Append(all, located(entry.Where, fmt.Errorf("%s: %w", entry.Name, err)))
			continue
		}
		add(Variable{Name: entry.Name, Value: v, From: entry.From, Where: entry.Where})
	}
	return variables, all.ErrorOrNil()
}

// sets reports whether an entry sets a variable, and so overrides presets.
func (e *Env) sets(name string) bool {
	return slices.ContainsFunc(e.Entries, func(entry Entry) bool { return entry.Name == name })
}

// value evaluates one entry.
func (e *Env) value(s *watch.Snapshot, entry Entry, earlier []Variable) (string, error) {
	if entry.From == "" {
		return expand(entry.Value, earlier), nil
	}
	fact, err := s.Lookup(e.path(entry.From))
	if watch.IsMissing(err) && entry.Default != nil {
		return *entry.Default, nil
	}
	if err != nil {
		return "", err
	}
	if entry.Percent == 0 && entry.Divisor.IsZero() {
		return Text(fact)
	}
	if entry.Percent != 0 && fact.Unset && !entry.AllowUnset {
		return "", fmt.Errorf("%s is not set on the pod, and a share of the node's allocatable is no headroom; set it, or say allowUnset: true", fact.Path)
	}
	return share(fact, entry.Percent, entry.Divisor)
}

// Text writes a fact as one string: a list joined by commas, as Kubernetes
// joins status.podIPs. Maps and objects are no one string.
func Text(fact watch.Fact) (string, error) {
	switch v := fact.Value.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int, float64, bool:
		return fmt.Sprint(v), nil
	case []string:
		return strings.Join(v, ","), nil
	case map[string]string, map[string]any:
		return "", fmt.Errorf("%s is a map, not one value; name one key, as in %s, or use a template", fact.Path, fact.Path.Key("key"))
	}
	return "", fmt.Errorf("%s is not one value; use a template", fact.Path)
}

// share computes fact × percent ÷ divisor exactly.
func share(fact watch.Fact, percent float64, divisor resource.Quantity) (string, error) {
	number, ok := fact.Value.(string)
	if !ok {
		return "", fmt.Errorf("%s is not a quantity; percent and divisor need one", fact.Path)
	}
	q, err := resource.ParseQuantity(number)
	if err != nil {
		return "", fmt.Errorf("%s is not a quantity; percent and divisor need one", fact.Path)
	}
	_, name := fact.Path.Parent()
	if percent == 0 {
		return watch.DivideQuantity(name, q, divisor), nil
	}
	result := rat(q)
	result.Mul(result, new(big.Rat).SetFrac64(int64(percent*1000), 100_000))
	if divisor.IsZero() {
		return quantity(result, name, q.Format), nil
	}
	return floor(result.Quo(result, rat(divisor))).String(), nil
}

// quantity writes an amount as a canonical quantity, rounded down to what
// Kubernetes can count: a thousandth of a cpu, or one byte.
func quantity(amount *big.Rat, resourceName string, format resource.Format) string {
	if resourceName == "cpu" {
		milli := floor(amount.Mul(amount, big.NewRat(1000, 1)))
		return resource.NewMilliQuantity(milli.Int64(), resource.DecimalSI).String()
	}
	return resource.NewQuantity(floor(amount).Int64(), format).String()
}

func floor(r *big.Rat) *big.Int { return new(big.Int).Quo(r.Num(), r.Denom()) }

func rat(q resource.Quantity) *big.Rat {
	r, ok := new(big.Rat).SetString(q.AsDec().String())
	if !ok {
		return new(big.Rat)
	}
	return r
}

// path gives a path without container the configured one.
func (e *Env) path(p watch.Path) watch.Path { return InContainer(p, e.Container) }

// InContainer turns limits.memory into containers.NAME.limits.memory; other
// paths, and all paths where name is empty, stay as they are.
func InContainer(p watch.Path, name string) watch.Path {
	if name != "" && (watch.Path("limits").Covers(p) || watch.Path("requests").Covers(p)) {
		below := watch.Path("containers").Key(name)
		for _, segment := range p.Segments() {
			below = below.Key(segment)
		}
		return below
	}
	return p
}

func entries(variables []Variable) []envfile.Entry {
	out := make([]envfile.Entry, len(variables))
	for i, v := range variables {
		out[i] = envfile.Entry{Name: v.Name, Value: v.Value}
	}
	return out
}

// invalid says which fact and which line of the configuration made a
// variable that the dialect cannot hold.
func (e *Env) invalid(i *envfile.InvalidError, variables []Variable) error {
	for _, v := range variables {
		if v.Name != i.Name {
			continue
		}
		if v.From != "" {
			return located(v.Where, fmt.Errorf("%w (from %s)", i, v.From))
		}
		return located(v.Where, i)
	}
	return i
}

// located puts the place in the configuration before an error.
func located(where string, err error) error {
	if where == "" || err == nil {
		return err
	}
	return fmt.Errorf("%s: %w", where, err)
}

// errNothingKnown is why a preset writes nothing.
var errNothingKnown = errors.New("none of its facts is known")
