package inject_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/podfacts/podfacts/agent/inject"
)

// FuzzFiles injects into whatever is a manifest: what comes out is injected, and
// stays as it is the second time.
func FuzzFiles(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "")
	}
	f.Add([]byte(`{"kind":"List","items":[{"kind":"Pod","metadata":null,"spec":{"containers":[null,{"name":1}]}}]}`), "init")
	f.Fuzz(func(t *testing.T, text []byte, mode string) {
		if len(text) > 4000 || bytes.Count(text, []byte("*")) > 4 { // aliases multiply
			return
		}
		i := inject.Injector{Settings: settings(), Mode: mode}
		once, err := i.Files([]inject.File{{Name: "once", Text: text}})
		if err != nil {
			return
		}
		if len(once.Injected) == 0 && !bytes.Equal(once.Texts[0], text) {
			t.Errorf("nothing was injected, but the text changed:\n%q\n%q", text, once.Texts[0])
		}
		twice, err := i.Files([]inject.File{{Name: "twice", Text: once.Texts[0]}})
		if err != nil {
			t.Fatalf("the second time: %v\n%s", err, once.Texts[0])
		}
		if len(twice.Injected) > 0 || !bytes.Equal(twice.Texts[0], once.Texts[0]) {
			t.Errorf("injected %v the second time:\n%s\nfrom\n%s", twice.Injected, twice.Texts[0], once.Texts[0])
		}
		if len(twice.Already) != len(once.Injected)+len(once.Already) {
			t.Errorf("%v were there, then %v", twice.Already, once)
		}
	})
}
