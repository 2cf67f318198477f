package envfile

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden writes the table of awkward values in every dialect, as a text
// that can be read as documentation.
func TestGolden(t *testing.T) {
	t.Parallel()
	var doc bytes.Buffer
	doc.WriteString("What each dialect makes of awkward values: the bytes of a file with the variable A,\n" +
		"as a Go string where it is not printable text, or why it is refused.\n")
	for _, v := range awkward() {
		fmt.Fprintf(&doc, "\n%s: %s\n\n", v.what, strconv.Quote(v.value))
		for _, d := range Dialects() {
			fmt.Fprintf(&doc, "  %-15s  %s\n", d, goldenCell(d, v.value))
		}
	}
	path := filepath.Join("testdata", "dialects.txt")
	if *update {
		if err := os.WriteFile(path, doc.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(doc.Bytes(), want) {
		t.Errorf("%s differs; see what changed with go test -update and git diff\n%s", path, doc.String())
	}
}

func goldenCell(d Dialect, value string) string {
	file, invalid := d.Append(nil, []Entry{{"A", value}})
	if len(invalid) > 0 {
		return "-- " + invalid[0].Reason
	}
	text := strings.TrimSuffix(string(file), "\n")
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }) ||
		strings.ContainsRune(text, '\ufffd') {
		return strconv.Quote(text)
	}
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", 19))
}

