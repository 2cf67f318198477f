package watch

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Snapshot is the merged view at one moment. It never changes and may be
// shared. The zero Snapshot holds nothing.
type Snapshot struct {
	facts   map[Path]Fact
	whole   map[Path]bool // maps known to exist, also when empty
	sources []SourceState
	// container is the only app container, by the first source that knows.
	container string
	noticed   time.Time

	treeOnce sync.Once
	tree     map[string]any
}

// Fact is one merged fact.
type Fact struct {
	Path  Path
	Value any // see [Kind] for the types
	// Unset marks a limit or request that nobody set: Value is then what
	// Kubernetes puts in its place, the node's allocatable for a limit.
	Unset bool
	// Sensitive values are shown only when asked for.
	Sensitive bool
	Origin    Origin
}

// Derived is the source of what podfacts concluded from other facts.
const Derived = "derived"

// Origin says where a fact comes from.
type Origin struct {
	Source    string    // the source's name, or Derived
	From      string    // the place inside the source
	Confirmed time.Time // when the source last said so
	Written   time.Time // when it was written down, where the source knows
	Stale     bool      // the source has failed since
	Others    []Other   // sources that say something else
}

// Other is a source that lost.
type Other struct {
	Source, From string
	Value        any
	Written      time.Time // when it was written down, where the source knows
	Stale        bool      // the source has failed since
}

// String gives "volume /etc/podinfo labels" and the like.
func (o Origin) String() string {
	s := strings.TrimSpace(o.Source + " " + o.From)
	if o.Stale {
		s += " (stale)"
	}
	return s
}

// SourceState says how a source does.
type SourceState struct {
	Name string
	Live bool
	Err  error
	// Answered is when a Read last returned without error. Zero: never.
	Answered time.Time
	// Asked is since when a Read has not returned. Zero: it has.
	Asked time.Time
	// Restarts counts how often its Watch ended before its time.
	Restarts uint64

	source Source
}

// MissingError says that a fact has no value.
type MissingError struct {
	Path   Path
	Reason string // why: not mounted, forbidden, not found, unreachable
	Hint   string // what to do next
}

