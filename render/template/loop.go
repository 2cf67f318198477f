package template

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"sort"
	"text/template/parse"
)

// loop is a range.
func (f *frame) loop(dot reflect.Value, n *parse.RangeNode) (flow, error) {
	defer f.drop(len(f.vars))
	value, err := f.pipe(dot, n.Pipe)
	if err != nil {
		return next, err
	}
	l := turns{frame: f, node: n, declared: len(f.vars)}
	value, _ = indirect(value)
	if err := l.all(value); err != nil || l.flow == leave {
		return next, err
	}
	if l.any || n.ElseList == nil {
		return next, nil
	}
	flow, err := f.list(dot, n.ElseList)
	if flow == leave { // what break leaves is this loop, also in its else
		flow = next
	}
	return flow, err
}

// turns are the turns of one loop.
type turns struct {
	*frame
	node     *parse.RangeNode
	declared int  // variables before the body declares its own
	any      bool // there was one
	flow     flow // of the last
	err      error
}

func (l *turns) all(value reflect.Value) error {
	if list, ok := assert[[]any](value); ok {
		for i, item := range list {
			if !l.turn(reflect.ValueOf(i), element(item)) {
				break
			}
		}
		return l.err
	}
	two := len(l.node.Pipe.Decl) > 1
	switch value.Kind() {
	case reflect.Invalid: // nothing has nothing in it
	case reflect.Slice, reflect.Array:
		for i := range value.Len() {
			if !l.turn(reflect.ValueOf(i), value.Index(i)) {
				break
			}
		}
	case reflect.Map:
		for _, e := range sorted(value) {
			if !l.turn(e.key, e.value) {
				break
			}
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if two {
			return l.failf("can't use a %s to iterate over more than one variable", value.Type())
		}
		l.each(value)
	default:
		switch {
		case value.Kind() == reflect.Func && value.Type().CanSeq() && two:
			return l.failf("can't use a %s to iterate over more than one variable", value.Type())
		case value.Kind() == reflect.Func && value.Type().CanSeq():
			l.each(value)
		case value.Kind() == reflect.Func && value.Type().CanSeq2():
			for i, item := range value.Seq2() {
				if !two {
					item = i
				}
				if !l.turn(i, item) {
					break
				}
			}
		default:
			return l.failf("range can't iterate over a %s", value.Type())
		}
	}
	return l.err
}

// each gives no index, as text/template does not.
func (l *turns) each(value reflect.Value) {
	for item := range value.Seq() {
		if !l.turn(reflect.Value{}, item) {
			return
		}
	}
}

// turn runs the body once, and reports whether there may be another turn.
func (l *turns) turn(index, item reflect.Value) bool {
	l.any = true
	l.at(l.node.Pipe)
	if l.err = l.alive(); l.err == nil {
		l.err = l.set(index, item)
	}
	if l.err != nil {
		return false
	}
	l.flow, l.err = l.list(item, l.node.List)
	l.drop(l.declared)
	return l.err == nil && l.flow != leave
}

// set gives the loop's variables their values. With two the index comes first,
// with one it is the item.
func (l *turns) set(index, item reflect.Value) error {
	decl := l.node.Pipe.Decl
	values := []reflect.Value{index, item}[2-min(len(decl), 2):]
	for i, value := range values {
		if !l.node.Pipe.IsAssign {
			l.vars[l.declared-len(values)+i].value = value
		} else if err := l.assign(decl[i].Ident[0], value); err != nil {
			return err
		}
	}
	return nil
}

type entry struct{ key, value reflect.Value }

// sorted lists a map as it is now, in the order of its keys. As in package fmt,
// nil is lowest and false is lower than true.
func sorted(m reflect.Value) []entry {
	if m, ok := assert[map[string]any](m); ok {
		return named(m, element)
	}
	if m, ok := assert[map[string]string](m); ok {
		return named(m, func(s string) reflect.Value { return reflect.ValueOf(s) })
	}
	entries := make([]entry, 0, m.Len())
	for i := m.MapRange(); i.Next(); {
		entries = append(entries, entry{i.Key(), i.Value()})
	}
	// Not slices.SortFunc, which would be compiled once more for this type: 20 kB.
	sort.Slice(entries, func(i, j int) bool { return compareKeys(entries[i].key, entries[j].key) < 0 })
	return entries
}

// named lists the maps that facts are made of.
func named[V any](m map[string]V, value func(V) reflect.Value) []entry {
	keys := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(keys)
	entries := make([]entry, len(keys))
	for i, key := range keys {
		entries[i] = entry{reflect.ValueOf(key), value(m[key])}
	}
	return entries
}

func compareKeys(a, b reflect.Value) int {
	switch {
	case a.Kind() == reflect.Interface:
		a, b = a.Elem(), b.Elem()
		if !a.IsValid() || !b.IsValid() {
			return cmp.Compare(rank(a.IsValid()), rank(b.IsValid()))
		}
		if a.Type() != b.Type() {
			return cmp.Compare(a.Type().String(), b.Type().String())
		}
		return compareKeys(a, b)
	case a.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	case a.Kind() == reflect.Bool:
		return cmp.Compare(rank(a.Bool()), rank(b.Bool()))
	}
	return 0 // no map of data has such keys
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}
