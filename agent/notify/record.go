package notify

import (
	"bytes"
	"errors"
	"io/fs"
	"sync/atomic"
)

// record is where a worker keeps its ledger. What is noted ahead of a publication
// is saved by whoever publishes, all else by the worker.
type record struct {
	store Store
	path  string
	lost  atomic.Bool // somebody may have removed what the store held

	// turn holds one while somebody reads or writes what follows, for as long as
	// the store takes: a channel, since a mutex is for less.
	turn   chan struct{}
	read   bool   // what the hook was told before has been
	saved  []byte // what the store holds; nil: unknown or nothing
	holds  bool   // the store holds a ledger that can be read
	failed bool   // the last attempt to save did, and it was said
}

var errNoStore = errors.New("nothing is remembered")

// remember reads what the hook was told before this process. What cannot be read
// leaves the hook's knowledge uncertain: better one reload too many. An exit is
// different: it would be one at each start.
func (w *worker) remember() {
	r := &w.record
	defer r.take()()
	if r.read {
		return
	}
	told, start, err := r.load()
	skip := w.hook.SkipFirst
	if err != nil {
		w.log.Warn("cannot read what the hook was told", "file", r.path, "error", err)
		told = make(ledger)
		if skip = skip || w.exits; !w.exits {
			for _, path := range w.on {
				told[path] = mark{}
			}
		}
	}
	w.load(told, start, skip)
	r.read = true
}

// take takes its turn, until done is called.
func (r *record) take() (done func()) {
	r.turn <- struct{}{}
	return func() { <-r.turn }
}

func (r *record) load() (told ledger, start map[string]string, err error) {
	if r.store == nil {
		return make(ledger), nil, nil
	}
	data, err := r.store.Load(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return make(ledger), nil, nil
	}
	if err == nil {
		told, start, err = decodeLedger(data)
	}
	if err == nil {
		r.saved, r.holds = data, true
	}
	return told, start, err
}

// ahead says what is about to be published. What counts as known by that is saved
// before it is; the directory may not be there yet.
func (w *worker) ahead(next map[string]Digest) (concerned []string) {
	if w.hook.SkipFirst {
		w.remember()
	}
	concerned, noted := w.publishing(next)
	if noted {
		_ = w.record.save(w.page, func(error) bool { return false }) // the worker tries again, and complains
	}
	return concerned
}

// save writes down what the hook has been told, unless that is what the store
// holds. It complains once until it succeeds.
func (w *worker) save() error {
	return w.record.save(w.page, func(err error) bool {
		w.log.Warn("cannot remember what the hook was told; a restart may tell it again", "file", w.record.path, "error", err,
			"hint", "name a directory that can be written to as stateDir")
		return true
	})
}

// save writes a page, as it is by then. The first time that it fails, complain is
// called, and reports whether it has said so.
func (r *record) save(page func() (data []byte, nothing bool, err error), complain func(error) bool) error {
	defer r.take()()
	data, nothing, err := page()
	if r.lost.Swap(false) {
		r.saved, r.holds = nil, false
	}
	switch {
	case err != nil:
		return err
	case r.store == nil:
		return errNoStore
	case bytes.Equal(data, r.saved), nothing && !r.holds:
		return nil
	}
	if err := r.store.Save(r.path, data); err != nil {
		r.failed, r.saved = r.failed || complain(err), nil
		return err
	}
	r.saved, r.holds, r.failed = data, true, false
	return nil
}

// state says whether there is something to come back to, and whether the last
// attempt to save failed.
func (r *record) state() (holds, failed bool) {
	defer r.take()()
	return r.holds, r.failed
}
