package release

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"
)

// TestMaterials has SPDX's own library read the bill of materials, and holds it against
// what the linker wrote into the binary.
func TestMaterials(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(released(t, "*.spdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := spdxjson.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(document); err != nil {
		t.Error(err)
	}
	// What the library does not know, it does not write again.
	var again bytes.Buffer
	if err := spdxjson.Write(document, &again); err != nil {
		t.Fatal(err)
	}
	var ours, theirs any
	if err := json.Unmarshal(text, &ours); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(again.Bytes(), &theirs); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(ours, theirs) {
		t.Errorf("read and written by SPDX's library it is\n%s\nwas\n%s", &again, text)
	}

	program := filepath.Join(t.TempDir(), "podfacts")
	if err := os.WriteFile(program, binary(t), 0o700); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"stdlib " + runtime.Version(), "podfacts " + version(t)}
	for _, m := range info.Deps {
		want = append(want, m.Path+" "+m.Version)
	}
	var got []string
	for _, p := range document.Packages {
		got = append(got, p.PackageName+" "+p.PackageVersion)
		if p.PackageLicenseDeclared == "NOASSERTION" {
			t.Errorf("the licence of %s is not known; teach sbom.Licence to recognise it", p.PackageName)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("lists %q\nthe binary has %q", got, want)
	}
	related, err := spdxlib.GetDescribedPackageIDs(document)
	if err != nil || len(related) != 1 {
		t.Errorf("describes %v, %v", related, err)
	}
}
