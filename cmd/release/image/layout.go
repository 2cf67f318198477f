package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
)

const (
	indexType    = "application/vnd.oci.image.index.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// descriptor refers to a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type index struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Manifests     []descriptor      `json:"manifests"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// WriteLayout writes an image for several platforms as the tar archive of an OCI image
// layout: one index with a manifest for each platform, under each name of the first.
func WriteLayout(w io.Writer, platforms ...*Built) error {
	if len(platforms) == 0 {
		return errors.New("an image of no platform")
	}
	first := platforms[0].image
	blobs := make(map[string][]byte)
	images := index{SchemaVersion: 2, MediaType: indexType, Annotations: first.Labels}
	for _, b := range platforms {
		d, err := b.manifest(blobs)
		if err != nil {
			return err
		}
		images.Manifests = append(images.Manifests, d)
	}
	all, err := addJSON(blobs, indexType, images)
	if err != nil {
		return err
	}
	top := index{SchemaVersion: 2, MediaType: indexType}
	for _, name := range first.Names {
		named := all
		named.Annotations = reference(name)
		top.Manifests = append(top.Manifests, named)
	}
	entry, err := json.Marshal(top)
	if err != nil {
		return err
	}
	a := newArchive(w, first.Created)
	add := func(name string, data []byte) {
		if err == nil {
			err = a.add(&tar.Header{Name: name, Mode: 0o644}, data)
		}
	}
	add("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	add("index.json", entry)
	if err == nil {
		err = a.parents("blobs/sha256")
	}
	for _, digest := range slices.Sorted(maps.Keys(blobs)) {
		add("blobs/"+strings.Replace(digest, ":", "/", 1), blobs[digest])
	}
	return errors.Join(err, a.Close())
}

// manifest adds what an image consists of to the blobs.
func (b *Built) manifest(blobs map[string][]byte) (descriptor, error) {
	d, err := addJSON(blobs, manifestType, manifest{
		SchemaVersion: 2, MediaType: manifestType, Annotations: b.image.Labels,
		Config: addBlob(blobs, configType, b.config),
		Layers: []descriptor{addBlob(blobs, layerType, b.packed)},
	})
	p := b.image.platform()
	d.Platform = &p
	return d, err
}

func addJSON(blobs map[string][]byte, mediaType string, value any) (descriptor, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return descriptor{}, err
	}
	return addBlob(blobs, mediaType, data), nil
}

func addBlob(blobs map[string][]byte, mediaType string, data []byte) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digest(data), Size: len(data)}
	blobs[d.Digest] = data
	return d
}

// reference says what an image of a layout is called: its tag by the specification
// (image-layout.md), and for containerd its whole name, as it keeps it.
func reference(name string) map[string]string {
	_, tag, _ := strings.Cut(name[strings.LastIndex(name, "/")+1:], ":")
	return map[string]string{"org.opencontainers.image.ref.name": tag, "io.containerd.image.name": qualified(name)}
}

// qualified adds the registry that a name leaves out: busybox:1.37 is
// docker.io/library/busybox:1.37.
func qualified(name string) string {
	host, _, ok := strings.Cut(name, "/")
	switch {
	case !ok:
		return "docker.io/library/" + name
	case host == "localhost" || strings.ContainsAny(host, ".:"):
		return name
	default:
		return "docker.io/" + name
	}
}
