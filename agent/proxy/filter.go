package proxy

import (
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/agent/serve"
	"github.com/podfacts/podfacts/watch"
)

// Rules say which requests are passed on. Patterns are regular expressions that may
// match anywhere, as those of kubectl proxy. The zero Rules pass on what only reads,
// and none of [DefaultRejectPaths].
type Rules struct {
	// APIPrefix is where the API is served. What stands under /api stays as it is,
	// any other prefix is cut off. Empty: /.
	APIPrefix string
	// AcceptPaths are the only ones. Empty: all.
	AcceptPaths []string
	// RejectPaths come before AcceptPaths, and match in upper and lower case. "default"
	// stands for [DefaultRejectPaths]. Nil: those; empty: none.
	RejectPaths []string
	// AllowWrites passes on POST, PUT, PATCH and DELETE.
	AllowWrites bool
	// RejectMethods are not passed on either.
	RejectMethods []string
	// AcceptHosts are the names in the Host header, without port, that are answered.
	// Empty: IP addresses and localhost.
	AcceptHosts []string
}

// defaultPaths stands for the default among patterns.
const defaultPaths = "default"

// DefaultRejectPaths are the patterns of what gives secrets away or runs commands:
// Secrets and tokens, exec, attach and portforward of pods, the kubelets behind
// nodes/proxy, and what the API server says of its own process. They hold wherever an
// API is nested in another, as behind a service or a cluster's proxy.
func DefaultRejectPaths() []string {
	return []string{
		`/(api/[^/]+|apis/[^/]+/[^/]+)/(watch/)?(namespaces/[^/]+/)?secrets(/|$)`,
		`/api/[^/]+/(watch/)?(namespaces/[^/]+/)?(pods/[^/]+/(exec|attach|portforward)|nodes/[^/]+/proxy|serviceaccounts/[^/]+/token)(/|$)`,
		`/api/[^/]+/proxy(/|$)`,
		`^/(debug|logs)(/|$)`,
	}
}

// CheckPattern reports what is wrong with a pattern.
func CheckPattern(pattern string) error {
	_, err := regexp.Compile(pattern)
	if err != nil {
		return fmt.Errorf("%q is no regular expression: %w", pattern, err)
	}
	return nil
}

// CheckPrefix reports what is wrong with an APIPrefix.
func CheckPrefix(prefix string) error {
	path, query, err := canonical(prefix)
	if err != nil || query != "" || path != prefix {
		return fmt.Errorf("%q is no prefix of paths; write it as /k8s/", prefix)
	}
	return nil
}

// Filter says which requests are passed on. Get one from [Rules.Filter].
type Filter struct {
	prefix                                               string // with a slash at its end
	cut                                                  bool   // leave the prefix out
	acceptPaths, rejectPaths, rejectMethods, acceptHosts []*regexp.Regexp
	writes                                               bool
}

// Filter compiles the rules. The error holds everything that is wrong.
func (r Rules) Filter() (*Filter, error) {
	var errs []error
	compile := func(flags string, patterns []string) (all []*regexp.Regexp) {
		for _, s := range patterns {
			if s == "" {
				continue
			}
			if err := CheckPattern(s); err != nil {
				errs = append(errs, err)
				continue
			}
			if p, err := regexp.Compile(flags + s); err == nil {
				all = append(all, p)
			}
		}
		return all
	}
	f := &Filter{
		prefix:        strings.TrimSuffix(r.APIPrefix, "/") + "/",
		writes:        r.AllowWrites,
		acceptPaths:   compile("", r.AcceptPaths),
		rejectPaths:   compile("(?i)", r.rejected()),
		rejectMethods: compile("", r.RejectMethods),
		acceptHosts:   compile("", r.AcceptHosts),
	}
	f.cut = !strings.HasPrefix(f.prefix, "/api")
	if err := CheckPrefix(f.prefix); err != nil {
		errs = append(errs, err)
	}
	return f, watch.Join(errs...)
}

func (r Rules) rejected() []string {
	if r.RejectPaths == nil {
		return DefaultRejectPaths()
	}
	var all []string
	for _, s := range r.RejectPaths {
		if s == defaultPaths {
			all = append(all, DefaultRejectPaths()...)
		} else {
			all = append(all, s)
		}
	}
	return all
}

// LendsSecrets reports whether Secrets are passed on.
func (f *Filter) LendsSecrets() bool {
	return f.path("/api/v1/secrets") || f.path("/api/v1/namespaces/default/secrets/any")
}

// Writes reports whether what changes something is passed on.
func (f *Filter) Writes() bool { return f.writes }

// host reports whether a Host header is answered.
func (f *Filter) host(host string) bool {
	if len(f.acceptHosts) == 0 {
		return serve.IsOwn(host)
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return matches(f.acceptHosts, host)
}

// path reports whether a canonical path is passed on. What is served with a slash at
// the end is served without, so that no pattern has to think of both.
func (f *Filter) path(path string) bool {
	if matches(f.rejectPaths, path) || matches(f.rejectPaths, strings.TrimSuffix(path, "/")) {
		return false
	}
	return len(f.acceptPaths) == 0 || matches(f.acceptPaths, path)
}

func matches(patterns []*regexp.Regexp, s string) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(s) })
}

// method reports whether a method is passed on, and if not, why.
func (f *Filter) method(method string) *refusal {
	switch method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		if !f.writes {
			return refuse(http.StatusForbidden, reasonForbidden, "the proxy only reads, and does not pass on "+method+"; start it with --proxy-allow-writes if its users may write")
		}
	default:
		return refuse(http.StatusMethodNotAllowed, reasonMethod, "the proxy does not know the method; it passes on GET and HEAD, and what writes if it is told to")
	}
	if matches(f.rejectMethods, method) {
		return refuse(http.StatusForbidden, reasonForbidden, "the proxy is told not to pass on "+method+"; see --proxy-reject-methods")
	}
	return nil
}

// inner takes the prefix off a path.
func (f *Filter) inner(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, f.prefix)
	if !f.cut {
		return path, ok
	}
	return "/" + rest, ok
}
