package metadata

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// view is what is shown at one moment. It never changes.
type view struct {
	whole     *watch.Snapshot
	part      *watch.Snapshot // of whole, what is exposed
	paths     []watch.Path    // that are exposed
	named     []watch.Path    // those of them that somebody has named
	container string
	version   uint64
	json      []byte // the part
	id        string // of the part; its ETag is the same in quotes
}

// step is a change of the view.
type step struct {
	from    string // id before
	changed []watch.Path
}

// maxHistory is how many steps are remembered for those who come back.
const maxHistory = 64

// current makes the newest view, or returns the one that is there. Nil: there is
// no snapshot yet.
func (s *Service) current() *view {
	s.making.Lock()
	defer s.making.Unlock()
	s.mu.Lock()
	newest, settings, version := s.newest, s.settings, s.version
	s.mu.Unlock()
	if newest == nil {
		return nil
	}
	last := s.view
	if last != nil && last.version == version {
		return last
	}
	v := &view{whole: newest, container: settings.Container, version: version}
	v.part, v.paths, v.named = settings.show(newest)
	if last != nil && last.part.Equal(v.part) {
		v.json, v.id = last.json, last.id
	} else {
		v.encode()
	}
	if last != nil && last.id != v.id {
		if len(s.history) == maxHistory {
			s.history = slices.Delete(s.history, 0, 1)
		}
		s.history = append(s.history, step{last.id, v.part.Changed(last.part)})
	}
	s.view = v
	return v
}

// since names the facts that have changed since the view had an id. False: that
// is not known, and all of them are named.
func (s *Service) since(id string, v *view) ([]watch.Path, bool) {
	s.making.Lock()
	defer s.making.Unlock()
	start := -1
	for i, step := range s.history {
		if step.from == id {
			start = i // the last time that it was
		}
	}
	if start < 0 {
		return v.part.Changed(nil), false
	}
	var changed []watch.Path
	for _, step := range s.history[start:] {
		changed = append(changed, step.changed...)
	}
	slices.Sort(changed)
	return slices.Compact(changed), true
}

// Show gives the part of a snapshot that the settings expose.
func (s Settings) Show(whole *watch.Snapshot) *watch.Snapshot {
	part, _, _ := s.show(whole)
	return part
}

func (s Settings) show(whole *watch.Snapshot) (part *watch.Snapshot, paths, named []watch.Path) {
	var bare []watch.Path // what is sensitive is shown there
	for _, e := range s.Expose {
		p, err := whole.Resolve(render.InContainer(e.Path, s.Container))
		if err != nil {
			continue // it names no container, and so no fact
		}
		paths = append(paths, p)
		if e.Named {
			named = append(named, p)
		}
		if e.Named && len(p.Segments()) > 1 {
			bare = append(bare, p)
		}
	}
	return whole.Only(paths, bare), paths, named
}

func (v *view) encode() {
	var b bytes.Buffer
	// A snapshot holds nothing that JSON cannot.
	_ = render.Encode(&b, "json", v.part.Tree())
	v.json = b.Bytes()
	v.id = digest(typeJSON, v.json)
}

// shows reports whether a path is exposed, or something below it is.
func (v *view) shows(p watch.Path) bool {
	return slices.ContainsFunc(v.paths, func(e watch.Path) bool { return e.Covers(p) || p.Covers(e) })
}

// advise adds to the advice on a missing fact what exposing it by name does. A key
// that a known map lacks is nowhere else.
func (v *view) advise(err error) error {
	missing, ok := errors.AsType[*watch.MissingError](err)
	if !ok || covers(v.named, missing.Path) {
		return err
	}
	parent, _ := missing.Path.Parent()
	kind, _ := watch.KindOf(parent)
	_, unknown := v.whole.Lookup(parent)
	field, ok := watch.FieldOf(missing.Path)
	if !ok || !strings.HasPrefix(field.Sources, "API") || kind == watch.Strings && unknown == nil {
		return err
	}
	advised := *missing
	if advised.Hint != "" {
		advised.Hint += "; "
	}
	advised.Hint += "the API server is asked for what serve.expose or --expose names"
	return &advised
}

func covers(paths []watch.Path, p watch.Path) bool {
	return slices.ContainsFunc(paths, func(q watch.Path) bool { return q.Covers(p) })
}

// veils reports whether a path lies in what is sensitive and not exposed. Whether
// there is such a fact is nobody's business then.
func (v *view) veils(p watch.Path) bool {
	for f := range v.whole.Facts() {
		if f.Sensitive && (f.Path.Covers(p) || p.Covers(f.Path)) {
			_, err := v.part.Lookup(p)
			return err != nil
		}
	}
	return false
}

// digest is a strong validator of an answer, without the quotes.
func digest(contentType string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(contentType + "\n"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[:12])
}
