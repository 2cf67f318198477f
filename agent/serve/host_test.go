package serve

import (
	"net/http"
	"testing"
)

func TestForeign(t *testing.T) {
	t.Parallel()
	const own, another = "", "another site"
	for _, test := range []struct {
		host, site string
		origins    []string
		by         string
	}{
		{"localhost:9301", "", nil, own},
		{"localhost:9301", "none", nil, own},
		{"localhost:9301", "same-origin", []string{"http://localhost:9301"}, own},
		{"localhost:9301", "", []string{"http://LocalHost:9301"}, own},
		{"[::1]:9301", "", []string{"http://[::1]:9301"}, own},
		{"localhost:9301", "same-site", nil, another},
		{"localhost:9301", "cross-site", []string{"http://localhost:9301"}, another},
		{"localhost:9301", "anything new", nil, another},
		{"localhost:9301", "same-origin", []string{"http://example.com"}, `"http://example.com"`},
		{"localhost:9301", "", []string{"http://localhost:9301", "http://example.com"}, `"http://example.com"`},
		{"localhost:9301", "", []string{"http://localhost:3000"}, `"http://localhost:3000"`},
		{"localhost:9301", "", []string{"https://localhost:9301"}, `"https://localhost:9301"`},
		{"localhost:9301", "", []string{"null"}, `"null"`},
		{"localhost:9301", "", []string{""}, `""`},
		{"localhost:9301", "", []string{"http://["}, `"http://["`},
		{"", "", []string{"http://"}, `"http://"`}, // HTTP/1.0
	} {
		r := &http.Request{Host: test.host, Header: http.Header{"Origin": test.origins}}
		if test.site != "" {
			r.Header.Set("Sec-Fetch-Site", test.site)
		}
		if by, foreign := Foreign(r); by != test.by || foreign != (test.by != own) {
			t.Errorf("%q of %q to %s: foreign is %v, by %q, want %q", test.site, test.origins, test.host, foreign, by, test.by)
		}
	}
}
