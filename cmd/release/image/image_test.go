package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// example has a file of every kind. Its source is a new copy each time.
func example(t *testing.T, architecture string) Image {
	t.Helper()
	source := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(source, []byte("program for "+architecture), 0o600); err != nil {
		t.Fatal(err)
	}
	return Image{
		Names: []string{"example/app:1", "localhost/app:2"}, Architecture: architecture, Entrypoint: []string{"/bin/app"}, User: "65532",
		Created: time.Unix(1_700_000_000, 0),
		Labels:  map[string]string{"org.opencontainers.image.title": "app", "a": "b"},
		Files: map[string]File{
			"bin/app":     {Source: source},
			"bin/also":    {Link: "app"},
			"bin/run":     {Text: "#!/bin/sh\n"},
			"etc/app/cfg": {Text: "a = 1\n"},
			"tmp":         {},
		},
	}
}

func build(t *testing.T, i Image) *Built {
	t.Helper()
	b, err := i.Build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWriteDocker reads an archive as a container engine does. That containerd does so
// too, every pod of a node in the end-to-end tests proves.
func TestWriteDocker(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := build(t, example(t, "arm64")).WriteDocker(&b); err != nil {
		t.Fatal(err)
	}
	archive := untar(t, b.Bytes())
	var manifest []dockerManifest
	decode(t, archive["manifest.json"].text, &manifest)
	var got config
	decode(t, archive[manifest[0].Config].text, &got)
	layer := archive[manifest[0].Layers[0]].text
	want := fmt.Sprintf("{2023-11-14T22:13:20Z arm64 linux {65532 [] [/bin/app] [] / map[a:b org.opencontainers.image.title:app]} "+
		"{layers [sha256:%x]} [{2023-11-14T22:13:20Z github.com/podfacts/podfacts/cmd/release/image}]}", sha256.Sum256(layer))
	if fmt.Sprint(got) != want {
		t.Errorf("got  %s\nwant %s", fmt.Sprint(got), want)
	}
	if got, want := fmt.Sprint(manifest[0].RepoTags), "[example/app:1 localhost/app:2]"; got != want {
		t.Errorf("tags are %s, want %s", got, want)
	}
	files := map[string]string{}
	for name, f := range untar(t, layer) {
		files[name] = fmt.Sprintf("%o %s%s", f.Mode, f.text, f.Linkname)
		if f.ModTime.Unix() != 1_700_000_000 || f.Uid != 0 || f.Uname != "" {
			t.Errorf("%s is of %s and of user %d %q", name, f.ModTime, f.Uid, f.Uname)
		}
	}
	wantFiles := map[string]string{
		"bin/": "755 ", "bin/app": "755 program for arm64", "bin/also": "777 app", "bin/run": "755 #!/bin/sh\n",
		"etc/": "755 ", "etc/app/": "755 ", "etc/app/cfg": "644 a = 1\n", "tmp/": "1777 ",
	}
	if !maps.Equal(files, wantFiles) {
		t.Errorf("got  %q\nwant %q", files, wantFiles)
	}
}

// TestWriteLayout follows the descriptors from the entry to the files.
func TestWriteLayout(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := WriteLayout(&b, build(t, example(t, "amd64")), build(t, example(t, "arm64"))); err != nil {
		t.Fatal(err)
	}
	archive := untar(t, b.Bytes())
	blob := func(d descriptor) []byte {
		t.Helper()
		data := archive["blobs/"+strings.Replace(d.Digest, ":", "/", 1)].text
		if len(data) != d.Size || digest(data) != d.Digest {
			t.Fatalf("blob %s has %d bytes and the digest %s, want %d", d.Digest, len(data), digest(data), d.Size)
		}
		return data
	}
	if got, want := string(archive["oci-layout"].text), `{"imageLayoutVersion":"1.0.0"}`; got != want {
		t.Errorf("oci-layout is %s, want %s", got, want)
	}
	var top, all index
	decode(t, archive["index.json"].text, &top)
	names := ""
	for _, d := range top.Manifests {
		names += d.Annotations["io.containerd.image.name"] + " " + d.Annotations["org.opencontainers.image.ref.name"] + "\n"
	}
	if want := "docker.io/example/app:1 1\nlocalhost/app:2 2\n"; names != want {
		t.Errorf("it is named\n%swant\n%s", names, want)
	}
	decode(t, blob(top.Manifests[0]), &all)
	for i, architecture := range []string{"amd64", "arm64"} {
		var m manifest
		var c config
		d := all.Manifests[i]
		decode(t, blob(d), &m)
		decode(t, blob(m.Config), &c)
		unzipped := untar(t, gunzip(t, blob(m.Layers[0])))
		if got, want := string(unzipped["bin/app"].text), "program for "+architecture; got != want || c.Architecture != architecture ||
			*d.Platform != (platform{architecture, "linux"}) || m.Annotations["a"] != "b" {
			t.Errorf("for %s: %q, config %+v, descriptor %+v, manifest %+v", architecture, got, c, d, m)
		}
		if got, want := digest(gunzip(t, blob(m.Layers[0]))), c.RootFS.DiffIDs[0]; got != want {
			t.Errorf("the layer for %s is %s, the configuration says %s", architecture, got, want)
		}
	}
	if err := WriteLayout(io.Discard); err == nil {
		t.Error("wrote an image of no platform")
	}
}

// TestSameBytes: where and when an image is made does not matter.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	write := func() (docker, layout string) {
		var d, l bytes.Buffer
		b := build(t, example(t, "amd64"))
		if err := errors.Join(b.WriteDocker(&d), WriteLayout(&l, b)); err != nil {
			t.Fatal(err)
		}
		return d.String(), l.String()
	}
	docker, layout := write()
	for range 5 { // the order of maps differs
		if d, l := write(); d != docker || l != layout {
			t.Fatal("written again, it is not the same")
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a", 1<<20)
	b := build(t, Image{Files: map[string]File{"a": {Text: text}}})
	if b.Size() < 1<<20 || b.Size() > 1<<20+4096 || b.Compressed() > 4096 {
		t.Errorf("a megabyte that repeats one letter is %d bytes, %d compressed", b.Size(), b.Compressed())
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"/bin/app", "../app", "bin/", ""} {
		if _, err := (Image{Names: []string{"a"}, Files: map[string]File{name: {Text: "x"}}}).Build(); err == nil {
			t.Errorf("an image with a file at %q", name)
		}
	}
	if _, err := (Image{Names: []string{"a"}, Files: map[string]File{"app": {Source: "/nowhere"}}}).Build(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an image of a file that is not there: %v", err)
	}
	full := errors.New("the disk is full")
	b := build(t, example(t, "amd64"))
	if err := errors.Join(b.WriteDocker(failing{full}), WriteLayout(failing{full}, b)); !errors.Is(err, full) || strings.Count(err.Error(), full.Error()) < 2 {
		t.Errorf("what nobody wrote is an image: %v", err)
	}
}

func TestQualified(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"busybox:1.37":           "docker.io/library/busybox:1.37",
		"podfacts/podfacts:1":    "docker.io/podfacts/podfacts:1",
		"localhost/a:1":          "localhost/a:1",
		"localhost:5000/a/b:1":   "localhost:5000/a/b:1",
		"registry.k8s.io/pause:": "registry.k8s.io/pause:",
	} {
		if got := qualified(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
}

func gunzip(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
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
