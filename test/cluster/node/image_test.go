package node

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// TestImage reads an image as a container engine does. That containerd does so too, every
// pod of a node proves.
func TestImage(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(source, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	image := Image{
		Name: "example/app:1", Entrypoint: []string{"/bin/app"}, User: "65532",
		Files: map[string]File{
			"bin/app":     {Source: source},
			"bin/also":    {Link: "app"},
			"bin/run":     {Text: "#!/bin/sh\n"},
			"etc/app/cfg": {Text: "a = 1\n"},
			"tmp":         {},
		},
	}
	var first, second bytes.Buffer
	if err := errors.Join(image.Write(&first), image.Write(&second)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("written twice, it is not the same")
	}

	archive := untar(t, first.Bytes())
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(archive["manifest.json"].text, &manifest); err != nil {
		t.Fatal(err)
	}
	var config struct {
		OS     string
		Config struct {
			Entrypoint []string
			User       string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(archive[manifest[0].Config].text, &config); err != nil {
		t.Fatal(err)
	}
	layer := archive[manifest[0].Layers[0]].text
	if got, want := fmt.Sprint(manifest[0].RepoTags, config), fmt.Sprintf("[example/app:1] {linux {[/bin/app] 65532} {[sha256:%x]}}", sha256.Sum256(layer)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	got := map[string]string{}
	for name, f := range untar(t, layer) {
		got[name] = fmt.Sprintf("%o %s%s", f.Mode, f.text, f.Linkname)
	}
	want := map[string]string{
		"bin/": "755 ", "bin/app": "755 program", "bin/also": "777 app", "bin/run": "755 #!/bin/sh\n",
		"etc/": "755 ", "etc/app/": "755 ", "etc/app/cfg": "644 a = 1\n", "tmp/": "1777 ",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestImageRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"/bin/app", "../app", "bin/", ""} {
		if err := (Image{Name: "a", Files: map[string]File{name: {Text: "x"}}}).Write(io.Discard); err == nil {
			t.Errorf("an image with a file at %q", name)
		}
	}
	if err := (Image{Name: "a", Files: map[string]File{"app": {Source: "/nowhere"}}}).Write(io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an image of a file that is not there: %v", err)
	}
}

type member struct {
	*tar.Header
	text []byte
}

func untar(t *testing.T, text []byte) map[string]member {
	t.Helper()
	members := map[string]member{}
	for r := tar.NewReader(bytes.NewReader(text)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return members
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		members[h.Name] = member{h, content}
	}
}
