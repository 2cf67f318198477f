package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// plugin is the schema of a manifest, as Krew's developer guide has it; what is not in it
// is a mistake.
type plugin struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		Version, Homepage, Description, Caveats string
		ShortDescription                        string `yaml:"shortDescription"`
		Platforms                               []struct {
			Selector struct {
				MatchLabels struct{ OS, Arch string } `yaml:"matchLabels"`
			}
			URI, SHA256, Bin string
			Files            []struct{ From, To string }
		}
	}
}

// TestKrew holds the manifest against the rules of the guide and of Krew's own validation:
// https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/.
func TestKrew(t *testing.T) {
	t.Parallel()
	platforms, err := parsePlatforms(strings.Join(allPlatforms(), ","))
	if err != nil {
		t.Fatal(err)
	}
	r := release{revision: revision{version: "v1.2.3"}}
	var archives []archive
	for i, p := range platforms {
		archives = append(archives, archive{platform: p, name: r.archive(p), sum: strings.Repeat(string("0123456789abcdef"[i]), 64)})
	}
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(krew("v1.2.3", archives))))
	decoder.KnownFields(true)
	var m plugin
	if err := decoder.Decode(&m); err != nil {
		t.Fatal(err)
	}
	if m.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || m.Kind != "Plugin" || m.Metadata.Name != "podfacts" {
		t.Errorf("it is %s %s %s", m.APIVersion, m.Kind, m.Metadata.Name)
	}
	if m.Spec.Version != "v1.2.3" || m.Spec.Homepage == "" || m.Spec.Description == "" {
		t.Errorf("it says\n%+v", m.Spec)
	}
	// As `kubectl krew search` has place for: the guide asks for at most 50 characters, no
	// line break, and no full stop.
	if short := m.Spec.ShortDescription; short == "" || len(short) > 50 || strings.ContainsAny(short, "\r\n.") {
		t.Errorf("the short description is %q", short)
	}
	for line := range strings.Lines(m.Spec.Description) {
		if len(line) > 80 {
			t.Errorf("a line of the description is long: %s", line)
		}
	}
	var got []string
	for i, p := range m.Spec.Platforms {
		got = append(got, p.Selector.MatchLabels.OS+"/"+p.Selector.MatchLabels.Arch)
		windows := p.Selector.MatchLabels.OS == "windows"
		if want := "https://github.com/podfacts/podfacts/releases/download/v1.2.3/" + archives[i].name; p.URI != want || strings.HasSuffix(p.URI, ".zip") != windows {
			t.Errorf("%s is at %s, want %s", got[i], p.URI, want)
		}
		if !regexp.MustCompile(`^[a-f0-9]{64}$`).MatchString(p.SHA256) || p.SHA256 != archives[i].sum {
			t.Errorf("%s has the sum %s", got[i], p.SHA256)
		}
		if want := platforms[i].file("podfacts"); p.Bin != want || len(p.Files) == 0 || p.Files[0].From != want || p.Files[0].To != "." {
			t.Errorf("%s has the binary %s, files %v", got[i], p.Bin, p.Files)
		}
	}
	if want := allPlatforms(); !slices.Equal(got, want) {
		t.Errorf("it is for %q, want %q", got, want)
	}
}
