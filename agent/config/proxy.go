package config

import (
	"io/fs"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent/proxy"
)

// Proxy says where the API server is passed on to other containers, and how much
// of it.
type Proxy struct {
	// Listen is the address: on loopback, or a unix socket. Empty: nowhere.
	Listen string
	// SocketMode is the permissions of the socket. Zero: 0660.
	SocketMode fs.FileMode
	Rules      proxy.Rules
}

// proxy reads the mapping proxy.
func (r *reader) proxy(n *yaml.Node) {
	p := &r.config.Proxy
	r.mapping(n, "proxy",
		field{"listen", func(n *yaml.Node) {
			r.text("proxy.listen", &p.Listen)(n)
			if err := CheckProxy(p.Listen); err != nil {
				r.fail(n, "proxy.listen: %w", err)
			}
		}},
		field{"socketMode", func(n *yaml.Node) { p.SocketMode = r.socketMode("proxy.socketMode", n) }},
		field{"apiPrefix", func(n *yaml.Node) {
			r.text("proxy.apiPrefix", &p.Rules.APIPrefix)(n)
			if err := proxy.CheckPrefix(p.Rules.APIPrefix); err != nil {
				r.fail(n, "proxy.apiPrefix: %w", err)
			}
		}},
		field{"acceptPaths", r.patterns("proxy.acceptPaths", &p.Rules.AcceptPaths)},
		field{"rejectPaths", r.patterns("proxy.rejectPaths", &p.Rules.RejectPaths)},
		field{"allowWrites", r.boolean("proxy.allowWrites", &p.Rules.AllowWrites)},
		field{"rejectMethods", r.patterns("proxy.rejectMethods", &p.Rules.RejectMethods)},
		field{"acceptHosts", r.patterns("proxy.acceptHosts", &p.Rules.AcceptHosts)})
}

// patterns reads a list of regular expressions. One that is empty replaces a
// default by nothing.
func (r *reader) patterns(what string, dst *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*dst = []string{}
		r.list(what, func(n *yaml.Node) {
			var pattern string
			r.text("an item of "+what, &pattern)(n)
			if err := proxy.CheckPattern(pattern); err != nil {
				r.fail(n, "%s: %w", what, err)
			}
			*dst = append(*dst, pattern)
		})(n)
	}
}

// CheckProxy reports what is wrong with the address of a proxy.
func CheckProxy(address string) error {
	return checkLocal(address, "whoever reaches it acts as the pod")
}
