package notify

import (
	"bytes"
	"errors"
	"io/fs"
	"sync/atomic"
)

// record is where a worker keeps its ledger.
type record struct {
	store  Store
	path   string
	saved  []byte      // what the store holds; nil: unknown or nothing
	holds  bool        // the store holds a ledger that can be read
	failed bool        // the last attempt to save did
	lost   atomic.Bool // somebody may have removed what the store held
}

var errNoStore = errors.New("nothing is remembered")

// remember reads what the hook was told before this process. What cannot be read
// leaves the hook's knowledge uncertain: better one reload too many. An exit is
// different: it would be one at each start.
func (w *worker) remember() {
	if w.told != nil {
		return
	}
	told, err := w.record.load()
	skip := w.hook.SkipFirst
	if err != nil {
		w.log.Warn("cannot read what the hook was told", "file", w.record.path, "error", err)
		told = make(ledger)
		if skip = skip || w.exits; !w.exits {
			for _, path := range w.on {
				told[path] = mark{}
			}
		}
	}
	w.load(told, skip)
}

func (r *record) load() (ledger, error) {
	if r.store == nil {
		return make(ledger), nil
	}
	data, err := r.store.Load(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return make(ledger), nil
	}
	if err != nil {
		return nil, err
	}
	told, err := decodeLedger(data)
	if err != nil {
		return nil, err
	}
	r.saved, r.holds = data, true
	return told, nil
}

// save writes down what the hook has been told, unless that is what the store
// holds. It complains once until it succeeds.
func (w *worker) save() error {
	data, nothing, err := w.page()
	r := &w.record
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
		if !r.failed {
			w.log.Warn("cannot remember what the hook was told; a restart may tell it again", "file", r.path, "error", err)
		}
		r.failed, r.saved = true, nil
		return err
	}
	r.saved, r.holds, r.failed = data, true, false
	return nil
}
