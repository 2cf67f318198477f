package main

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/proxy"
)

// TestProxyWrites: the flag has the last word where it is given, and none where it is not.
func TestProxyWrites(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		configured bool
		flag       []string
		want       bool
	}{
		{false, nil, false},
		{true, nil, true},
		{false, []string{"--proxy-allow-writes"}, true},
		{true, []string{"--proxy-allow-writes=false"}, false},
		{false, []string{"--proxy-allow-writes=false"}, false},
	} {
		var f proxyFlags
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.register(flags)
		if err := flags.Parse(test.flag); err != nil {
			t.Fatal(err)
		}
		c := &config.Config{Proxy: config.Proxy{Listen: "127.0.0.1:0", Rules: proxy.Rules{AllowWrites: test.configured}}}
		if err := f.add(c); err != nil || c.Proxy.Rules.AllowWrites != test.want {
			t.Errorf("%v before %q: %v, want %v: %v", test.configured, test.flag, c.Proxy.Rules.AllowWrites, test.want, err)
		}
	}
}
