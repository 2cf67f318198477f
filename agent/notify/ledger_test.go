package notify

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	l := ledger{"/run/a b": {digest: Digest{1, 0xfe}, sure: true}, "/run/ü": {}}
	start := map[string]string{"/run/ü": "00"}
	data, err := l.encode(false, start)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":1,"told":{"/run/a b":"01fe` + strings.Repeat("0", 60) + `","/run/ü":""},"start":{"/run/ü":"00"}}` + "\n"
	if string(data) != want {
		t.Errorf("got %s, want %s", data, want)
	}
	if back, then, err := decodeLedger(data); err != nil || !maps.Equal(back, l) || !maps.Equal(then, start) {
		t.Errorf("read back %v, %v, %v", back, then, err)
	}
	data, err = l.encode(true, start)
	if back, _, _ := decodeLedger(data); err != nil || !maps.Equal(back, ledger{"/run/a b": {}, "/run/ü": {}}) {
		t.Errorf("in doubt: %s, %v", data, err)
	}
}

func TestDecodeLedgerErrors(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		"", "{}", "null", "[]", `{"version":1}`, `{"version":2,"told":{}}`, `{"told":{}}`, `{"version":1,"told":[]}`,
		`{"version":1,"told":{"/a":"00"}}`, `{"version":1,"told":{"/a":"` + strings.Repeat("x", 64) + `"}}`,
		`{"version":1,"told":{"/a":1}}`, `{"version":1,"told":{"/a":"`, `{"version":1,"told":{}} more`, "\x00\x00\x00",
	} {
		if l, _, err := decodeLedger([]byte(data)); err == nil {
			t.Errorf("%q is read as %v", data, l)
		}
	}
}

// FuzzLedger holds the reader against the writer: what can be read is written
// and read the same.
func FuzzLedger(f *testing.F) {
	f.Add([]byte(`{"version":1,"told":{"/run/a":"` + strings.Repeat("0f", 32) + `","/run/b":""}}`))
	f.Add([]byte(`{"version":1,"told":{"/run/\ud800":null}}`))
	f.Add([]byte(`{"version":1,"told":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, start, err := decodeLedger(data)
		if err != nil {
			return
		}
		again, err := l.encode(false, start)
		if err != nil {
			t.Fatal(err)
		}
		if back, then, err := decodeLedger(again); err != nil || !maps.Equal(back, l) || !maps.Equal(then, start) {
			t.Errorf("%q becomes %q: %v, %v", data, again, back, err)
		}
	})
}

// FuzzLedgerPath holds the writer against the reader: every path that Validate
// lets through comes back.
func FuzzLedgerPath(f *testing.F) {
	f.Add("/run/podfacts/app.conf", []byte("digest"), true)
	f.Add("/run/\u2028<&>\"\\\x00\x7f\ufffd", []byte{}, false)
	f.Fuzz(func(t *testing.T, path string, digest []byte, sure bool) {
		if !utf8.ValidString(path) {
			return
		}
		m := mark{sure: sure}
		if sure {
			copy(m.digest[:], digest)
		}
		data, err := ledger{path: m}.encode(false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if back, _, err := decodeLedger(data); err != nil || len(back) != 1 || back[path] != m {
			t.Errorf("%q: %v becomes %v, %v", path, m, back, err)
		}
	})
}

// A ledger belongs to what is done and on what, and lies with the first output.
func TestLedgerPaths(t *testing.T) {
	t.Parallel()
	hooks := []Hook{
		{On: []string{"/run/b/x", "/run/a/y"}, Action: Exec{Args: []string{"a"}}},
		{On: []string{"/run/a/y", "/run/b/x"}, Action: Exec{Args: []string{"a"}}},
		{On: []string{"/run/a/y", "/run/b/x"}, Action: Exec{Args: []string{"b"}}},
		{On: []string{"/run/a/y"}, Action: Exec{Args: []string{"a"}}},
		{On: []string{"/run/a/y"}, Action: Exec{Args: []string{"a", strings.Repeat("x", 1000)}}},
		{On: []string{"/run/a/y"}, Action: Exec{Args: []string{"a", strings.Repeat("x", 1000) + "y"}}},
		{On: []string{"/run/a/y"}, Action: Exec{Args: []string{"a"}, Env: []string{"A=b"}}},
		{On: []string{"/run/a/y"}, Action: HTTP{URL: "http://a/?b"}},
		{On: []string{"/run/a/y"}, Action: HTTP{URL: "http://a/?c"}},
		{On: []string{"/run/a/y"}, Action: HTTP{URL: "http://a/?b"}, Text: "b"},
		{On: []string{"/run/a/y"}, Action: HTTP{URL: "http://a/?b", Header: http.Header{"A": {"b"}}}},
		{On: []string{"/run/a/y"}, Action: Exit{Code: 1}},
		{On: []string{"/run/a/y"}, Action: Signal{Signal: 1, Process: "a"}},
		{On: []string{"/run/a/y"}, Action: Signal{Signal: 1, Process: "a", All: true}},
	}
	paths := ledgerPaths("", hooks)
	seen := map[string]bool{}
	for _, path := range paths {
		name, ok := strings.CutPrefix(path, "/run/a/.podfacts-notified-")
		if !ok || len(name) != 24 {
			t.Errorf("path %s", path)
		}
		seen[path] = true
	}
	if len(seen) != len(hooks) {
		t.Errorf("hooks share files: %q", paths)
	}
	hooks = append([]Hook{{On: []string{"/run/a/z"}, Action: Exit{}}}, hooks...)
	for i, path := range ledgerPaths("", hooks)[1:] {
		if path != paths[i] {
			t.Errorf("another hook changes the file of hook %d", i)
		}
	}
	for i, path := range ledgerPaths("/state", hooks[1:]) {
		if path != filepath.Join("/state", filepath.Base(paths[i])) {
			t.Errorf("in another directory it is %s", path)
		}
	}
	named := hooks[1]
	named.Name = "named"
	if got := ledgerPaths("", []Hook{named})[0]; got != paths[0] {
		t.Errorf("a name changes the file: %s", got)
	}
}

// The names of files from a version that was released must not change: every
// hook would run anew after an update.
func TestLedgerPathIsFixed(t *testing.T) {
	t.Parallel()
	got := ledgerPaths("", []Hook{{On: []string{"/run/podfacts/nginx.conf"}, Action: HTTP{URL: "http://127.0.0.1:8080/-/reload"}}})[0]
	if want := "/run/podfacts/.podfacts-notified-f290f5f49e017017b78e5550"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDiskKeepsNoLitter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, ".podfacts-notified-0123456789ab")
	if err := os.WriteFile(filepath.Join(dir, "..podfacts-notified-0123456789ab.abcdefghijklm.podfacts"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := Disk{}
	if _, err := d.Load(path); !os.IsNotExist(err) && err == nil {
		t.Error("something was read")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}
