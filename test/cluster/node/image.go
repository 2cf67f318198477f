package node

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

// An Image is a container image: one layer with these files in it.
type Image struct {
	Name       string   // as manifests name it
	Entrypoint []string // what container.command replaces
	Command    []string // what container.args replaces
	User       string   // uid or uid:gid; empty means root
	Env        []string
	Files      map[string]File // by path, without the first slash
}

// A File is what stands at a path of an image. The zero value is an empty directory.
type File struct {
	Source string // a file of this machine, which the image holds an executable copy of
	Text   string // or the contents
	Link   string // or where a symbolic link leads
}

// Write writes the image as `docker save` does, which `ctr images import` and `docker
// load` read. The same image is always the same bytes.
func (i Image) Write(w io.Writer) error {
	layer, err := i.layer()
	if err != nil {
		return fmt.Errorf("image %s: %w", i.Name, err)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config": map[string]any{
			"Entrypoint": i.Entrypoint,
			"Cmd":        i.Command,
			"Env":        i.Env,
			"User":       i.User,
			"WorkingDir": "/",
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return err
	}
	configName := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]map[string]any{
		{"Config": configName, "RepoTags": []string{i.Name}, "Layers": []string{"layer.tar"}},
	})
	if err != nil {
		return err
	}
	archive := tar.NewWriter(w)
	for _, f := range []struct {
		name string
		text []byte
	}{{"layer.tar", layer}, {configName, config}, {"manifest.json", manifest}} {
		if err := add(archive, &tar.Header{Name: f.name, Mode: 0o644}, f.text); err != nil {
			return err
		}
	}
	return archive.Close()
}

func (i Image) layer() ([]byte, error) {
	var (
		layer bytes.Buffer
		w     = tar.NewWriter(&layer)
		made  = map[string]bool{".": true}
	)
	for _, name := range slices.Sorted(maps.Keys(i.Files)) {
		if !fs.ValidPath(name) {
			return nil, fmt.Errorf("%s is not a path without its first slash", name)
		}
		if err := addParents(w, path.Dir(name), made); err != nil {
			return nil, err
		}
		f := i.Files[name]
		var err error
		switch {
		case f.Source != "":
			var text []byte
			if text, err = os.ReadFile(f.Source); err == nil {
				err = add(w, &tar.Header{Name: name, Mode: 0o755}, text)
			}
		case f.Text != "":
			mode := int64(0o644)
			if strings.HasPrefix(f.Text, "#!") {
				mode = 0o755
			}
			err = add(w, &tar.Header{Name: name, Mode: mode}, []byte(f.Text))
		case f.Link != "":
			err = add(w, &tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: f.Link, Mode: 0o777}, nil)
		default:
			err = addParents(w, name, made)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return layer.Bytes(), nil
}

// addParents adds a directory and those above it. A directory named tmp is open to all,
// with the sticky bit.
func addParents(w *tar.Writer, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	made[dir] = true
	if err := addParents(w, path.Dir(dir), made); err != nil {
		return err
	}
	mode := int64(0o755)
	if path.Base(dir) == "tmp" {
		mode = 0o1777
	}
	return add(w, &tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode}, nil)
}

func add(w *tar.Writer, h *tar.Header, text []byte) error {
	h.Size = int64(len(text))
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}
