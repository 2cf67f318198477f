package proxy

import (
	"net/http"
	"slices"
	"strings"
)

// identity begins the headers that make a request someone else's. They are refused,
// since what is asked in another's name must not be answered in one's own.
var identity = []string{"Impersonate-", "X-Remote-"}

// dropped are the headers that are not passed on, or those that begin so: what speaks
// of one connection (RFC 9110, 7.6.1), what says where a request came from or who makes
// it, and what some take for another method or path than the one that was judged.
var dropped = []string{
	"Connection", "Proxy-", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings", "Expect", "Sec-Websocket-",
	"Authorization", "Forwarded", "X-Forwarded-", "X-Real-Ip", "X-Original-", "X-Rewrite-", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
}

// spelled gives a header as Go spells it, also where somebody takes an underscore for
// a dash.
func spelled(name string) string {
	return http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
}

// begins reports whether a header is one of a list. What ends in a dash is the
// beginning of a name.
func begins(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		return name == s || strings.HasSuffix(s, "-") && strings.HasPrefix(name, s)
	})
}

// requestHeader is what is passed on of a request's headers. Cookies are for what
// stands behind the API server: to some of these, one is as good as a token.
func requestHeader(in http.Header, nested bool) http.Header {
	out := make(http.Header, len(in)+1) // and the token
	named := connectionNamed(in)
	for name, values := range in {
		if n := spelled(name); !begins(dropped, n) && !begins(identity, n) && !slices.Contains(named, n) {
			out[name] = values
		}
	}
	if !nested {
		delete(out, "Cookie")
	}
	return out
}

// answerHeader is what is passed on of an answer's headers.
func answerHeader(out, in http.Header) {
	named := connectionNamed(in)
	for name, values := range in {
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		default:
			if !slices.Contains(named, name) {
				out[name] = values
			}
		}
	}
	if out["Content-Type"] == nil {
		out["Content-Type"] = nil // it is not for us to guess
	}
}

// connectionNamed are the headers that belong to the connection because it says so.
func connectionNamed(h http.Header) []string {
	var named []string
	for _, s := range tokens(h["Connection"]) {
		named = append(named, spelled(s))
	}
	return named
}

func tokens(values []string) []string {
	var all []string
	for _, v := range values {
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

// claims reports a header by which a client wants to be someone else, or none.
func claims(h http.Header) string {
	for name := range h {
		if begins(identity, spelled(name)) {
			return name
		}
	}
	return ""
}

// upgrades reports whether a client wants to go on with another protocol. HTTP/2,
// which some offer at every occasion, may be passed over (RFC 9110, 7.8).
func upgrades(h http.Header) bool {
	for _, s := range tokens(h["Upgrade"]) {
		if !strings.EqualFold(s, "h2c") {
			return true
		}
	}
	return h["Sec-Websocket-Key"] != nil
}