func TestLookup(t *testing.T) {
	t.Parallel()
	want := strings.Fields("sh export kubernetes kubernetes-1.34 docker systemd dotenv properties json yaml environ")
	var names []string
	for _, d := range Dialects() {
		names = append(names, d.String())
		if found, ok := Lookup(d.String()); !ok || found != d {
			t.Errorf("Lookup(%q) = %v, %v", d, found, ok)
		}
		if doc := d.Doc(); doc == "" || strings.Contains(doc, "\n") {
			t.Errorf("%s: not one line of doc: %q", d, doc)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("dialects %q, want %q", names, want)
	}
	for _, name := range []string{"", "SH", "bash", "Dialect(200)"} {
		if d, ok := Lookup(name); ok {
			t.Errorf("Lookup(%q) = %v", name, d)
		}
	}
}

func TestNoSuchDialect(t *testing.T) {
	t.Parallel()
	file, invalid := Dialect(200).Append([]byte("kept"), []Entry{{"A", "a"}})
	if string(file) != "kept" || len(invalid) != 1 {
		t.Errorf("got %q, %v", file, invalid)
	}
}

func TestEmptyFile(t *testing.T) {
	t.Parallel()
	for _, d := range Dialects() {
		want := ""
		if d == JSON || d == YAML {
			want = "{}\n"
		}
		for _, entries := range [][]Entry{nil, {{"\xff", "\xff"}}} {
			if file, _ := d.Append(nil, entries); string(file) != want {
				t.Errorf("%s: %q makes %q, want %q", d, entries, file, want)
			}
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, d := range Dialects() {
		alone, _ := d.Append(nil, []Entry{{"A", "a"}})
		behind, _ := d.Append([]byte("# head\n"), []Entry{{"A", "a"}})
		if string(behind) != "# head\n"+string(alone) {
			t.Errorf("%s: %q, want a head and %q", d, behind, alone)
		}
	}
}

// TestSkip leaves out what is invalid wherever it stands, and nothing else.
func TestSkip(t *testing.T) {
	t.Parallel()
	for _, d := range Dialects() {
		want, _ := d.Append(nil, []Entry{{"A", "a"}, {"B", "b"}})
		got, invalid := d.Append(nil, []Entry{
			{"BAD1", "\x00\xff"}, {"A", "a"}, {"\xff", "x"}, {"B", "b"}, {"A", "other"}, {"BAD2", "\xff\x00"},
		})
		if string(got) != string(want) {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
		var indexes []int
		for _, err := range invalid {
			indexes = append(indexes, err.Index)
			if err.Dialect != d || err.Reason == "" || err.Hint == "" {
				t.Errorf("%s: incomplete %+v", d, err)
			}
		}
		if !slices.Equal(indexes, []int{0, 2, 4, 5}) {
			t.Errorf("%s: refused %v", d, invalid)
		}
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	_, invalid := YAML.Append(nil, []Entry{{"A", "1"}, {"B", "2"}, {"A", "1"}, {"A", "3"}})
	if len(invalid) != 2 {
		t.Fatalf("got %v", invalid)
	}
	want := "variable A cannot be written in env dialect yaml: entry 4 repeats the name of entry 1; rename or remove one of them"
	if got := invalid[1].Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestErrorsHideValues looks for the value in everything an error shows.
func TestErrorsHideValues(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, d := range Dialects() {
		for _, v := range append(nasty(2_000), awkwardNames()...) {
			_, invalid := d.Append(nil, []Entry{{"A", secret + v + secret}, {"A", secret}, {"a b", secret}})
			for _, err := range invalid {
				if strings.Contains(fmt.Sprintf("%v %+v", err, *err), secret) {
					t.Fatalf("%s: the value shows in %+v", d, err)
				}
			}
		}
	}
}

func TestErrorQuotesNames(t *testing.T) {
	t.Parallel()
	err := Sh.CheckName("a b\n")
	if _, ok := errors.AsType[*InvalidError](err); !ok {
		t.Fatalf("got %T", err)
	}
	want := `variable "a b\n" cannot be written in env dialect sh: the name is not a letter or underscore ` +
		`followed by letters, digits and underscores; rename it, for example to A_B_`
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestNameFromKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"app.kubernetes.io/name": "APP_KUBERNETES_IO_NAME",
		"app":                    "APP",
		"Tier":                   "TIER",
		"3d":                     "_3D",
		"a-b":                    "A_B",
		"a.b":                    "A_B",
		"ä":                      "__",
		"":                       "",
	} {
		if got := NameFromKey(key); got != want {
			t.Errorf("NameFromKey(%q) = %q, want %q", key, got, want)
		}
	}
}

func FuzzNameFromKey(f *testing.F) {
	f.Add("app.kubernetes.io/name")
	f.Add("3d/ä")
	f.Fuzz(func(t *testing.T, key string) {
		name := NameFromKey(key)
		if key != "" && !isPOSIXName(name) {
			t.Errorf("NameFromKey(%q) = %q, which is no name", key, name)
		}
		if again := NameFromKey(name); again != name {
			t.Errorf("NameFromKey(%q) = %q, not itself", name, again)
		}
	})
}

func TestCollisions(t *testing.T) {
	t.Parallel()
	var claims []Claim
	for _, key := range []string{"x", "a-b", "app", "a.b", "y", "App", "a/b"} {
		claims = append(claims, Claim{NameFromKey(key), "label " + key})
	}
	var got []string
	for _, err := range Collisions(claims) {
		got = append(got, err.Error())
	}
	want := []string{
		"variable A_B is wanted by label a-b and by label a.b and by label a/b; give all but one of them another name",
		"variable APP is wanted by label app and by label App; give all but one of them another name",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := Collisions(claims[:3]); got != nil {
		t.Errorf("no two alike, but got %v", got)
	}
}

func BenchmarkAppend(b *testing.B) {
	var entries []Entry
	for i := range 50 {
		entries = append(entries, Entry{fmt.Sprintf("APP_KUBERNETES_IO_NAME_%d", i), `web-0.web.default.svc.cluster.local: {"a":"b"}`})
	}
	for _, d := range Dialects() {
		b.Run(d.String(), func(b *testing.B) {
			b.ReportAllocs()
			var file []byte
			for b.Loop() {
				file, _ = d.Append(file[:0], entries)
			}
			b.SetBytes(int64(len(file)))
		})
	}
}
