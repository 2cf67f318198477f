package funcs

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

func semverFuncs() []Func {
	return []Func{
		{"semver", "", "a version, with Major, Minor, Patch, Prerelease, Metadata, Original, Compare, Equal, LessThan and GreaterThan", `{{ (semver "v1.29.3-gke.1").Minor }}`, "29", parseVersion},
		{"semverCompare", "", "whether a version meets a constraint", `{{ semverCompare ">=1.27-0" "v1.29.3-gke.1" }}`, "true", semverCompare},
	}
}

// version is a semantic version; templates call the methods that TemplateMethod
// names. It is
// written here because the library that sprig uses compiles regular
// expressions at start: 200 kB of private memory in every pod, for a function
// that few templates call.
type version struct {
	major, minor, patch uint64
	pre, meta, original string
}

func (v *version) Major() uint64      { return v.major }
func (v *version) Minor() uint64      { return v.minor }
func (v *version) Patch() uint64      { return v.patch }
func (v *version) Prerelease() string { return v.pre }
func (v *version) Metadata() string   { return v.meta }
func (v *version) Original() string   { return v.original }

// TemplateMethod gives templates the methods, which are not looked up by
// reflection.
func (v *version) TemplateMethod(name string) any {
	switch name {
	case "Major":
		return v.Major
	case "Minor":
		return v.Minor
	case "Patch":
		return v.Patch
	case "Prerelease":
		return v.Prerelease
	case "Metadata":
		return v.Metadata
	case "Original":
		return v.Original
	case "String":
		return v.String
	case "Equal":
		return v.Equal
	case "LessThan":
		return v.LessThan
	case "GreaterThan":
		return v.GreaterThan
	case "Compare":
		return v.Compare
	}
	return nil
}

// String writes the version in full, without a leading v.
func (v *version) String() string {
	s := fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch)
	if v.pre != "" {
		s += "-" + v.pre
	}
	if v.meta != "" {
		s += "+" + v.meta
	}
	return s
}

// Equal says that two versions differ at most in their metadata.
func (v *version) Equal(o *version) bool       { return v.Compare(o) == 0 }
func (v *version) LessThan(o *version) bool    { return v.Compare(o) < 0 }
func (v *version) GreaterThan(o *version) bool { return v.Compare(o) > 0 }

// Compare gives -1, 0 or 1 by the precedence of semver.org, §11.
func (v *version) Compare(o *version) int {
	if o == nil {
		return 1
	}
	return cmp.Or(cmp.Compare(v.major, o.major), cmp.Compare(v.minor, o.minor), cmp.Compare(v.patch, o.patch),
		comparePrerelease(v.pre, o.pre))
}

func comparePrerelease(a, b string) int {
	if a == "" || b == "" { // a release comes after its prereleases
		return cmp.Compare(len(b), len(a))
	}
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if d := compareIdentifier(x, y); d != 0 {
			return d
		}
	}
	return 0
}

func compareIdentifier(a, b string) int {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	switch {
	case a == "" || b == "":
		return cmp.Compare(len(a), len(b))
	case errX == nil && errY == nil:
		return cmp.Compare(x, y)
	case errX == nil: // numbers come before words
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// parseVersion reads a version; v in front is allowed, and minor and patch
// may be missing.
func parseVersion(s string) (*version, error) {
	p, rest, ok := cutPattern(s)
	if !ok || rest != "" || p.wild || len(s) > 256 {
		return nil, fmt.Errorf("%.64q is not a version", s)
	}
	p.original = s
	return &p.version, nil
}

// pattern is a version of which only the first parts may be given: 1.2, or
// 1.2.x, has two.
type pattern struct {
	version
	parts int
	wild  bool // a part is written as x, X or *
}

// cutPattern reads a pattern at the start of a text, and gives what follows.
func cutPattern(s string) (p pattern, rest string, ok bool) {
	s = strings.TrimPrefix(s, "v")
	for i, part := range []*uint64{&p.major, &p.minor, &p.patch} {
		if i > 0 {
			after, more := strings.CutPrefix(s, ".")
			if !more {
				break
			}
			s = after
		}
		n := len(s) - len(strings.TrimLeft(s, "0123456789"))
		switch {
		case n == 0 && s != "" && strings.Contains("xX*", s[:1]):
			p.wild, n = true, 1
		case n == 0:
			return p, s, false
		case !p.wild: // what follows a wildcard does not count
			number, err := strconv.ParseUint(s[:n], 10, 64)
			if err != nil {
				return p, s, false
			}
			*part, p.parts = number, i+1
		}
		s = s[n:]
	}
	p.pre, s = cutIdentifiers(s, "-")
	p.meta, s = cutIdentifiers(s, "+")
	for id := range strings.SplitSeq(p.pre, ".") {
		if len(id) > 1 && id[0] == '0' && strings.Trim(id, "0123456789") == "" {
			return p, s, false
		}
	}
	return p, s, true
}

// cutIdentifiers reads the words, with dots between, that follow a sign.
func cutIdentifiers(s, sign string) (ids, rest string) {
	after, ok := strings.CutPrefix(s, sign)
	if !ok {
		return "", s
	}
	n := 0
	for n < len(after) && (isIdentifier(after[n]) || isInnerDot(after, n)) {
		n++
	}
	if n == 0 {
		return "", s
	}
	return after[:n], after[n:]
}

func isIdentifier(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-'
}

// isInnerDot says that a dot stands between two identifiers.
func isInnerDot(s string, i int) bool {
	return s[i] == '.' && i > 0 && i+1 < len(s) && isIdentifier(s[i-1]) && isIdentifier(s[i+1])
}
