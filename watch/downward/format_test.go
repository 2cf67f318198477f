package downward

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/go-multierror"

	"github.com/podfacts/podfacts/watch/downward/ref"
)

func TestParseMap(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want map[string]string
	}{
		"an empty map is an empty file":    {"", map[string]string{}},
		"empty value":                      {`a=""`, map[string]string{"a": ""}},
		"two lines":                        {"a=\"1\"\nb=\"2\"", map[string]string{"a": "1", "b": "2"}},
		"any order":                        {"b=\"2\"\na=\"1\"", map[string]string{"a": "1", "b": "2"}},
		"newline at the end":               {"a=\"1\"\n", map[string]string{"a": "1"}},
		"nothing but a newline":            {"\n", map[string]string{}},
		"equals signs in the value":        {`a="b=c="`, map[string]string{"a": "b=c="}},
		"escaped quotes and backslashes":   {`a="\"\\\""`, map[string]string{"a": `"\"`}},
		"newline, tab, bell":               {`a="x\ny\tz\a"`, map[string]string{"a": "x\ny\tz\a"}},
		"escaped runes":                    {`a="\u00a0\u2028\u200b\ufeff\x7f\U0010ffff"`, map[string]string{"a": "\u00a0\u2028\u200b\ufeff\x7f\U0010ffff"}},
		"escaped byte that is not UTF-8":   {`a="\xff"`, map[string]string{"a": "\xff"}},
		"printable Unicode":                {`a="日本語 Zoë 🙂"`, map[string]string{"a": "日本語 Zoë 🙂"}},
		"replacement character":            {"a=\"\uFFFD\"", map[string]string{"a": "\uFFFD"}},
		"shell syntax means nothing":       {"a=\"$(x) `y` 'z'\"", map[string]string{"a": "$(x) `y` 'z'"}},
		"values after one with an escape":  {"a=\"\\n\"\nb=\"plain\"\nc=\"\\t\"", map[string]string{"a": "\n", "b": "plain", "c": "\t"}},
		"the official documentation's own": {"build=\"two\"\nbuilder=\"john-doe\"", map[string]string{"build": "two", "builder": "john-doe"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseMap([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got == nil || !maps.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestParseMapRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"no equals sign":           {"a=\"1\"\nfoo", `line 2: has no "="`},
		"empty line":               {"a=\"1\"\n\nb=\"2\"", "line 2: is empty"},
		"empty key":                {`="1"`, `line 1: has no key before "="`},
		"no value":                 {`a=`, `line 1: key "a": the value does not start with a double quote`},
		"bare value":               {`a=1`, `line 1: key "a": the value does not start with a double quote`},
		"single quotes":            {`a='1'`, `line 1: key "a": the value does not start with a double quote`},
		"blank after equals sign":  {`a= "1"`, `line 1: key "a": the value does not start with a double quote`},
		"raw string":               {"a=`1`", `line 1: key "a": the value does not start with a double quote`},
		"cut in a value":           {"a=\"1\"\nb=\"tw", `line 2: key "b": the value has no closing quote; the file seems cut off`},
		"cut after a quote":        {`a="`, `line 1: key "a": the value has no closing quote; the file seems cut off`},
		"cut in an escape":         {`a="x\`, `line 1: key "a": the value has no closing quote; the file seems cut off`},
		"cut after escaped quote":  {`a="x\"`, `line 1: key "a": the value has no closing quote; the file seems cut off`},
		"unknown escape":           {`a="x\qy"`, `line 1: key "a": bad escape \q`},
		"escaped single quote":     {`a="x\'y"`, `line 1: key "a": bad escape \'`},
		"hex escape without digit": {`a="\xzz"`, `line 1: key "a": bad escape \xzz`},
		"short Unicode escape":     {`a="\u12"`, `line 1: key "a": bad escape \u12`},
		"surrogate":                {`a="\ud800"`, `line 1: key "a": bad escape \ud800`},
		"beyond Unicode":           {`a="\U00110000"`, `line 1: key "a": bad escape \U00110000`},
		"octal beyond a byte":      {`a="\400"`, `line 1: key "a": bad escape \4`},
		"something after the end":  {`a="1" `, `line 1: key "a": something follows the closing quote`},
		"comment":                  {`a="1" # x`, `line 1: key "a": something follows the closing quote`},
		"quote inside":             {`a="1"2"`, `line 1: key "a": something follows the closing quote`},
		"carriage return":          {"a=\"1\"\r\nb=\"2\"", `line 1: key "a": ends in a carriage return; convert the file to Unix line ends`},
		"key twice":                {"a=\"1\"\nb=\"2\"\na=\"1\"", `line 3: key "a": occurs twice`},
		"raw byte in a value":      {"a=\"1\"\nb=\"\xff\"", `line 2: key "b": holds bytes that are not UTF-8`},
		"raw byte in a key":        {"\xffa=\"1\"", "line 1: key \"\uFFFDa\": holds bytes that are not UTF-8"},
		"two empty lines":          {"\n\n", "line 1: is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseMap([]byte(test.text))
			var lines *multierror.Error
			if !errors.As(err, &lines) {
				t.Fatalf("got error %v, want %q", err, test.want)
			}
			if got := lines.Errors[0].Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestParseMapKeepsGoodLines(t *testing.T) {
	t.Parallel()
	got, err := ParseMap([]byte("a=\"1\"\nbad\nb=\"2\"\nc=\"3\"\nc=\"4\"\nd=\"\\q\"\nb=\"5\"\nb=\"6\""))
	var lines *multierror.Error
	if !errors.As(err, &lines) || len(lines.Errors) != 5 {
		t.Errorf("got error %v, want five bad lines", err)
	}
	// Which of two values is meant nobody knows.
	if want := map[string]string{"a": "1"}; !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseMapBoundsItsError(t *testing.T) {
	t.Parallel()
	_, err := ParseMap([]byte(strings.Repeat("bad\n", 1000)))
	var lines *multierror.Error
	if !errors.As(err, &lines) || len(lines.Errors) != maxComplaints+1 {
		t.Fatalf("got %v", err)
	}
	if got, want := lines.Errors[maxComplaints].Error(), "and 990 more bad lines"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParseMap(f *testing.F) {
	for _, s := range []string{"", "\n", "a=\"1\"", "a=\"\\n\"\nb=\"\\\"\\\\\"\n", "a=\"\xff\"", "a=\"1\"\na=\"1\"", "a=\"\\u2028\\U0010ffff\\x7f\\377\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ParseMap(data)
		want, ok := parseSlowly(string(data))
		if ok != (err == nil) {
			t.Fatalf("ParseMap(%q) = %v, strconv says ok=%v", data, err, ok)
		}
		if !ok {
			for key, value := range got { // what is returned beside an error is right too
				if want[key] != value {
					t.Fatalf("ParseMap(%q): %q is %q, want %q", data, key, value, want[key])
				}
			}
			return
		}
		if !maps.Equal(got, want) {
			t.Fatalf("ParseMap(%q) = %q, want %q", data, got, want)
		}
		again, err := ParseMap(FormatMap(got))
		if err != nil || !maps.Equal(again, got) {
			t.Fatalf("round trip of %q: %q, %v", got, again, err)
		}
	})
}

// parseSlowly is ParseMap as the rules say it, on strconv.
func parseSlowly(text string) (m map[string]string, ok bool) {
	m, ok = make(map[string]string), true
	text = strings.TrimSuffix(text, "\n")
	if text == "" {
		return m, true
	}
	for line := range strings.SplitSeq(text, "\n") {
		key, quoted, found := strings.Cut(line, "=")
		value, err := strconv.Unquote(quoted)
		_, twice := m[key]
		if !found || err != nil || quoted[0] != '"' || key == "" || twice || !utf8.ValidString(line) {
			ok = false
			continue
		}
		m[key] = value
	}
	return m, ok
}

func FuzzFormatMap(f *testing.F) {
	f.Add("app", "web", "key2", "multi\nline\xff\"")
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 string) {
		m := map[string]string{}
		for key, value := range map[string]string{key1: value1, key2: value2} {
			if ref.QualifiedName(key) {
				m[key] = value
			}
		}
		data := FormatMap(m)
		if !utf8.Valid(data) || bytes.HasSuffix(data, []byte("\n")) {
			t.Fatalf("FormatMap(%q) = %q", m, data)
		}
		if got, err := ParseMap(data); err != nil || !maps.Equal(got, m) {
			t.Fatalf("ParseMap(FormatMap(%q)) = %q, %v", m, got, err)
		}
	})
}

// annotations makes a file as large as the annotations of an object may be.
func annotations(value string) []byte {
	m := make(map[string]string)
	for size, i := 0, 0; size < 256<<10; i++ {
		key := fmt.Sprintf("example.com/annotation-%05d", i)
		m[key] = value
		size += len(key) + len(value)
	}
	return FormatMap(m)
}

// BenchmarkParseMap reads 256 KiB of annotations. The strconv rows unquote the
// values of the same lines and keep none of them; the map rows keep them, and
// check as little.
func BenchmarkParseMap(b *testing.B) {
	for _, input := range []struct {
		name string
		data []byte
	}{
		{"short", annotations("some value")},
		{"plain", annotations(strings.Repeat("a value without escapes ", 8))},
		{"json", annotations(strings.Repeat(`{"containers": ["main"], "n": 1}`, 32))},
		{"unicode", annotations(strings.Repeat("日本語 Zoë\n", 32))},
	} {
		b.Run(input.name+"/ParseMap", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(input.data)))
			for b.Loop() {
				if _, err := ParseMap(input.data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(input.name+"/strconv", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(input.data)))
			for b.Loop() {
				for line := range strings.SplitSeq(string(input.data), "\n") {
					_, quoted, _ := strings.Cut(line, "=")
					if _, err := strconv.Unquote(quoted); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		b.Run(input.name+"/map", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(input.data)))
			for b.Loop() {
				m := make(map[string]string)
				for line := range strings.SplitSeq(string(input.data), "\n") {
					key, quoted, _ := strings.Cut(line, "=")
					value, err := strconv.Unquote(quoted)
					if err != nil {
						b.Fatal(err)
					}
					m[key] = value
				}
			}
		})
	}
}
