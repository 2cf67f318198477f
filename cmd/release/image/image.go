// Package image makes container images out of files, without a container engine.
//
//	app := image.Image{
//		Names:      []string{"example/app:1.0"},
//		Entrypoint: []string{"/app"},
//		User:       "65532:65532",
//		Files:      map[string]image.File{"app": {Source: "bin/app"}},
//	}
//	built, err := app.Build()
//	err = built.WriteDocker(w)
//
// An [Image] says what is in it, [Image.Build] makes it, for one platform. A [Built] image
// is written as an archive of Docker's, which `docker load`, `kind load image-archive`,
// `podman load` and `ctr images import` read; [WriteLayout] writes one for several platforms
// as an OCI image layout, which `skopeo`, `oras`, `crane` and `ctr` read and push.
//
// What is written depends on the Image alone: not on the time, the machine, or the order of
// a map. So whoever builds the same files has the same digests.
package image

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// An Image is a container image of one layer.
type Image struct {
	Names        []string // as manifests name it, with a tag
	OS           string   // empty means linux
	Architecture string   // as Go names it; empty means that of this program
	Entrypoint   []string // what container.command replaces
	Command      []string // what container.args replaces
	User         string   // uid or uid:gid; empty means root
	Env          []string
	Labels       map[string]string // of the configuration; annotations of the manifest, too
	Created      time.Time         // also of the files; zero means that nobody knows
	Files        map[string]File   // by path, without the first slash
}

// A File is what stands at a path of an image. The zero value is an empty directory.
type File struct {
	Source string // a file of this machine, which the image holds an executable copy of
	Text   string // or the contents
	Link   string // or where a symbolic link leads
}

// Built is an image as bytes.
type Built struct {
	image  Image
	layer  []byte // a tar archive
	packed []byte // the same, compressed
	config []byte
}

// Build reads the files and makes the image.
func (i Image) Build() (*Built, error) {
	b := &Built{image: i}
	var err error
	if b.layer, err = i.layer(); err != nil {
		return nil, fmt.Errorf("image %s: %w", strings.Join(i.Names, ", "), err)
	}
	if b.packed, err = compress(b.layer); err != nil {
		return nil, err
	}
	b.config, err = json.Marshal(i.configuration(digest(b.layer)))
	return b, err
}

// Size is what a node holds once the image is unpacked, in bytes.
func (b *Built) Size() int64 { return int64(len(b.layer)) }

// Compressed is what a registry holds and a node pulls, in bytes.
func (b *Built) Compressed() int64 { return int64(len(b.packed) + len(b.config)) }

// compress writes no time and no name, so that the same is compressed the same.
func compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }
