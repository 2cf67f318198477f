package render

import (
	"iter"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// Origin is a fact, or what another source says of it, with where that comes
// from. Times are in UTC, as RFC 3339 has them, and empty where they are not
// known.
type Origin struct {
	Fact      string   `json:"fact,omitempty" yaml:"fact,omitempty"`
	Value     any      `json:"value,omitempty" yaml:"value,omitempty"`
	Source    string   `json:"source" yaml:"source"`
	From      string   `json:"from,omitempty" yaml:"from,omitempty"`
	Confirmed string   `json:"confirmed,omitempty" yaml:"confirmed,omitempty"` // when the source last said so
	Written   string   `json:"written,omitempty" yaml:"written,omitempty"`     // when it was written down
	Stale     bool     `json:"stale,omitempty" yaml:"stale,omitempty"`
	Unset     bool     `json:"unset,omitempty" yaml:"unset,omitempty"`
	Sensitive bool     `json:"sensitive,omitempty" yaml:"sensitive,omitempty"`
	Others    []Origin `json:"others,omitempty" yaml:"others,omitempty"` // that differ
}

// Origins lists facts with their origins. Of sensitive facts it gives the values
// only if they are to be shown.
func Origins(facts iter.Seq[watch.Fact], showSensitive bool) []Origin {
	all := []Origin{}
	for f := range facts {
		o := f.Origin
		l := Origin{
			Fact: string(f.Path), Value: f.Value, Source: o.Source, From: o.From,
			Confirmed: moment(o.Confirmed), Written: moment(o.Written), Stale: o.Stale, Unset: f.Unset, Sensitive: f.Sensitive,
		}
		for _, o := range o.Others {
			l.Others = append(l.Others, Origin{Value: o.Value, Source: o.Source, From: o.From, Written: moment(o.Written), Stale: o.Stale})
		}
		if f.Sensitive && !showSensitive {
			l.Value, l.Others = nil, nil
		}
		all = append(all, l)
	}
	return all
}

// moment writes a time, nothing where there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
