package image

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteDocker writes the image as `docker save` does.
func (b *Built) WriteDocker(w io.Writer) error {
	name := strings.TrimPrefix(digest(b.config), "sha256:") + ".json"
	manifest, err := json.Marshal([]dockerManifest{{Config: name, RepoTags: b.image.Names, Layers: []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	a := newArchive(w, b.image.Created)
	for _, f := range []struct {
		name string
		data []byte
	}{{"layer.tar", b.layer}, {name, b.config}, {"manifest.json", manifest}} {
		if err := a.add(&tar.Header{Name: f.name, Mode: 0o644}, f.data); err != nil {
			return fmt.Errorf("image %s: %w", strings.Join(b.image.Names, ", "), err)
		}
	}
	return a.Close()
}

// dockerManifest is an entry of manifest.json.
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}
