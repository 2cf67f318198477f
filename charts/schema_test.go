package charts

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/agent/inject"
	"github.com/podfacts/podfacts/watch/apiserver"
)

// schema is what is used here of a JSON schema.
type schema struct {
	Properties           map[string]schema
	Items                *schema
	Enum                 []string
	Pattern              string
	MaxLength            int
	AdditionalProperties any
}

func readSchema(t *testing.T) schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal([]byte(read(t, "podfacts/values.schema.json")), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// at is the schema of a value, whose names are apart by dots; that of a list's items is
// named by 0.
func (s schema) at(t *testing.T, path string) schema {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		if name == "0" {
			s = *s.Items
			continue
		}
		below, ok := s.Properties[name]
		if !ok {
			t.Fatalf("the schema has no %s", path)
		}
		s = below
	}
	return s
}

// TestSchemaLists holds what the schema allows against what podfacts knows.
func TestSchemaLists(t *testing.T) {
	t.Parallel()
	s := readSchema(t)
	pull := []string{"", "Always", "IfNotPresent", "Never"}
	for path, want := range map[string][]string{
		"config.outputs.0.presets.0": config.Presets(),
		"config.outputs.0.format":    config.Dialects(),
		"config.api.mode":            config.APIModes(),
		"injection.presets.0":        config.Presets(),
		"injection.format":           config.Dialects(),
		"injection.api":              config.APIModes(),
		"injection.imagePullPolicy":  pull,
		"image.pullPolicy":           pull,
		"rbac.workload":              append([]string{""}, apiserver.Workloads()...),
		"rbac.for":                   {"run", "init", "exec"},
	} {
		if got := s.at(t, path).Enum; !slices.Equal(got, want) {
			t.Errorf("%s allows %q, but podfacts %q", path, got, want)
		}
	}
}

// TestSchemaConfiguration: the schema knows the keys of a configuration, no more and no
// fewer.
func TestSchemaConfiguration(t *testing.T) {
	t.Parallel()
	_, err := config.Loader{}.Parse("podfacts.yaml", []byte("zzzzzzzzzzzzzzzz: 1\n"))
	if err == nil {
		t.Fatal("any key is taken")
	}
	m := regexp.MustCompile(`known are ([^\n;]*)`).FindStringSubmatch(err.Error())
	if m == nil {
		t.Fatalf("no keys are named: %v", err)
	}
	known := strings.Split(m[1], ", ")
	slices.Sort(known)
	if got := slices.Sorted(maps.Keys(readSchema(t).at(t, "config").Properties)); !slices.Equal(got, known) {
		t.Errorf("charts/podfacts/values.schema.json has the keys %v below config, but podfacts knows %v; bring it up to date, and _rbac.tpl of podfacts-lib where a key has needs", got, known)
	}
}

// TestInjectionDefaults: the policies of the chart are by default those that podfacts
// inject --policy prints, but for the image, which is the chart's.
func TestInjectionDefaults(t *testing.T) {
	t.Parallel()
	var values struct{ Injection map[string]any }
	if err := yaml.Unmarshal([]byte(read(t, "podfacts/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"enabled", "name", "image"} {
		delete(values.Injection, name)
	}
	text, err := yaml.Marshal(values.Injection)
	if err != nil {
		t.Fatal(err)
	}
	want := inject.Default()
	if want.AllowedImages == nil {
		want.AllowedImages = []string{}
	}
	// A setting that the chart lacks would be that of the base, and no difference.
	base := inject.Settings{Image: want.Image}
	got, err := inject.ParseSettings(base, "values.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the chart's are\n%+v\nbut podfacts inject has\n%+v", got, want)
	}
	if got := readSchema(t).at(t, "injection.outputDir"); got.MaxLength != 64 || got.Pattern != patterns(t)["outputDir"].(map[string]string)["pattern"] {
		t.Errorf("outputDir may be %+v", got)
	}
}

// TestValuesHaveSchema: each value has one, and each schema a value.
func TestValuesHaveSchema(t *testing.T) {
	t.Parallel()
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "podfacts/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	var compare func(path string, s schema, values map[string]any)
	compare = func(path string, s schema, values map[string]any) {
		if s.AdditionalProperties != false || path == ".config" {
			return
		}
		for name := range s.Properties {
			if _, ok := values[name]; !ok && !slices.Contains([]string{".global", ".enabled"}, path+"."+name) {
				t.Errorf("values.yaml has no %s", path+"."+name)
			}
		}
		for name, value := range values {
			below, ok := s.Properties[name]
			if !ok {
				t.Errorf("the schema has no %s", path+"."+name)
			}
			if m, isMap := value.(map[string]any); isMap {
				compare(path+"."+name, below, m)
			}
		}
	}
	compare("", readSchema(t), values)
}
