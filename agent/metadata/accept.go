package metadata

import (
	"strconv"
	"strings"
)

// Content types.
const (
	typeText    = "text/plain; charset=utf-8"
	typeJSON    = "application/json"
	typeYAML    = "application/yaml"
	typeBytes   = "application/octet-stream"
	typeEvents  = "text/event-stream"
	typeProblem = "application/problem+json"
	typeHTML    = "text/html; charset=utf-8"
	typeScript  = "text/javascript; charset=utf-8"
	typeStyle   = "text/css; charset=utf-8"
)

// negotiate chooses what an Accept header likes best, and of what it likes
// equally, the first offer. Without a header, it is the first. False: it takes
// none of them. See RFC 9110, section 12.5.1.
func negotiate(accept []string, offers ...string) (string, bool) {
	ranges := strings.Join(accept, ",")
	if strings.TrimSpace(ranges) == "" {
		return offers[0], true
	}
	best, quality := "", 0.0
	for _, offer := range offers {
		if q := qualityOf(offer, ranges); q > quality {
			best, quality = offer, q
		}
	}
	return best, quality > 0
}

// qualityOf is how much the ranges of an Accept header like a content type: what
// the most specific range that matches says.
func qualityOf(offer, ranges string) (quality float64) {
	kind, _, _ := strings.Cut(offer, ";")
	group, _, _ := strings.Cut(kind, "/")
	specific := 0
	for one := range strings.SplitSeq(ranges, ",") {
		name, params, _ := strings.Cut(one, ";")
		level := 0
		switch strings.ToLower(strings.TrimSpace(name)) {
		case kind:
			level = 3
		case group + "/*":
			level = 2
		case "*/*":
			level = 1
		}
		if level > specific {
			specific, quality = level, weight(params)
		}
	}
	return quality
}

// weight reads q among the parameters of a range. What is not well formed
// counts as 1.
func weight(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		if q, err := strconv.ParseFloat(value, 64); err == nil && q >= 0 && q <= 1 {
			return q
		}
	}
	return 1
}
