package envfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// reader gives back all variables of a file, in order where it has one, and
// fails where the real reader does.
type reader func(file string) ([]Entry, error)

// readers are the other sides of the dialects that need no program to be
// started; shell_test.go has those that do.
func readers() map[Dialect][]reader {
	return map[Dialect][]reader{
		Kubernetes:    {readKubernetes},
		Kubernetes134: {readKubernetes134},
		Docker:        {readDocker},
		Systemd:       {readSystemd},
		Dotenv:        {readDotenvNode, readGodotenv, readComposeDotenv},
		Properties:    {readProperties},
		JSON:          {readJSON},
		YAML:          {readYAML},
		Environ:       {readEnviron},
	}
}

// checkRoundTrip writes entries, and asks all readers of d for exactly what
// Append says that it wrote.
func checkRoundTrip(t *testing.T, d Dialect, entries []Entry) {
	t.Helper()
	file, invalid := d.Append(nil, entries)
	want := written(entries, invalid)
	for _, read := range readers()[d] {
		got, err := read(string(file))
		if err != nil {
			t.Fatalf("%s: reading what was written for %q: %v\n%q", d, want, err, file)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s: read %q\nwant %q\nfile %q", d, got, want, file)
		}
	}
	end := byte('\n')
	if d == Environ {
		end = 0
	}
	if len(file) > 0 && file[len(file)-1] != end {
		t.Errorf("%s: file does not end in %q: %q", d, end, file)
	}
}

func written(entries []Entry, invalid []*InvalidError) []Entry {
	var kept []Entry
	for i, e := range entries {
		if !slices.ContainsFunc(invalid, func(err *InvalidError) bool { return err.Index == i }) {
			kept = append(kept, e)
		}
	}
	return kept
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for d := range readers() {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			for _, v := range awkward() {
				checkRoundTrip(t, d, []Entry{{"BEFORE", "1"}, {"A", v.value}, {"AFTER", "2"}})
			}
			for _, v := range nasty(4_000) {
				checkRoundTrip(t, d, []Entry{{"BEFORE", "1"}, {"A", v}, {"AFTER", "it 2"}})
			}
		})
	}
}

// TestNeighbours has awkward values follow each other, in one file.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	for d := range readers() {
		var all []Entry
		for i, v := range append(nasty(1_000), "") {
			all = append(all, Entry{fmt.Sprintf("V%d", i), v})
		}
		checkRoundTrip(t, d, all)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, v := range awkward() {
		f.Add("A", v.value, "B", "plain")
		f.Add("A", "plain", "B", v.value)
	}
	for _, name := range awkwardNames() {
		f.Add(name, "a", "B", "b")
	}
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		for d := range readers() {
			checkRoundTrip(t, d, []Entry{{name1, value1}, {name2, value2}})
		}
	})
}

func awkwardNames() []string {
	return []string{
		"A", "_", "a.b", "a-b", "a b", " a", "a ", "#a", "a#b", "1a", "a=b", "=", "", "export", "export A", "A'", `"A"`,
		"__proto__", "<<", "no", "y", "null", "~", "1e3", "a:b", "a: b", "!a", "\\a", "Größe", "😀", "a\nB", "a\tb", "\ufeffA", "\xff",
		"BASH_ENV", "PATH", strings.Repeat("k", 1100),
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for d := range readers() {
		for _, name := range awkwardNames() {
			checkRoundTrip(t, d, []Entry{{name, "a"}, {"LAST", "b"}})
			_, invalid := d.Append(nil, []Entry{{name, "a"}})
			err := d.CheckName(name)
			if (err != nil) != (len(invalid) == 1) {
				t.Errorf("%s: CheckName(%q) = %v, Append says %v", d, name, err, invalid)
			}
			if len(invalid) == 1 && !reflect.DeepEqual(err, error(invalid[0])) {
				t.Errorf("%s: CheckName(%q) = %v, Append says %v", d, name, err, invalid[0])
			}
		}
	}
}

// readEnviron is what the kernel makes of it: strings, and whoever reads them
// splits at the first equals sign.
func readEnviron(file string) ([]Entry, error) {
	var entries []Entry
	for variable := range strings.SplitSeq(strings.TrimSuffix(file, "\x00"), "\x00") {
		name, value, ok := strings.Cut(variable, "=")
		if !ok && file != "" {
			return nil, fmt.Errorf("%q has no equals sign", variable)
		}
		if file != "" {
			entries = append(entries, Entry{name, value})
		}
	}
	return entries, nil
}

func readJSON(file string) ([]Entry, error) {
	dec := json.NewDecoder(strings.NewReader(file))
	var entries []Entry
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		value, err := dec.Token()
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{name.(string), value.(string)})
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if !json.Valid([]byte(file)) {
		return nil, errors.New("not one valid JSON text")
	}
	return entries, nil
}

func readYAML(file string) ([]Entry, error) {
	// Decoded once as a consumer would, for merge keys and the types of
	// scalars, and once as nodes, for the order.
	var values map[string]any
	if err := yaml.Unmarshal([]byte(file), &values); err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(file), &doc); err != nil {
		return nil, err
	}
	var entries []Entry
	for i := 0; i < len(doc.Content[0].Content); i += 2 {
		name := doc.Content[0].Content[i].Value
		value, ok := values[name].(string)
		if !ok {
			return nil, fmt.Errorf("%q is %T", name, values[name])
		}
		entries = append(entries, Entry{name, value})
	}
	if len(entries) != len(values) {
		return nil, fmt.Errorf("%d keys in the text and %d in the map", len(entries), len(values))
	}
	return entries, nil
}
