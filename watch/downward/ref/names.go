package ref

import "strings"

// The grammars of Kubernetes names, as far as facts need them.
// Kubernetes: k8s.io/apimachinery/pkg/util/validation, which would bring the
// network packages along.

// DNSLabel is the grammar of namespaces and containers.
func DNSLabel(s string) bool {
	return len(s) <= 63 && bounded(s, "-") && strings.ToLower(s) == s
}

// DNSSubdomain is the grammar of pods, nodes and service accounts.
func DNSSubdomain(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !bounded(part, "-") {
			return false
		}
	}
	return len(s) <= 253 && strings.ToLower(s) == s
}

// QualifiedName is the grammar of label and annotation keys.
func QualifiedName(s string) bool {
	prefix, name, found := strings.Cut(s, "/")
	if !found {
		name = s
	} else if !DNSSubdomain(prefix) {
		return false
	}
	return len(name) <= 63 && bounded(name, "-_.")
}

// UID is the grammar of UIDs: a UUID, or whatever else the manifest of a
// static pod has led the kubelet to.
func UID(s string) bool {
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
