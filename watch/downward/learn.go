package downward

// Learn says what the files hold by the pod's spec, where somebody has seen it
// while the volume was in use. Items that were given win. A Watch that runs
// tells of it, since a Read may give more now: the layer that does says so, for
// what the files hold has not changed.
//
// A file that has no well-known name stays what it was too, files['<path>'].
func (s *Source) Learn(items []Item) {
	if len(s.Items) > 0 || len(items) == 0 {
		return
	}
	s.mu.Lock()
	s.learned, s.fresh = items, true
	changed := s.changed
	s.mu.Unlock()
	if changed != nil {
		changed()
	}
}

// given are the items, those of the fields or those that were learned. fresh is
// true once after they were.
func (s *Source) given() (items []Item, how string, learned, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.learned) > 0 {
		fresh, s.fresh = s.fresh, false
		return s.learned, "pod spec", true, fresh
	}
	if s.ItemsFrom != "" {
		return s.Items, s.ItemsFrom, false, false
	}
	return s.Items, "items", false, false
}

// items are the items that a Read goes by.
func (s *Source) items() []Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.learned) > 0 {
		return s.learned
	}
	return s.Items
}

// tells keeps what is called when a Read may give something else.
func (s *Source) tells(changed func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = changed
}
