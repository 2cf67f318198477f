package notify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/agent/notify"
)

// A header comes from the configuration, from a file as it is by then, or from what
// was rendered, and of each there is one.
func TestHTTPHeaders(t *testing.T) {
	t.Parallel()
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		if r.Header.Get("Deny") != "" {
			http.Error(w, "who is "+r.Header.Get("Authorization")+" of "+r.Header.Get("X-Zone")+"?", http.StatusForbidden)
		}
	}))
	defer server.Close()
	token := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(token, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := notify.HTTP{
		URL:         server.URL,
		Header:      http.Header{"content-type": {"text/plain"}},
		HeaderFiles: map[string]notify.HeaderFile{"authorization": {Path: token, Prefix: "Bearer "}},
	}
	e := notify.Event{Header: map[string]string{"x-zone": "zone-a", "user-agent": "web"}}
	for _, secret := range []string{"first-secret", "second-secret"} {
		write(secret + "\n")
		if err := h.Do(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint([]string{"text/plain"}, []string{"Bearer " + secret}, []string{"zone-a"}, []string{"web"})
		if all := fmt.Sprint(got["Content-Type"], got["Authorization"], got["X-Zone"], got["User-Agent"]); all != want {
			t.Errorf("sent %s, want %s", all, want)
		}
	}

	// A server that repeats what it was sent does not make it known.
	e.Header["Deny"] = "yes"
	wantError(t, h.Do(t.Context(), e), "status 403 Forbidden: who is … … of …?")

	for _, test := range []struct {
		text   string
		header map[string]string
		want   string
	}{
		{"a\nsecret", nil, "the value of header authorization holds a control character"},
		{" \n", nil, "header authorization: " + token + " is empty"},
		{"a", map[string]string{"X": "a\r\nsecret: b"}, "the value of header X holds a control character"},
		{"a", map[string]string{"X Y": "a"}, `invalid header name "X Y"`},
	} {
		write(test.text)
		err := h.Do(t.Context(), notify.Event{Header: test.header})
		wantError(t, err, test.want)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	}
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.Do(t.Context(), e), "header authorization: ", token)
	h.HeaderFiles = map[string]notify.HeaderFile{"A": {}, "B C": {Path: "x"}}
	wantError(t, h.Validate(), "header A is read from a file, but names none", `invalid header name "B C"`)
}
