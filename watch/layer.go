package watch

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Layer is what one source says at one moment: statements about facts.
// The zero Layer says nothing and is ready for use. A Layer belongs to the
// caller of [Source.Read]; the source keeps no reference to it.
type Layer struct {
	// Live says that the source sees every change as it happens, as a
	// connected API watch does. While it is set, the layer wins.
	Live bool
	// Learned says that the source has come to understand what it held all along.
	// What it states for the first time has then not changed just now, and does
	// not win by that.
	Learned bool
	// Container is the pod's only app container, where the source knows the
	// pod's spec; limits.memory without a container then means this one.
	Container string
	// Written is when what the layer says was written down, where the source knows
	// that: when the kubelet last changed a volume. Zero means just now.
	Written time.Time

	facts map[Path]Statement
	whole map[Path]string // maps of which the source knows every key, with their origin
}

// Statement is one source's word on one fact.
type Statement struct {
	// Value has the Go type of the fact's [Kind]. It is nil where the source
	// only knows that the fact is unset.
	Value any
	// From is the place inside the source: a file, a variable, an object.
	From string
	// Divisor says that a quantity was rounded up to a multiple of it. Nil:
	// it is exact.
	Divisor *resource.Quantity
	// Unset marks a limit or request that nobody set; Value is then what
	// Kubernetes puts in its place.
	Unset bool
	// Sensitive values are not shown by view and logs unless asked for.
	Sensitive bool
}

// Set states one fact, as [Layer.State] does. Nil, empty strings and empty
// lists state nothing, since the Downward API writes an empty string for what
// does not exist.
func (l *Layer) Set(p Path, value any, from string) {
	switch v := value.(type) {
	case nil:
		return
	case string:
		if v == "" {
			return
		}
	case []string:
		if len(v) == 0 {
			return
		}
	}
	l.State(p, Statement{Value: value, From: from})
}

// State states one fact in full. A map[string]string states the whole map,
// entry by entry: a key that it lacks is known to be absent.
func (l *Layer) State(p Path, s Statement) {
	if entries, ok := s.Value.(map[string]string); ok {
		if l.whole == nil {
			l.whole = make(map[Path]string)
		}
		l.whole[p] = s.From
		for key, value := range entries {
			s.Value = value
			l.State(p.Key(key), s)
		}
		return
	}
	if l.facts == nil {
		l.facts = make(map[Path]Statement)
	}
	l.facts[p] = s
}

// Get returns the statement about a fact.
func (l *Layer) Get(p Path) (Statement, bool) {
	s, ok := l.facts[p]
	return s, ok
}

// Paths lists the facts stated, sorted.
func (l *Layer) Paths() []Path {
	return slices.Sorted(maps.Keys(l.facts))
}

// Has reports whether the layer states p: the fact itself, or a whole map.
func (l *Layer) Has(p Path) bool {
	if _, ok := l.facts[p]; ok {
		return true
	}
	_, ok := l.whole[p]
	return ok
}

// Add takes over every statement of other, except those on facts that l
// states already. A key that a map of l lacks is taken over too.
func (l *Layer) Add(other Layer) {
	for p, s := range other.facts {
		if _, ok := l.facts[p]; !ok {
			l.State(p, s)
		}
	}
	for p, from := range other.whole {
		if _, ok := l.whole[p]; !ok {
			l.State(p, Statement{Value: map[string]string(nil), From: from})
		}
	}
	l.Live = l.Live || other.Live
	l.Container = cmp.Or(l.Container, other.Container)
}

// same reports whether two statements say the same, wherever they stand.
func (s Statement) same(o Statement) bool {
	return s.Unset == o.Unset && s.Sensitive == o.Sensitive && equalValues(s.Value, o.Value)
}

func equalValues(a, b any) bool {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && a == b
	case int64:
		b, ok := b.(int64)
		return ok && a == b
	}
	return reflect.DeepEqual(a, b)
}
