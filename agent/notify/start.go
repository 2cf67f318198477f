package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
)

// start is what keeps an exit from happening at each start, where what comes
// before this process and publishes the same outputs, as an init container does,
// never agrees with it.
type start struct {
	// last is which changes led to an exit at a start, a digest for each output.
	last map[string]string
	due  map[string]string // those that have been found at this one
	over bool              // contents have changed since, and what is due is news
}

// begin notes what an attempt is to tell, beside what was told before.
func (s *start) begin(told, now ledger) {
	for path, m := range now {
		if _, noted := s.due[path]; noted || s.over {
			continue // what was told is uncertain by now
		}
		if s.due == nil {
			s.due = make(map[string]string)
		}
		before := told[path]
		sum := sha256.Sum256(append(before.digest[:], m.digest[:]...))
		s.due[path] = hex.EncodeToString(sum[:8])
	}
}

// again reports whether all of some outputs led to an exit before, by the same
// changes.
func (s *start) again(outputs []string) bool {
	for _, path := range outputs {
		if s.over || s.due[path] == "" || s.due[path] != s.last[path] {
			return false
		}
	}
	return true
}

// leave notes what has led to an exit.
func (s *start) leave() {
	if s.last == nil {
		s.last = make(map[string]string)
	}
	if !s.over {
		maps.Copy(s.last, s.due)
	}
}

// settled notes that all outputs are published and known. Where that was so from
// the start, both agree, and an exit at a later one is not like the last.
func (s *start) settled() {
	if len(s.due) == 0 && !s.over {
		s.last = nil
	}
}
