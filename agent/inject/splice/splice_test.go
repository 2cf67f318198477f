package splice_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent/inject/splice"
)

func Example() {
	f, err := splice.Parse("pod.yaml", []byte(`spec:
  containers: # one is enough
  - name: main
    image: web   # see the release notes
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range f.Documents() {
		for path, value := range map[string]any{
			"spec.containers.0.args": []any{"--fast", "yes"},
			"spec.volumes":           []any{map[string]any{"name": "cache", "emptyDir": map[string]any{}}},
		} {
			if err := d.Add(strings.Split(path, "."), value); err != nil {
				fmt.Println(err)
			}
		}
	}
	text, err := f.Bytes()
	fmt.Printf("%s%v\n", text, err)
	// Output:
	// spec:
	//   containers: # one is enough
	//   - name: main
	//     image: web   # see the release notes
	//     args: [--fast, "yes"]
	//   volumes:
	//   - name: cache
	//     emptyDir: {}
	// <nil>
}

// TestAdd holds what is added where: each file of testdata is a text, the
// additions to it, and what comes out.
func TestAdd(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/add/*.txt")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.SplitN(string(data), "\n====\n", 3)
			if len(parts) != 3 {
				t.Fatalf("%s has %d parts, want text, additions and result", name, len(parts))
			}
			if got := result(t, parts[0]+"\n", parts[1]); got != strings.TrimSuffix(parts[2], "\n")+"\n" {
				t.Errorf("got\n%s\nwant\n%s", got, parts[2])
			}
		})
	}
}

// result makes additions, each a path and a value in YAML, and returns the new
// text or the error.
func result(t *testing.T, text, additions string) string {
	t.Helper()
	f, err := splice.Parse("a.yaml", []byte(text))
	if err != nil {
		return err.Error() + "\n"
	}
	for line := range strings.SplitSeq(additions, "\n") {
		path, source, ok := strings.Cut(line, " = ")
		if !ok {
			t.Fatalf("%q is no addition", line)
		}
		document := 0
		if n, rest, ok := strings.Cut(path, ":"); ok {
			if document, err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
			path = rest
		}
		var value any
		if err := yaml.Unmarshal([]byte(source), &value); err != nil {
			t.Fatal(err)
		}
		if err := f.Documents()[document].Add(strings.Split(path, "/"), value); err != nil {
			return err.Error() + "\n"
		}
	}
	out, err := f.Bytes()
	if err != nil {
		return err.Error() + "\n"
	}
	return string(out)
}

// TestBytes are texts that a line in a file cannot show.
func TestBytes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, path, want string }{
		{"carriage returns", "a:\r\n  b: 1\r\nc: 2\r\n", "a/x", "a:\r\n  b: 1\r\n  x:\r\n  - name: v\r\n    w: 1\r\nc: 2\r\n"},
		{"no newline at the end", "a: 1\nb: {c: 2}", "x", "a: 1\nb: {c: 2}\nx:\n- {name: v, w: 1}"},
		{"no newline, and one before", "a:\n- b", "a/-", "a:\n- b\n- - name: v\n    w: 1"},
		{"byte order mark", "\uFEFFa: 1\n", "x", "\uFEFFa: 1\nx:\n- name: v\n  w: 1\n"},
		{"other characters before", "{ä: {ö: 1}, u: 2}\n", "ä/x", "{ä: {ö: 1, x: [{name: v, w: 1}]}, u: 2}\n"},
		{"separators that are lines for YAML", "a: \"\u2028\"\nb:\n  c: 1\n", "b/x", "a: \"\u2028\"\nb:\n  c: 1\n  x:\n  - name: v\n    w: 1\n"},
		{"JSON that is no YAML", `{"a":"\ud83d\ude00"}`, "x", `{"a":"\ud83d\ude00","x":[{"name":"v","w":1}]}`},
		{"JSON with tabs", "{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n", "a/x", "{\n\t\"a\": {\n\t\t\"b\": 1,\n\t\t\"x\": [\n\t\t\t{\n\t\t\t\t\"name\": \"v\",\n\t\t\t\t\"w\": 1\n\t\t\t}\n\t\t]\n\t}\n}\n"},
		{"a literal that ends in blank lines", "a:\n  b: |+\n    c\n\n\nd: 1\n", "a/x", "a:\n  b: |+\n    c\n\n\n  x:\n  - name: v\n    w: 1\nd: 1\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := result(t, test.text, test.path+" = [{name: v, w: 1}]"); strings.TrimSuffix(got, "\n") != strings.TrimSuffix(test.want, "\n") {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// FuzzAdd adds at every place of a text. What comes out has the addition and
// nothing else, and all of the old text in its order; or there is an error.
func FuzzAdd(f *testing.F) {
	cases, err := filepath.Glob("testdata/add/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range cases {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		text, _, _ := strings.Cut(string(data), "\n====\n")
		f.Add([]byte(text))
	}
	f.Add([]byte("- - a\n  - b\n-\n  c: 1\n"))
	f.Add([]byte("a: &x\n  - 'it''s'\nb: *x\n? [c]\n: d\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 2000 || bytes.Count(text, []byte("*")) > 4 { // aliases multiply
			return
		}
		file, err := splice.Parse("a.yaml", text)
		if err != nil {
			return
		}
		for n, d := range file.Documents() {
			for _, path := range places(d.Value(), nil) {
				file, err := splice.Parse("a.yaml", text)
				if err != nil {
					t.Fatalf("parsed once and not twice: %v", err)
				}
				d := file.Documents()[n]
				value := map[string]any{"name": "new", "list": []any{"a", 1, true}, "map": map[string]any{"on": "no: #"}}
				if d.Add(path, value) != nil {
					continue
				}
				out, err := file.Bytes()
				if err != nil {
					continue
				}
				again, err := splice.Parse("a.yaml", out)
				if err != nil {
					t.Fatalf("%v: %v\n%s", path, err, out)
				}
				if got := again.Documents()[n].Value(); !reflect.DeepEqual(got, d.Value()) {
					t.Errorf("%v: got %v, want %v", path, got, d.Value())
				}
				if !within(text, out) {
					t.Errorf("%v: the old text is not in the new\n%q\n%q", path, text, out)
				}
			}
		}
	})
}

// places are paths at which something can be added.
func places(value any, path []string) (all [][]string) {
	at := func(step string) []string { return append(slices.Clone(path), step) }
	switch v := value.(type) {
	case map[string]any:
		all = append(all, at("new key"))
		for key, value := range v {
			all = append(all, places(value, at(key))...)
		}
	case []any:
		if len(v) > 0 {
			all = append(all, at("0"), at("-"))
		}
		for i, value := range v {
			all = append(all, places(value, at(strconv.Itoa(i)))...)
		}
	}
	return all
}

// within reports whether one text is the other with gaps.
func within(text, out []byte) bool {
	i := 0
	for _, b := range out {
		if i < len(text) && text[i] == b {
			i++
		}
	}
	return i == len(text)
}
