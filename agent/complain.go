package agent

import (
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch"
)

// looked takes in what the sources gave, and logs what is wrong with them, once.
func (r *round) looked(s *watch.Snapshot, err error) {
	r.tell(Looked{s, err})
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != r.source && text != "" {
		for _, e := range watch.Errors(err) {
			if remembered(s, e) {
				r.log.Warn("source failed; its last facts stay", "error", e)
			} else {
				r.log.Warn("source failed", "error", e)
			}
		}
	}
	if text == "" && r.source != "" {
		r.log.Info("sources are well again")
	}
	r.source = text
}

// remembered reports whether the view holds what the source of an error said
// before.
func remembered(s *watch.Snapshot, err error) bool {
	stale := make(map[string]bool)
	for f := range s.Facts() {
		if f.Origin.Stale {
			stale[f.Origin.Source] = true
		}
	}
	return slices.ContainsFunc(s.Sources(), func(state watch.SourceState) bool {
		return stale[state.Name] && slices.ContainsFunc(watch.Errors(state.Err), func(e error) bool { return e.Error() == err.Error() })
	})
}

// complainOf logs why a unit was not published, once.
func (r *round) complainOf(i int, err error) {
	before := r.states[i].err
	r.states[i].err = err
	if before != nil && before.Error() == err.Error() {
		return
	}
	u := r.units[i]
	for _, e := range watch.Errors(err) {
		if u.exists() {
			r.log.Error("output not renewed; the last good file stays", "output", u.name(), "error", e)
		} else {
			r.log.Error("output not written", "output", u.name(), "error", e)
		}
	}
}

// Skipped says what an output leaves out, and why, if its renderer can tell. Where
// Render fails, it may say nothing.
func (o Output) Skipped(s *watch.Snapshot) []error {
	r, ok := o.Renderer.(interface {
		Skipped(*watch.Snapshot) []error
	})
	if !ok {
		return nil
	}
	return watch.Errors(prefix(o.File.Path, watch.Join(r.Skipped(s)...)))
}

// complainOfSkipped logs what a unit leaves out, whenever that changes.
func (r *round) complainOfSkipped(i int, s *watch.Snapshot) {
	var text strings.Builder
	var left []error
	for _, o := range r.units[i].outputs {
		left = append(left, o.Skipped(s)...)
	}
	for _, e := range left {
		text.WriteString(e.Error() + "\n")
	}
	if r.states[i].skipped == text.String() {
		return
	}
	r.states[i].skipped = text.String()
	for _, e := range left {
		r.log.Warn("variable left out", "error", e)
	}
}
