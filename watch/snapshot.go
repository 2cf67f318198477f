package watch

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Snapshot is the merged view at one moment. It never changes and may be
// shared. The zero Snapshot holds nothing.
type Snapshot struct {
	facts   map[Path]Fact
	whole   map[Path]bool // maps known to exist, also when empty
	sources []SourceState
	// container is the only app container, by the first source that knows.
	container string

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

// Origin says where a fact comes from.
type Origin struct {
	Source    string    // the source's name; "derived" for what podfacts concluded
	From      string    // the place inside the source
	Confirmed time.Time // when the source last said so
	Stale     bool      // the source has failed since
	Others    []Other   // sources that say something else
}

// Other is a source that lost.
type Other struct {
	Source, From string
	Value        any
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

// Equal reports whether two snapshots render the same: the same facts with
// the same values. Origins and ages may differ.
func (s *Snapshot) Equal(o *Snapshot) bool {
	if s == nil || o == nil {
		return s == o
	}
	return maps.Equal(s.whole, o.whole) && maps.EqualFunc(s.facts, o.facts, func(a, b Fact) bool {
		return a.Unset == b.Unset && a.Sensitive == b.Sensitive && equalValues(a.Value, b.Value)
	})
}

// Changed lists the facts in which two snapshots differ, sorted.
func (s *Snapshot) Changed(since *Snapshot) []Path {
	var changed []Path
	for p, f := range s.facts {
		if old, ok := since.facts[p]; !ok || f.Unset != old.Unset || !equalValues(f.Value, old.Value) {
			changed = append(changed, p)
		}
	}
	for p := range since.facts {
		if _, ok := s.facts[p]; !ok {
			changed = append(changed, p)
		}
	}
	slices.Sort(changed)
	return changed
}

// Lookup returns the fact at a path: one fact, a whole map (its value is a
// map[string]string and its origin that of its first entry), or whatever
// lies below a group or an object. A path without container, such as
// limits.memory, means the default container. The error is a
// [*MissingError], or says why no container could be chosen.
func (s *Snapshot) Lookup(p Path) (Fact, error) {
	p, err := s.Resolve(p)
	if err != nil {
		return Fact{}, err
	}
	if f, ok := s.facts[p]; ok {
		return f, nil
	}
	if v, ok := dig(s.Tree(), p.Segments()); ok {
		f := Fact{Path: p, Value: v}
		for q, below := range s.facts {
			if !p.Covers(q) && !q.Covers(p) {
				continue
			}
			f.Sensitive = f.Sensitive || below.Sensitive
			if f.Origin.Source == "" || q < f.Path {
				f.Origin, f.Path = below.Origin, q
			}
		}
		f.Path = p
		return f, nil
	}
	return Fact{}, s.missing(p)
}

// Resolve gives a path without container its container: the one that the
// kubectl.kubernetes.io/default-container annotation names, else the only
// app container.
func (s *Snapshot) Resolve(p Path) (Path, error) {
	segments := p.Segments()
	if len(segments) == 0 || segments[0] != "limits" && segments[0] != "requests" {
		return p, nil
	}
	container, err := s.defaultContainer()
	if err != nil {
		return p, fmt.Errorf("%s: %w", p, err)
	}
	return join(append([]string{"containers", container}, segments...)), nil
}

const defaultContainerAnnotation = "kubectl.kubernetes.io/default-container"

func (s *Snapshot) defaultContainer() (string, error) {
	if f, ok := s.facts[PodAnnotations.Key(defaultContainerAnnotation)]; ok {
		return f.Value.(string), nil
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
		return "", &MissingError{Path: "containers", Reason: "no source names a container",
			Hint: "mount its limits and requests in the downwardAPI volume"}
	}
	return "", fmt.Errorf("the pod has several containers (%s); set container: in the configuration, or the annotation %s",
		strings.Join(names, ", "), defaultContainerAnnotation)
}

// Tree gives the view as nested maps under the names of the vocabulary:
// maps of facts are map[string]string, groups map[string]any. It is shared:
// do not change it.
func (s *Snapshot) Tree() map[string]any {
	s.treeOnce.Do(func() { s.tree = s.buildTree() })
	return s.tree
}

func (s *Snapshot) buildTree() map[string]any {
	root := make(map[string]any)
	for p := range s.whole {
		put(root, p.Segments(), map[string]string{})
	}
	for p, f := range s.facts {
		segments := p.Segments()
		parent := join(segments[:len(segments)-1])
		if text, ok := f.Value.(string); ok && isMap(parent) {
			put(root, segments[:len(segments)-1], map[string]string{segments[len(segments)-1]: text})
			continue
		}
		put(root, segments, f.Value)
	}
	return root
}

// isMap reports whether the entries below p are facts of one map, without
// asking the vocabulary again for each of a thousand labels.
func isMap(p Path) bool {
	_, name := p.Parent()
	switch name {
	case "labels", "annotations", "limits", "requests", "allocated", "allocatable", "capacity":
		return true
	}
	return p == "files" || p == "env"
}

// put hangs a value into the tree; maps of strings are joined.
func put(root map[string]any, segments []string, value any) {
	node := root
	for _, s := range segments[:len(segments)-1] {
		next, ok := node[s].(map[string]any)
		if !ok {
			next = make(map[string]any)
			node[s] = next
		}
		node = next
	}
	last := segments[len(segments)-1]
	if have, ok := node[last].(map[string]string); ok {
		if more, ok := value.(map[string]string); ok {
			maps.Copy(have, more)
			return
		}
	}
	node[last] = value
}

// dig walks down maps and lists are ends.
func dig(node any, segments []string) (any, bool) {
	for _, s := range segments {
		var ok bool
		switch m := node.(type) {
		case map[string]any:
			node, ok = m[s]
		case map[string]string:
			node, ok = m[s]
		}
		if !ok {
			return nil, false
		}
	}
	return node, true
}

// missing explains why a fact has no value: by the first source that could
// give it and says why it does not.
func (s *Snapshot) missing(p Path) *MissingError {
	e := &MissingError{Path: p}
	var reasons []string
	for _, state := range s.sources {
		if x, ok := state.source.(Explainer); ok {
			reason, hint := x.Explain(p)
			if reason != "" {
				reasons = append(reasons, reason)
			}
			if e.Hint == "" {
				e.Hint = hint
			}
		}
		if state.Err != nil {
			reasons = append(reasons, state.Err.Error())
		}
	}
	parent, _ := p.Parent()
	if len(reasons) == 0 && s.whole[parent] {
		reasons = append(reasons, fmt.Sprintf("%s has no such key", parent))
		e.Hint = "give it a default, or set it on the pod"
	}
	if len(reasons) == 0 {
		reasons = append(reasons, "no source gives it")
	}
	if e.Hint == "" {
		e.Hint = nextStep(p)
	}
	e.Reason = strings.Join(reasons, "; ")
	return e
}

// nextStep says how a fact can be had.
func nextStep(p Path) string {
	for _, f := range Vocabulary() {
		if rest, ok := match(f.Pattern, p.Segments()); ok && rest >= 0 {
			return "it comes from: " + f.Sources
		}
	}
	return ""
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
	qx, errX := resource.ParseQuantity(x)
	qy, errY := resource.ParseQuantity(y)
	return errX == nil && errY == nil && qx.Cmp(qy) == 0
}
