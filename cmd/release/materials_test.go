package main

import (
	"archive/zip"
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestMaterialsFetched releases where no module has been fetched before, not even one
// that the program has on another platform alone.
func TestMaterialsFetched(t *testing.T) {
	const module = "example.com/other"
	proxy := t.TempDir()
	write(t, proxy, map[string]string{
		module + "/@v/list":        "v1.0.0\n",
		module + "/@v/v1.0.0.info": `{"Version": "v1.0.0"}`,
		module + "/@v/v1.0.0.mod":  "module " + module + "\n",
		module + "/@v/v1.0.0.zip": zipped(t, map[string]string{
			module + "@v1.0.0/go.mod": "module " + module + "\n", module + "@v1.0.0/a.go": "package other\n", module + "@v1.0.0/LICENSE": "for others\n",
		}),
	})
	t.Setenv("GOPROXY", "file://"+filepath.ToSlash(proxy))
	t.Setenv("GONOSUMDB", module)
	t.Setenv("GOMODCACHE", t.TempDir())
	dir := repository(t)
	defer shell(t, dir, "go clean -modcache") // it is read-only
	write(t, dir, map[string]string{"cmd/podfacts/main_windows.go": "package main\n\nimport _ \"" + module + "\"\n"})
	shell(t, dir, "go mod tidy && go clean -modcache && git add . && git commit -q -m two")

	code, _, stderr := releasing(t, dir, "-snapshot", "-platforms", "linux/amd64,windows/amd64")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	archives, err := filepath.Glob(filepath.Join(dir, "dist", "*.zip"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("archives for windows: %q, %v", archives, err)
	}
	r, err := zip.OpenReader(archives[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := r.Open("THIRD_PARTY_LICENSES")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(f); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"\nthe Go standard library: LICENSE\n", "\n" + module + " v1.0.0: LICENSE\n", "\nfor others\n"} {
		if !strings.Contains(text.String(), says) {
			t.Errorf("does not say %q:\n%s", says, &text)
		}
	}
}

func zipped(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
