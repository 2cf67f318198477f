package funcs

import (
	"fmt"
	"slices"
	"strings"
)

// semverCompare takes the constraints of Masterminds/semver, which Helm users
// know: operators = != > < >= <= ~ ^, wildcards, ranges 1.2 - 1.4, spaces or
// commas for and, || for or. A prerelease meets only a constraint that names
// a prerelease itself, such as >=1.27-0.
func semverCompare(constraint, s string) (bool, error) {
	groups, err := parseConstraint(constraint)
	if err != nil {
		return false, err
	}
	v, err := parseVersion(s)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(groups, func(all []comparison) bool {
		prereleases := slices.ContainsFunc(all, func(c comparison) bool { return c.pre != "" })
		if v.pre != "" && !prereleases {
			return false
		}
		return !slices.ContainsFunc(all, func(c comparison) bool { return !c.allows(v) })
	}), nil
}

type comparison struct {
	op string
	pattern
}

func parseConstraint(s string) ([][]comparison, error) {
	if len(s) > 512 {
		return nil, fmt.Errorf("the version constraint %.64q is too long", s)
	}
	var groups [][]comparison
	for group := range strings.SplitSeq(s, "||") {
		all, ok := parseGroup(group)
		if !ok {
			return nil, fmt.Errorf("%.64q is not a version constraint such as >=1.27-0", s)
		}
		groups = append(groups, all)
	}
	return groups, nil
}

const spaces = " \t\n\f\r"

func parseGroup(s string) (all []comparison, ok bool) {
	for s = strings.TrimLeft(s, spaces); s != "" || all == nil; {
		var c comparison
		c.op, s = cutOperator(s)
		if c.pattern, s, ok = cutPattern(strings.TrimLeft(s, spaces)); !ok {
			return nil, false
		}
		rest := strings.TrimLeft(s, spaces)
		if to, isRange := cutDash(s, rest); isRange && c.op == "" {
			c.op = ">="
			all = append(all, c)
			c.op = "<="
			if c.pattern, s, ok = cutPattern(to); !ok {
				return nil, false
			}
			rest = strings.TrimLeft(s, spaces)
		}
		all = append(all, c)
		next, comma := strings.CutPrefix(rest, ",")
		next = strings.TrimLeft(next, spaces)
		if comma && next == "" || !comma && rest != "" && len(rest) == len(s) {
			return nil, false
		}
		s = next
	}
	return all, true
}

func cutOperator(s string) (op, rest string) {
	for _, op := range []string{">=", "=>", "<=", "=<", "!=", "~>", "~", "^", ">", "<", "="} {
		if rest, ok := strings.CutPrefix(s, op); ok {
			return op, rest
		}
	}
	return "", s
}

// cutDash finds the dash of a range, which has space on both sides.
func cutDash(s, trimmed string) (to string, ok bool) {
	after, dash := strings.CutPrefix(trimmed, "-")
	to = strings.TrimLeft(after, spaces)
	return to, dash && len(trimmed) < len(s) && len(to) < len(after)
}

// allows follows Masterminds/semver to the letter, odd corners included:
// templates must decide here as they do in Helm.
func (c comparison) allows(v *version) bool {
	order := v.Compare(&c.version)
	noMinor, noPatch := c.parts == 1, c.parts == 2
	switch c.op {
	case "", "=":
		if c.parts < 3 {
			return c.tilde(v, order)
		}
		return order == 0
	case "!=":
		switch {
		case noMinor:
			return v.major != c.major
		case noPatch:
			return v.major != c.major || v.minor != c.minor || comparePrerelease(v.pre, c.pre) != 0
		}
		return order != 0
	case ">":
		switch {
		case noMinor:
			return v.major > c.major
		case noPatch:
			return v.major > c.major || v.major == c.major && v.minor > c.minor
		}
		return order > 0
	case "<":
		return order < 0
	case ">=", "=>":
		return order >= 0
	case "<=", "=<":
		if c.parts == 3 {
			return order <= 0
		}
		return v.major < c.major || v.major == c.major && (noMinor || v.minor <= c.minor)
	case "^":
		return c.caret(v, order)
	}
	return c.tilde(v, order)
}

// tilde allows the patches of a minor version: ~1.2.3 is >=1.2.3 and <1.3.
func (c comparison) tilde(v *version, order int) bool {
	if order < 0 {
		return false
	}
	if c.major == 0 && c.minor == 0 && c.patch == 0 && (c.parts == 0 || c.parts == 3) {
		return true
	}
	return v.major == c.major && (v.minor == c.minor || c.parts == 1)
}

// caret allows what should not break: ^1.2.3 is >=1.2.3 and <2, ^0.2.3 is
// >=0.2.3 and <0.3.
func (c comparison) caret(v *version, order int) bool {
	if order < 0 || v.major != c.major {
		return false
	}
	if c.major > 0 || c.parts == 1 {
		return true
	}
	return v.minor == c.minor && (c.minor > 0 || c.parts == 2 || v.patch == c.patch)
}
