package notify

import (
	"errors"
	"path/filepath"
	"slices"
)

// sweeper is a store that can find what it keeps.
type sweeper interface {
	// Sweep removes what it keeps in a directory for ledgers and gone says is of
	// no use any more.
	Sweep(dir string, gone func(path string, data []byte) bool) error
}

// forget removes the ledgers of hooks that are hooks no more. A ledger that
// names any output that is not ours may be that of another process, which
// shares the directory. An init container that publishes the same outputs, but
// has hooks of its own, tells these again when it is started again.
func (n *Notifier) forget() {
	store, ok := n.Store.(sweeper)
	if !ok || len(n.Outputs) == 0 {
		return
	}
	dirs := []string{n.Dir}
	ours := make(map[string]bool)
	for _, path := range n.Outputs {
		dirs = append(dirs, filepath.Dir(path))
		ours[path] = true
	}
	slices.Sort(dirs)
	keep := ledgerPaths(n.Dir, n.Hooks)
	gone := func(path string, data []byte) bool {
		told, _, err := decodeLedger(data)
		if err != nil || len(told) == 0 || slices.ContainsFunc(keep, func(k string) bool { return filepath.Clean(k) == filepath.Clean(path) }) {
			return false
		}
		for output := range told {
			if !ours[output] {
				return false
			}
		}
		return true
	}
	var errs []error
	for _, dir := range slices.Compact(dirs) {
		if dir != "" {
			errs = append(errs, store.Sweep(dir, gone))
		}
	}
	if err := errors.Join(errs...); err != nil {
		n.log().Debug("could not clean up what hooks were told", "error", err)
	}
}
