package serve

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// checkHost answers to names of the server's own. Any other was given to this
// address by someone else: a web page whose name leads to 127.0.0.1 would otherwise
// read the answers in its visitor's browser. No browser reaches a unix socket.
func checkHost(own func(host string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if (local == nil || local.Network() != "unix") && !own(r.Host) {
			http.Error(w, "this server answers to IP addresses and localhost, and not to the name in the Host header", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// IsOwn reports whether a Host header is an IP address or localhost, with or
// without a port. HTTP/1.0 has none, and browsers do not speak it.
func IsOwn(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	} else if inner, ok := strings.CutPrefix(host, "["); ok {
		name = strings.TrimSuffix(inner, "]")
	}
	_, err := netip.ParseAddr(name)
	return host == "" || err == nil || strings.EqualFold(name, "localhost")
}

// Foreign says whose web page has a browser send a request, where it is none of the
// server's own: "another site", or the page's origin in quotes. Browsers say where a
// request comes from; other programs do not, and need not.
func Foreign(r *http.Request) (by string, foreign bool) {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return "another site", true
	}
	for _, origin := range r.Header["Origin"] {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "http" || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return strconv.Quote(origin), true
		}
	}
	return "", false
}
