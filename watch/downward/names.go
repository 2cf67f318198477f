package downward

import "strings"

// The grammars of Kubernetes names, as far as facts and items need them.
// Kubernetes: k8s.io/apimachinery/pkg/util/validation, which would bring the
// network packages along.

// dnsLabel is the grammar of namespaces and containers.
func dnsLabel(s string) bool {
	return len(s) <= 63 && bounded(s, "-") && strings.ToLower(s) == s
}

// dnsSubdomain is the grammar of pod names.
func dnsSubdomain(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !bounded(part, "-") {
			return false
		}
	}
	return len(s) <= 253 && strings.ToLower(s) == s
}

// qualifiedName is the grammar of label and annotation keys.
func qualifiedName(s string) bool {
	prefix, name, found := strings.Cut(s, "/")
	if !found {
		prefix, name = "", s
	} else if !dnsSubdomain(prefix) {
		return false
	}
	return len(name) <= 63 && bounded(name, "-_.")
}

// visible is the grammar of a UID: a UUID, or whatever else a static pod's
// manifest says.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// bounded reports whether s is ASCII letters and digits, with others allowed
// inside.
func bounded(s, inside string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		edge := i == 0 || i == len(s)-1
		if !alphanumeric && (edge || strings.IndexByte(inside, c) < 0) {
			return false
		}
	}
	return s != ""
}