func (e *MissingError) Error() string {
	s := fmt.Sprintf("%s is missing", e.Path)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// IsMissing reports whether err says that a fact is missing, which time may
// mend.
func IsMissing(err error) bool {
	var missing *MissingError
	return errors.As(err, &missing)
}

// ContainerError says that a path without container, such as limits.memory,
// could mean several.
type ContainerError struct {
	Path  Path
	Names []string // of the containers
}

func (e *ContainerError) Error() string {
	return fmt.Sprintf("%s: the pod has several containers (%s); set container: in the configuration, --container, or the annotation %s",
		e.Path, strings.Join(e.Names, ", "), defaultContainerAnnotation)
}

// Facts iterates over every fact in the order of the paths. Each entry of a
// map is a fact of its own.
func (s *Snapshot) Facts() iter.Seq[Fact] {
	return func(yield func(Fact) bool) {
		for _, p := range slices.Sorted(maps.Keys(s.facts)) {
			if !yield(s.facts[p]) {
				return
			}
		}
	}
}

// Sources tells how each source does, best first.
func (s *Snapshot) Sources() []SourceState { return slices.Clone(s.sources) }

// Noticed is when the oldest change was noticed that [Follow] took up in this
// snapshot. Zero: it took up none, or it is the first one, or from [Collect].
func (s *Snapshot) Noticed() time.Time { return s.noticed }

// Equal reports whether two snapshots render the same: the same facts with
// the same values. Origins and ages may differ.
func (s *Snapshot) Equal(o *Snapshot) bool {
	if s == nil || o == nil {
		return s == o
	}
	return maps.Equal(s.whole, o.whole) && maps.EqualFunc(s.facts, o.facts, Fact.same)
}

// Changed lists the facts in which two snapshots differ, sorted, and with them
// the maps that were not known at all in one of them. It is empty if and only
// if they are Equal. Since nil, everything has changed.
func (s *Snapshot) Changed(since *Snapshot) []Path {
	if since == nil {
		since = &Snapshot{}
	}
	var changed []Path
	for p, f := range s.facts {
		if old, ok := since.facts[p]; !ok || !f.same(old) {
			changed = append(changed, p)
		}
	}
	for p := range since.facts {
		if _, ok := s.facts[p]; !ok {
			changed = append(changed, p)
		}
	}
	for p := range s.whole {
		if !since.whole[p] {
			changed = append(changed, p)
		}
	}
	for p := range since.whole {
		if !s.whole[p] {
			changed = append(changed, p)
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}

// same reports whether two facts render the same.
func (f Fact) same(o Fact) bool {
	return f.Unset == o.Unset && f.Sensitive == o.Sensitive && equalValues(f.Value, o.Value)
}

// Lookup returns the fact at a path: one fact, a whole map (its value is a
// map[string]string and its origin that of its first entry), or whatever
// lies below a group or an object. A path without container, such as
// limits.memory, means the default container. The error is a
// [*MissingError], or a [*ContainerError] where no container could be chosen.
func (s *Snapshot) Lookup(p Path) (Fact, error) {
	p, err := s.Resolve(p)
	if err != nil {
		return Fact{}, err
	}
	if f, ok := s.facts[p]; ok {
		return f, nil
	}
	value, ok := dig(s.Tree(), p.Segments())
	if !ok {
		return Fact{}, s.missing(p)
	}
	f := Fact{Path: p, Value: value}
	var nearest Path
	for q, part := range s.facts {
		if !overlaps(p, q) {
			continue
		}
		f.Sensitive = f.Sensitive || part.Sensitive
		if nearest == "" || q < nearest {
			nearest, f.Origin = q, part.Origin
		}
	}
	return f, nil
}

// Resolve gives a path without container its container: the one that the
// kubectl.kubernetes.io/default-container annotation names, else the only
// app container.
func (s *Snapshot) Resolve(p Path) (Path, error) {
	if p == "" || !Path("limits").Covers(p) && !Path("requests").Covers(p) {
		return p, nil
	}
	container, err := s.defaultContainer(p)
	if err != nil {
		return p, err
	}
	return Path("containers").Key(container) + "." + p, nil
}

const defaultContainerAnnotation = "kubectl.kubernetes.io/default-container"

func (s *Snapshot) defaultContainer(p Path) (string, error) {
	if name, ok := s.facts[PodAnnotations.Key(defaultContainerAnnotation)].Value.(string); ok && name != "" {
		return name, nil
	}
	if s.container != "" {
		return s.container, nil
	}
	containers, _ := s.Tree()["containers"].(map[string]any)
	names := slices.Sorted(maps.Keys(containers))
	switch len(names) {
	case 1:
		return names[0], nil
	case 0:
		reasons, hint := s.explain(p)
		return "", &MissingError{Path: p, Reason: cmp.Or(strings.Join(reasons, "; "), "no source names a container"),
			Hint: cmp.Or(hint, "mount its limits and requests in the downwardAPI volume")}
	}
	return "", &ContainerError{Path: p, Names: names}
}

// missing explains why a fact has no value: it is not in its map, or the
// sources say why they do not give it.
func (s *Snapshot) missing(p Path) *MissingError {
	if parent, _ := p.Parent(); s.whole[parent] {
		of := parent.Segments()[0] // pod, node, …
		return &MissingError{Path: p, Reason: fmt.Sprintf("%s has no such key", parent),
			Hint: fmt.Sprintf("give it a default, or set it on the %s", strings.TrimSuffix(of, "s"))}
	}
	reasons, hint := s.explain(p)
	if len(reasons) == 0 {
		for _, from := range basis(p) {
			if !s.knows(from) {
				why, _ := s.explain(from)
				reasons = append(reasons, why...)
			}
		}
	}
	if len(reasons) == 0 {
		reasons = append(reasons, "no source gives it")
	}
	return &MissingError{Path: p, Reason: strings.Join(reasons, "; "), Hint: cmp.Or(hint, s.nextStep(p))}
}

// explain collects what the sources say on why they do not give a fact, each
// reason once, and the first advice.
func (s *Snapshot) explain(p Path) (reasons []string, hint string) {
	add := func(reason string) {
		if reason != "" && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	for _, state := range s.sources {
		if x, ok := state.source.(Explainer); ok {
			reason, next := x.Explain(p)
			add(reason)
			hint = cmp.Or(hint, next)
			continue
		}
		for _, err := range Errors(state.Err) {
			add(err.Error())
		}
	}
	return reasons, hint
}

// knows reports whether a fact is there, or known not to be.
func (s *Snapshot) knows(p Path) bool {
	parent, _ := p.Parent()
	_, ok := s.facts[p]
	return ok || s.whole[p] || s.whole[parent]
}

// agree compares what two sources say of a fact, quantities by amount.
func agree(p Path, a, b any) bool {
	if equalValues(a, b) {
		return true
	}
	x, okX := a.(string)
	y, okY := b.(string)
	if !okX || !okY {
		return false
	}
	if kind, ok := KindOf(p); !ok || kind != Quantity {
		return false
	}
	qx, errX := ParseQuantity(x)
	qy, errY := ParseQuantity(y)
	return errX == nil && errY == nil && qx.Cmp(qy) == 0
}
