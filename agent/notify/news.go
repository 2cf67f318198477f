package notify

import (
	"slices"
	"time"
)

const (
	maxFacts     = 100
	maxFactBytes = 32 << 10 // a variable of a command has room for 128 KiB
)

// news is what a hook will hear of beside the outputs.
type news struct {
	facts   []string  // sorted
	noticed time.Time // the oldest
	since   time.Time // published
	size    int       // of facts
}

// add puts together what was published at different times.
func (n *news) add(more news) {
	n.noticed, n.since = oldest(n.noticed, more.noticed), oldest(n.since, more.since)
	for _, fact := range more.facts {
		i, found := slices.BinarySearch(n.facts, fact)
		if found || len(n.facts) >= maxFacts || n.size+len(fact) > maxFactBytes {
			continue
		}
		n.facts = slices.Insert(n.facts, i, fact)
		n.size += len(fact)
	}
}

// oldest is the earlier of two times of which either may be unknown.
func oldest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
