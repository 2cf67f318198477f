package release

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/podfacts/podfacts/cmd/release/image"
)

// TestImage reads the released image out of both archives.
func TestImage(t *testing.T) {
	t.Parallel()
	index := open(t, released(t, "*_image.oci.tar"))
	oci := platform(t, index, v1.Platform{OS: "linux", Architecture: runtime.GOARCH})
	docker, err := tarball.ImageFromPath(released(t, "*.docker.tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(validate.Index(index), validate.Image(docker)); err != nil {
		t.Error(err)
	}
	ociID, err1 := oci.ConfigName()
	dockerID, err2 := docker.ConfigName()
	if ociID != dockerID || errors.Join(err1, err2) != nil {
		t.Errorf("the layout has image %s, the archive for docker %s; %v, %v", ociID, dockerID, err1, err2)
	}
	config, err := oci.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	// What restricted Pod Security and runAsNonRoot want to see without a passwd file.
	if user := config.Config.User; !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("the user is %q, want two numbers that are not 0", user)
	}
	manifest, err := oci.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(manifest.Annotations, config.Config.Labels) {
		t.Errorf("the annotations are %v, the labels %v", manifest.Annotations, config.Config.Labels)
	}

	// In it is the binary of the archive, which runs, and nothing else.
	layers, err := docker.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	layer, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer layer.Close()
	r := tar.NewReader(layer)
	h, err := r.Next()
	if err != nil || h.Name != "podfacts" || h.Mode != 0o755 {
		t.Fatalf("the first file is %+v, %v", h, err)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("another file: %+v, %v", h, err)
	}
	if !bytes.Equal(got, binary(t)) {
		t.Error("the image and the archive have different binaries")
	}
}

// binary is that of the archive.
func binary(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "tar", "-xzf", released(t, "*_"+runtime.GOARCH+".tar.gz"), "-C", dir, "podfacts")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "podfacts"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestPlatforms makes an image for several.
func TestPlatforms(t *testing.T) {
	t.Parallel()
	var platforms []*image.Built
	for _, architecture := range []string{"amd64", "arm64"} {
		built, err := image.Image{
			Names: []string{"example/app:1", "example/app:latest"}, Architecture: architecture, User: "1:1", Labels: map[string]string{"a": "b"},
			Env: []string{"A=b"}, Command: []string{"run"},
			Files: map[string]image.File{"bin/app": {Text: "for " + architecture}, "bin/link": {Link: "app"}, "tmp": {}},
		}.Build()
		if err != nil {
			t.Fatal(err)
		}
		platforms = append(platforms, built)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(image.WriteLayout(f, platforms...), f.Close()); err != nil {
		t.Fatal(err)
	}
	index := open(t, file)
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	for _, architecture := range []string{"amd64", "arm64"} {
		config, err := platform(t, index, v1.Platform{OS: "linux", Architecture: architecture}).ConfigFile()
		if err != nil || config.Architecture != architecture || config.OS != "linux" {
			t.Errorf("for %s: %+v, %v", architecture, config, err)
		}
	}
}

// open unpacks a layout and returns the index of its first image, checking the rest.
func open(t *testing.T, archive string) v1.ImageIndex {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xf", archive, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(top); err != nil {
		t.Error(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil || len(manifest.Manifests) != 2 || manifest.Manifests[0].Digest != manifest.Manifests[1].Digest {
		t.Fatalf("%+v, %v: want one image with two names", manifest, err)
	}
	if tag := manifest.Manifests[1].Annotations["org.opencontainers.image.ref.name"]; tag != "latest" {
		t.Errorf("the second name has the tag %q", tag)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func platform(t *testing.T, index v1.ImageIndex, p v1.Platform) v1.Image {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		if match.Platforms(p)(d) {
			found, err := index.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
	}
	t.Fatalf("no image for %s among %+v", p, manifest.Manifests)
	return nil
}
