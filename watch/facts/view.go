package facts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// View is what is exposed of a pod at one moment. It never changes. A nil View
// holds nothing.
type View struct {
	id      string // its ETag
	tree    map[string]any
	data    []byte
	changed []string
}

// parse reads the view as it is served.
func parse(data []byte, id string) (*View, error) {
	v := &View{id: id, data: data}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // numbers stay as they are written
	if err := dec.Decode(&v.tree); err != nil || v.tree == nil {
		return nil, fmt.Errorf("facts: this is no view: %.40q", data)
	}
	return v, nil
}

// Text is a fact as one string: a list joined by commas, and a map as JSON.
// Empty: there is no such fact; see [View.Has].
func (v *View) Text(fact string) string {
	value, _ := v.find(fact)
	return text(value)
}

// Has reports whether there is a fact, a map or a group of that name.
func (v *View) Has(fact string) bool {
	_, ok := v.find(fact)
	return ok
}

// Map gives a map, such as pod.labels, or the facts of a group as strings. Nil:
// there is no such map.
func (v *View) Map(fact string) map[string]string {
	value, _ := v.find(fact)
	entries, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	m := make(map[string]string, len(entries))
	for key, value := range entries {
		m[key] = text(value)
	}
	return m
}

// List gives a list, such as pod.ips. Nil: there is no such list.
func (v *View) List(fact string) []string {
	value, _ := v.find(fact)
	items, _ := value.([]any)
	var list []string
	for _, item := range items {
		list = append(list, text(item))
	}
	return list
}

// Decode stores the whole view in a value, as [json.Unmarshal] does.
func (v *View) Decode(to any) error {
	if v == nil {
		return json.Unmarshal([]byte("{}"), to)
	}
	return json.Unmarshal(v.data, to)
}

// Changed names the facts that are not what they were in the view that was
// passed before, sorted. In the first one these are all of them.
func (v *View) Changed() []string {
	if v == nil {
		return nil
	}
	return slices.Clone(v.changed)
}

// HasChanged reports whether a fact is not what it was, or something in a map or
// group of that name.
func (v *View) HasChanged(fact string) bool {
	segments := split(fact)
	return v != nil && segments != nil && slices.ContainsFunc(v.changed, func(name string) bool {
		other := split(name)
		n := min(len(other), len(segments))
		return slices.Equal(other[:n], segments[:n])
	})
}

func (v *View) ident() string {
	if v == nil {
		return ""
	}
	return v.id
}

// follows compares a view with the one before, and reports whether it is another.
func (v *View) follows(last *View) bool {
	var before map[string]any
	if last != nil {
		before = last.tree
	}
	v.changed = compare(nil, "", before, v.tree)
	slices.Sort(v.changed)
	return last == nil || len(v.changed) > 0
}

// compare appends the names of what differs below a name.
func compare(to []string, name string, a, b map[string]any) []string {
	keys := maps.Clone(a)
	if keys == nil {
		keys = make(map[string]any)
	}
	maps.Copy(keys, b)
	for key := range keys {
		x, inA := a[key]
		y, inB := b[key]
		below, _ := x.(map[string]any)
		after, _ := y.(map[string]any)
		switch {
		case len(below)+len(after) > 0 && (below != nil || !inA) && (after != nil || !inB):
			to = compare(to, join(name, key), below, after)
		case inA != inB || !reflect.DeepEqual(x, y):
			to = append(to, join(name, key))
		}
	}
	return to
}

// find goes down to a fact.
func (v *View) find(fact string) (any, bool) {
	segments := split(fact)
	if v == nil || segments == nil {
		return nil, false
	}
	var value any = v.tree
	for _, s := range segments {
		node, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = node[s]; !ok {
			return nil, false
		}
	}
	return value, true
}

func text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = text(item)
		}
		return strings.Join(parts, ",")
	}
	data, _ := json.Marshal(value) // it came as JSON
	return string(data)
}
